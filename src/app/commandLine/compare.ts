/** `compare`: a plan beside the common methods on the same costs. */
import { UserError } from "../../model/errors";
import { nodeFiles } from "../../platform/nodeFiles";
import { comparePlan, comparePlans, type ComparedPlan } from "../compare";
import { differenceText } from "../../planner/explain/difference";
import { explanationText } from "../../planner/explain/explain";
import { fillText } from "./fillText";
import { parse, percent, printJson, printProgress, type Command } from "./command";

const nameWidth = 16;

function line(name: string, { schedule, stages, microbatches, dataParallel, predicted }: ComparedPlan, speedUp?: number): string {
  const kind = `${schedule}, ${stages} x ${dataParallel}, ${microbatches} micro-batches`;
  const figures = [predicted.periodMs.toFixed(2), predicted.throughputPerSecond.toFixed(3), percent(predicted.bubbleRatio), (Math.max(...predicted.peakMemoryBytes) / 1e6).toFixed(0), speedUp === undefined ? "" : speedUp.toFixed(3)];
  const widths = [10, 10, 8, 8, 11];
  return `${name.padEnd(nameWidth)} ${kind.padEnd(30)} ${figures.map((figure, i) => figure.padStart(widths[i])).join(" ")}`;
}

export const compareCommand: Command = {
  usage: "PLAN ([--ablation] | --with PLAN) [--json]",
  summary: "Compares a plan with data parallelism, other pipelines without filling and cached encodings, each at its best on the same costs; or with another plan: what differs, and what that costs.",
  async run(argv, signal) {
    const { values, positionals } = parse(argv, { ablation: { type: "boolean" }, with: { type: "string" }, json: { type: "boolean" } }, { names: ["PLAN"] });
    if (values.with !== undefined) {
      if (values.ablation) throw new UserError("Give --ablation or --with PLAN, one of the two.");
      const difference = await comparePlans(nodeFiles, positionals[0], values.with);
      if (values.json) return printJson(difference);
      process.stdout.write(`${positionals[0]} | ${values.with}\n${differenceText(difference)}`);
      return;
    }
    const isTerminal = process.stderr.isTTY;
    const comparison = await comparePlan(nodeFiles, positionals[0], { signal, onProgress: (done, total) => isTerminal && printProgress(done === total ? "" : `${done}/${total} baseline plans`) }, values.ablation);
    if (values.json) return printJson(comparison);
    const rows = comparison.baselines.map(({ name, best, reason, speedUp }) => (best ? line(name, best, speedUp) : `${name.padEnd(nameWidth)} ${reason}`));
    const head = `${"".padEnd(nameWidth)} ${"stages x data parallel".padEnd(30)}  period ms  samples/s bubble %  peak MB plan faster`;
    process.stdout.write(`${[head, line("this plan", comparison.plan), ...rows].join("\n")}\n${fillText(comparison.fills)}${explanationText(comparison.explanation)}${comparison.verdict}\n${comparison.caching === undefined ? "" : `${comparison.caching}\n`}`);
    for (const { name, periodMs, bubbleRatio } of comparison.ablation ?? []) process.stdout.write(`${name.padEnd(nameWidth)} ${periodMs.toFixed(2).padStart(10)} ms, bubbles ${percent(bubbleRatio)} %\n`);
  },
};
