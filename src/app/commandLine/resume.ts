/** `resume`: goes on with a run from its last checkpoint. */
import { resumeRun } from "../runs";
import { parse, type Command } from "./command";
import { followToEnd } from "./following";
import { launchServices } from "./launchServices";

export const resumeCommand: Command = {
  usage: "RUN [--follow]",
  summary: "Go on with a run that ended early, from its last checkpoint.",
  async run(argv, signal) {
    const { values, positionals } = parse(argv, { follow: { type: "boolean" } }, { names: ["RUN"] });
    const services = launchServices();
    const record = await resumeRun(services, positionals[0], { signal });
    process.stderr.write(`${record.id} goes on on ${record.targetName}.\n`);
    if (values.follow) await followToEnd(services, record.id, { from: "shown", logTo: process.stdout, signal });
  },
};
