/** The partition: the dynamic programme under several readings of a stage's cost, each start improved by simulation. */
import type { Context } from "../../simulate/context";
import { bestCuts } from "./dynamic";
import { refine } from "./refine";
import { stageCosts, type Shape } from "./stageCosts";

/**
 * The best cuts found and their period; undefined where no cut fits the devices' memory. `period` simulates cuts and is
 * Infinity for those that don't fit. How much of the communication a schedule hides is only known by simulation, so the
 * programme is run for what overlaps and for none hidden; and for forward and backward passes alone, whose slowest stages add
 * up where a schedule keeps the two apart (GPipe).
 */
export function partition(shape: Shape, context: Context, period: (cuts: readonly number[]) => number, budget: number): { cuts: readonly number[]; periodMs: number } | undefined {
  const costs = stageCosts(shape, context);
  const known = new Map<string, number>();
  const remembered = (cuts: readonly number[]) => {
    const key = cuts.join();
    const found = known.get(key) ?? period(cuts);
    known.set(key, found);
    return found;
  };
  const readings = [costs.stageMs, costs.serialMs, costs.forwardMs, costs.backwardMs];
  const starts = new Map<string, readonly number[]>();
  for (const reading of readings) {
    const cuts = bestCuts(shape, costs, context, reading);
    if (cuts) starts.set(cuts.join(), cuts);
  }
  const found = [...starts.values()].map((cuts) => refine(cuts, remembered, Math.ceil(budget / starts.size)));
  return found.length === 0 ? undefined : found.reduce((best, candidate) => (candidate.periodMs < best.periodMs ? candidate : best));
}
