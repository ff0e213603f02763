/** The partition: the dynamic programme under several readings of a stage's cost, each start improved by simulation. */
import { isInV } from "../../schedule/generators";
import type { Context } from "../../simulate/context";
import { firstCuts, joinedCuts } from "../cuts";
import { cutBound } from "./cutBound";
import { bestCuts } from "./dynamic";
import { quick, refine, thorough } from "./refine";
import { stageCosts, type Shape, type StageCosts } from "./stageCosts";
import { bestVCuts } from "./vPlacement";

/** What a stage may be taken to cost. */
const readings = ["stageMs", "serialMs", "pathMs", "forwardMs", "backwardMs"] as const;

/** What a device of a V may be. */
const vReadings = ["hidden", "serial", "even"] as const;

/** The best of the starts are improved. */
const mostImproved = 4;

/** Starts this many times as slow as what they have to beat are not improved: moving boundaries gains less (7 % at most of 130 on the slowest links). */
const hopefulStart = 1.15;

/** Where the first start is this many times as slow, others are not made: they differ by less. */
const hopefulFirst = 1.5;

/** Improved cuts this many times as slow are not looked at more closely: that gains less. */
const hopeful = 1.02;

/** Where so many times the budget are left that might be better, all of them are simulated. */
const leftPerBudget = 2;

/**
 * The best cuts found and their period; undefined where no cut fits the devices' memory. `period` simulates cuts and is
 * Infinity for those that don't fit. How much of the communication a schedule hides is only known by simulation, so the
 * programme is run for what overlaps and for none hidden; for the way of a micro-batch to a stage, which counts where
 * micro-batches are few; and for forward and backward passes alone, whose slowest stages add
 * up where a schedule keeps the two apart (GPipe).
 * @param shapes One per chain. Each chain is cut by itself and all are improved together; cuts are those of the chains laid
 * end to end.
 * @param toBeatMs Cuts that don't come near to it need not be the best. @param isQuick Whether fewer starts do.
 */
export function partition(shapes: readonly Shape[], context: Context, period: (cuts: readonly number[]) => number, budget: number, toBeatMs = Infinity, isQuick = false): { cuts: readonly number[]; periodMs: number } | undefined {
  const costs = shapes.map((shape) => stageCosts(shape, context));
  const known = new Map<string, number>();
  const remembered = (cuts: readonly number[]) => {
    const key = cuts.join();
    const found = known.get(key) ?? period(cuts);
    known.set(key, found);
    return found;
  };
  const bound = cutBound(shapes, context);
  const starts = new Map<string, readonly number[]>();
  const addStart = (cutsOf: (shape: Shape, own: StageCosts) => readonly number[] | undefined): boolean => {
    const each = shapes.flatMap((shape, c) => {
      const cuts = cutsOf(shape, costs[c]);
      return cuts ? [cuts] : [];
    });
    if (each.length < shapes.length) return false;
    const cuts = joinedCuts(each);
    starts.set(cuts.join(), cuts);
    return true;
  };
  const inV = isInV(shapes[0].plan.schedule.name) ? vReadings : [];
  const inLine = !isQuick ? readings : inV.length > 0 ? readings.slice(0, 1) : readings.slice(0, 3);
  const ways = [inV.map((reading) => (shape: Shape, own: StageCosts) => bestVCuts(shape, own, context, reading)), inLine.map((reading) => (shape: Shape, own: StageCosts) => startOf(shape, own, context, own[reading]))];
  for (const readingsOf of ways) {
    for (const way of readingsOf) {
      // Whether any cut fits does not depend on what a stage is taken to cost.
      if (!addStart(way)) break;
      const [only, other] = starts.values();
      if (other !== undefined) continue;
      const periodMs = remembered(only);
      if (periodMs < Infinity && periodMs > toBeatMs * hopefulFirst) return { cuts: only, periodMs };
    }
  }
  const [, ...ends] = firstCuts(shapes.map(({ placement }) => placement.length));
  const sorted = sortedBy([...starts.values()], remembered).slice(0, mostImproved);
  if (sorted.length > 0 && remembered(sorted[0]) > toBeatMs * hopefulStart && remembered(sorted[0]) < Infinity) return { cuts: sorted[0], periodMs: remembered(sorted[0]) };
  const found = sorted.map((cuts) => refine(cuts, remembered, Math.ceil(budget / sorted.length), ends, bound.of, quick)).filter(({ periodMs }) => periodMs < Infinity);
  if (found.length === 0) return undefined;
  const best = found.reduce((least, candidate) => (candidate.periodMs < least.periodMs ? candidate : least));
  // Each start had its part of the budget; the best of them may go on. Where few cuts might be better still, all are looked at.
  const near = refine(best.cuts, remembered, budget, ends, bound.of);
  if (near.periodMs > toBeatMs * hopeful) return near;
  const left = bound.below(near.periodMs, leftPerBudget * budget);
  if (!left) return refine(near.cuts, remembered, budget, ends, bound.of, thorough);
  return left.reduce((least, cuts) => {
    const periodMs = bound.of(cuts) < least.periodMs ? remembered(cuts) : Infinity;
    return periodMs < least.periodMs ? { cuts, periodMs } : least;
  }, near);
}

function sortedBy(all: readonly (readonly number[])[], amount: (cuts: readonly number[]) => number): readonly (readonly number[])[] {
  return all.map((cuts) => ({ cuts, ms: amount(cuts) })).sort((a, b) => (a.ms === b.ms ? 0 : a.ms - b.ms)).map(({ cuts }) => cuts);
}

/** Where devices hold several stages these may share its memory unequally: then a start that does not fit yet is better than none. */
function startOf(shape: Shape, costs: StageCosts, context: Context, stageMs: StageCosts["stageMs"]): readonly number[] | undefined {
  return bestCuts(shape, costs, context, stageMs) ?? (shape.memoryShare < 1 ? bestCuts({ ...shape, memoryShare: 1 }, costs, context, stageMs) : undefined);
}
