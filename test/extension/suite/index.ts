import { runSuite } from "../runSuite";

export const run = (): Promise<void> => runSuite(__dirname);
