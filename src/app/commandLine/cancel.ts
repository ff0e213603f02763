/** `cancel`: ends a run. */
import { cancelRun } from "../runs";
import { parse, type Command } from "./command";
import { describeStatus } from "./following";
import { launchServices } from "./launchServices";

export const cancelCommand: Command = {
  usage: "RUN",
  summary: "End a run; returns when all its processes are gone.",
  async run(argv, signal) {
    const { positionals } = parse(argv, {}, { names: ["RUN"] });
    const status = await cancelRun(launchServices(), positionals[0], { signal });
    process.stdout.write(`${describeStatus(status)}\n`);
  },
};
