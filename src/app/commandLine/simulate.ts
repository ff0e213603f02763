/** `simulate` and `compile`: what a plan will do, as a timeline and as a program. */
import { resolve } from "node:path";
import { writeDocument } from "../../formats/document";
import { programFormat } from "../../formats/program";
import { timelineFormat } from "../../formats/timeline";
import { UserError } from "../../model/errors";
import { nodeFiles } from "../../platform/nodeFiles";
import type { OpenedPlan } from "../planFiles";
import { simulatePlan } from "../simulate";
import { parse, printJson, type Command } from "./command";

function warnOfStale({ stale }: OpenedPlan): void {
  for (const input of stale) process.stderr.write(`The plan's ${input} has changed since the plan was made; its prediction is for the ${input} as it is now.\n`);
}

const options = { output: { type: "string", short: "o" }, json: { type: "boolean" } } as const;

export const simulateCommand: Command = {
  usage: "PLAN -o TIMELINE [--json]",
  summary: "Simulates a plan and writes the predicted timeline of two settled iterations.",
  async run(argv) {
    const { values, positionals } = parse(argv, options, { names: ["PLAN"] });
    if (values.output === undefined && !values.json) throw new UserError("Say where the timeline goes: -o NAME.timeline.json, or --json for standard output.");
    const { opened, timeline } = await simulatePlan(nodeFiles, positionals[0]);
    warnOfStale(opened);
    if (values.output !== undefined) await writeDocument(timelineFormat, nodeFiles, resolve(values.output), timeline);
    if (values.json) return printJson(timeline);
    const { periodMs, expectedPeriodMs, makespanMs, bubbleRatio, waste = 0, throughputPerSecond } = timeline;
    process.stdout.write(`period ${periodMs.toFixed(2)} ms, makespan ${makespanMs.toFixed(2)} ms, bubbles ${(100 * bubbleRatio).toFixed(2)} %, waste ${(100 * waste).toFixed(2)} %, ${throughputPerSecond.toFixed(3)} samples/s (predicted)\n`);
    if (expectedPeriodMs !== undefined) process.stdout.write(`These are iterations with self-conditioning; the mean period over all is ${expectedPeriodMs.toFixed(2)} ms.\n`);
    process.stdout.write(`Wrote ${values.output}\n`);
  },
};

export const compileCommand: Command = {
  usage: "PLAN -o PROGRAM [--json]",
  summary: "Writes the program that a plan compiles into: what each rank does, operation by operation.",
  async run(argv) {
    const { values, positionals } = parse(argv, options, { names: ["PLAN"] });
    if (values.output === undefined && !values.json) throw new UserError("Say where the program goes: -o NAME.program.json, or --json for standard output.");
    const { opened, program } = await simulatePlan(nodeFiles, positionals[0], resolve(values.output ?? positionals[0]));
    warnOfStale(opened);
    if (values.output !== undefined) await writeDocument(programFormat, nodeFiles, resolve(values.output), program);
    if (values.json) return printJson(program);
    const operations = program.ranks.reduce((count, rank) => count + rank.operations.length, 0);
    process.stdout.write(`${program.worldSize} ranks, ${operations} operations an iteration\nWrote ${values.output}\n`);
  },
};
