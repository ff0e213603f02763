/** Pipelines with more devices than stages: how many devices share the micro-batches of each stage. */
import type { Context } from "../../simulate/context";
import { bestSplit } from "./dynamic";
import { partition } from "./partition";
import { stageCosts, type Shape } from "./stageCosts";
import { allWidths } from "./widths";

export interface WideSplit {
  readonly widths: readonly number[];
  readonly cuts: readonly number[];
  readonly periodMs: number;
}

interface Judged {
  readonly shapes: readonly Shape[];
  readonly trainedMs: (cuts: readonly number[]) => number;
  /** What no plan with these cuts beats, whatever else its devices have to do. */
  readonly leastMs: (cuts: readonly number[]) => number;
}

/** Widths whose first cuts are this much slower than what they have to beat are not refined: moving boundaries gains less. */
const hopeful = 1.02;

/**
 * The best widths and cuts found, and their period; undefined where none fit. The programme gives widths and cuts to begin with.
 * Where these come near to `toBeatMs`, cuts are refined, and stages exchange devices, with cuts of their own each time, until
 * nothing helps.
 * @param free One place per device of a pipeline.
 * @param at Of some widths: the shape with a place for each stage, and the period of cuts, Infinity for those that don't fit.
 */
export function wideSplit(free: Shape, context: Context, at: (widths: readonly number[]) => Judged, budget: number, toBeatMs = Infinity): WideSplit | undefined {
  const costs = stageCosts(free, context);
  const starts = (["stageMs", "pathMs"] as const).flatMap((reading): readonly WideSplit[] => {
    const split = bestSplit(free, costs, context, costs[reading]);
    return split ? [{ ...split, periodMs: at(split.widths).trainedMs(split.cuts) }] : [];
  });
  if (starts.length === 0) return undefined;
  const first = starts.reduce((least, start) => (start.periodMs < least.periodMs ? start : least));
  if (at(first.widths).leastMs(first.cuts) > toBeatMs * hopeful) return first.periodMs < Infinity ? first : undefined;
  const known = new Set<string>();
  let best = first;
  const consider = (widths: readonly number[]): boolean => {
    if (known.has(widths.join())) return false;
    known.add(widths.join());
    const { shapes, trainedMs } = at(widths);
    const found = partition(shapes, context, trainedMs, budget, toBeatMs);
    const isBetter = found !== undefined && found.periodMs < best.periodMs * (1 - 1e-9);
    if (isBetter) best = { ...found, widths };
    return isBetter;
  };
  for (const { widths, periodMs } of starts) if (periodMs <= toBeatMs * hopeful) consider(widths);
  const all = allWidths(free.widths, free.placement.length, free.held.length);
  for (let improved = best.periodMs <= toBeatMs * hopeful; improved; ) {
    const from = best.widths;
    improved = all.filter((widths) => isNear(widths, from)).map(consider).includes(true);
  }
  return best.periodMs < Infinity ? best : undefined;
}

/** Whether two stages have exchanged devices. */
function isNear(one: readonly number[], other: readonly number[]): boolean {
  return one.filter((width, stage) => width !== other[stage]).length === 2;
}
