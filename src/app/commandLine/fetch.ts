/** `fetch`: brings a run's results here. */
import { resolve } from "node:path";
import { UserError } from "../../model/errors";
import { fetchRun } from "../runs";
import { parse, printProgress, type Command } from "./command";
import { launchServices } from "./launchServices";

export const fetchCommand: Command = {
  usage: "RUN -o DIR",
  summary: "Bring a run's trained pipeline, metrics, log, and its measured and predicted timelines into a new folder.",
  async run(argv, signal) {
    const { values, positionals } = parse(argv, { output: { type: "string", short: "o" } }, { names: ["RUN"] });
    if (values.output === undefined) throw new UserError("--output names the new folder.");
    const { files, bytes } = await fetchRun(launchServices(), positionals[0], resolve(values.output), { signal, onStep: printProgress });
    process.stderr.write(`${files} files, ${bytes} bytes.\n`);
  },
};
