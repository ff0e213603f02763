/** `logs`: what a run has written. */
import { UserError } from "../../model/errors";
import { printLog } from "../runs";
import { parse, type Command } from "./command";
import { describeStatus, followToEnd } from "./following";
import { launchServices } from "./launchServices";

export const logsCommand: Command = {
  usage: "RUN [--follow [--new]]",
  summary: "The log of a run. --follow goes on until it ends, --new leaves out what was followed before.",
  async run(argv, signal) {
    const { values, positionals } = parse(argv, { follow: { type: "boolean", short: "f" }, new: { type: "boolean" } }, { names: ["RUN"] });
    if (values.new && !values.follow) throw new UserError("--new goes with --follow.");
    const services = launchServices();
    if (!values.follow) return printLog(services, positionals[0], (bytes) => process.stdout.write(bytes), { signal });
    const status = await followToEnd(services, positionals[0], { from: values.new ? "shown" : "start", logTo: process.stdout, signal });
    process.stderr.write(`${describeStatus(status)}\n`);
  },
};
