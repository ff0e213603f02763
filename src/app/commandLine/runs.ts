/** `runs`: what was launched from here, with its present state. */
import { listRuns } from "../runs";
import { parse, printJson, type Command } from "./command";
import { describeStatus } from "./following";
import { launchServices } from "./launchServices";

export const runsCommand: Command = {
  usage: "[--json]",
  summary: "Runs that were launched from here, newest first.",
  async run(argv, signal) {
    const { values } = parse(argv, { json: { type: "boolean" } }, { names: [] });
    const entries = await listRuns(launchServices(), { signal });
    if (values.json) return printJson(entries.map(({ record, ...seen }) => ({ ...record, ...seen })));
    if (entries.length === 0) process.stderr.write("No run was launched from here yet.\n");
    for (const { record, status, problem } of entries) {
      const state = status ? describeStatus(status) : problem ? `unknown (last ${record.lastState}): ${problem}` : record.lastState;
      process.stdout.write(`${record.id}  ${record.targetName}  ${state}\n`);
    }
  },
};
