/** A candidate without its frozen work: cut, and where stages share devices, given its widths. */
import type { Plan } from "../../model/plan";
import type { Workload } from "../../model/workload";
import { pipelineSamples } from "../../plan/frozenWork";
import { pipelineDevices } from "../../plan/placement";
import { dependsOnTimes } from "../../schedule/generators";
import type { Context } from "../../simulate/context";
import { outcomesOf } from "../../simulate/selfConditioning";
import { joinedCuts } from "../cuts";
import { leastFrozenMs } from "../fill/bound";
import { missingBytes } from "../partition/dynamic";
import { partition } from "../partition/partition";
import { simulationBudget } from "../partition/refine";
import { excessOf, shapesOf } from "../partition/shapes";
import { stageCosts, type Shape } from "../partition/stageCosts";
import { wideSplit } from "../partition/wide";
import { allWidths } from "../partition/widths";
import { trialsOf, type Trials } from "../trials";
import { busiestWay } from "../ways";
import { planOf, widthsOf, type Candidate, type PlanBase } from "./candidates";

/** Where each cut has an order of its own, which takes so many times as long to make as to simulate, fewer cuts are tried. */
export const orderCost = 8;

/** Cuts that are simulated at least, where there are so many. */
const leastBudget = 8;

/** A plan's shape and what its cuts are judged by. */
interface Judged {
  /** Its cuts do not matter. */
  readonly start: Plan;
  readonly shapes: readonly Shape[];
  readonly trials: Trials;
  /** Bytes by which the fullest device misses its memory. */
  readonly excess: (cuts: readonly number[]) => number;
  /** Period of the passes alone; Infinity for cuts that don't fit. */
  readonly trainedMs: (cuts: readonly number[]) => number;
  /** The same, or what the devices compute on average with all frozen work, if that is longer. */
  readonly leastMs: (cuts: readonly number[]) => number;
}

export interface Balanced extends Judged {
  readonly balanced: { readonly cuts: readonly number[]; readonly periodMs: number };
}

/**
 * The best cuts (and widths, as far as they may come near to `toBeatMs`) of a candidate's passes, or by how many bytes nothing fits.
 * @param fill Whether devices share out the frozen work as they like. @param budgetShare Part of the usual number of cuts that may be simulated.
 */
export function balancedPlan(base: PlanBase, globalBatch: number, candidate: Candidate, context: Context, toBeatMs: number, fill: boolean, budgetShare = 1): Balanced | { readonly missingBytes: number } {
  const even = evenCuts(context.workload, candidate.stages);
  const judged = (widths?: readonly number[]): Judged => {
    const start = planOf(base, candidate, globalBatch, even, context.workload, widths);
    const shapes = shapesOf(start, context);
    const trials = trialsOf(start, context);
    const excess = excessOf(start, shapes, context);
    const waysMs = busiestWay(start, context);
    const trainedMs = (cuts: readonly number[]) => (excess(cuts) <= 0 ? Math.max(trials.passesMs(cuts), waysMs(cuts)) : Infinity);
    const ranks = pipelineDevices(start, 0).flat();
    const frozenMs = fill ? leastFrozenMs(context, pipelineSamples(start, 0)[1]) : 0;
    const leastMs = (cuts: readonly number[]) => {
      const periodMs = trainedMs(cuts);
      if (periodMs === Infinity || outcomesOf(context).length > 1) return periodMs;
      const busy = trials.passes(cuts).busyMs;
      return Math.max(periodMs, ranks.reduce((ms, rank) => ms + busy[rank], frozenMs) / ranks.length);
    };
    return { start, shapes, trials, excess, trainedMs, leastMs };
  };
  const budget = Math.max(leastBudget, Math.ceil((budgetShare * simulationBudget(candidate)) / (dependsOnTimes(candidate.schedule) ? orderCost : 1)));
  if (candidate.devices === undefined) {
    const one = judged();
    const balanced = partition(one.shapes, context, one.trainedMs, budget, toBeatMs, budgetShare < 1);
    return balanced ? { ...one, balanced } : { missingBytes: leastMissing(one.shapes, one.excess(even), context) };
  }
  const { devices, stages } = candidate;
  const known = new Map<string, Judged>();
  const at = (widths: readonly number[]) => {
    const one = known.get(widths.join()) ?? judged(widths);
    known.set(widths.join(), one);
    return one;
  };
  const widths = widthsOf(globalBatch / candidate.dataParallel / candidate.microbatches, devices, stages);
  const all = allWidths(widths, devices, stages);
  // Any of them tells what a device per stage holds; the places are those of the devices by themselves.
  const [shape] = at(all[0]).shapes;
  const ranks = shape.placement.flatMap((group) => placesOf(group, candidate.dataParallel));
  const split = wideSplit({ ...shape, placement: ranks, widths }, context, at, budget, toBeatMs);
  if (split) return { ...at(split.widths), balanced: split };
  return { missingBytes: Math.min(...all.map((of) => leastMissing(at(of).shapes, 0, context))) };
}

/** Of ranks replica by replica, those of each place. */
function placesOf(group: readonly number[], replicas: number): readonly (readonly number[])[] {
  const width = group.length / replicas;
  return Array.from({ length: width }, (_, part) => Array.from({ length: replicas }, (_, replica) => group[replica * width + part]));
}

/** Joined cuts into stages of equally many layers. */
function evenCuts({ chains }: Workload, stages: number): readonly number[] {
  return joinedCuts(chains.map(({ layers }) => Array.from({ length: stages + 1 }, (_, s) => Math.floor((s * layers.length) / stages))));
}

/** Of devices with one stage each the least over all cuts, else that of some cut. */
function leastMissing(shapes: readonly Shape[], some: number, context: Context): number {
  const [shape] = shapes;
  return shapes.length === 1 && shape.memoryShare === 1 ? missingBytes(shape, stageCosts(shape, context), context) : some;
}
