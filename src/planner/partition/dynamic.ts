/**
 * The partition by dynamic programming over (layers, stages, devices): the slowest stage and the longest synchronisation together.
 * One figure does not do: a cut with a slower bottleneck may win by a shorter all-reduce, so every prefix keeps its Pareto set.
 */
import type { Context } from "../../simulate/context";
import { divisor } from "./widths";
import { slotOf } from "./shapes";
import type { Shape, Slot, StageCosts } from "./stageCosts";

interface Choice {
  /** Slowest stage so far, ms per micro-batch. */
  readonly bottleneck: number;
  /** Longest all-reduce so far, ms per iteration. */
  readonly sync: number;
  readonly from: number;
  /** Places of its last stage, and the greatest common divisor of those of all its stages. */
  readonly width: number;
  readonly common: number;
  readonly previous: Choice | undefined;
}

/** Whether `other` is not needed: what widths have in common must be no more, since only 1 is wanted in the end. */
function dominates(one: Choice, other: Choice): boolean {
  return one.bottleneck <= other.bottleneck && one.sync <= other.sync && other.common % one.common === 0;
}

function add(set: Choice[], choice: Choice): void {
  for (let i = set.length - 1; i >= 0; i--) {
    if (dominates(set[i], choice)) return;
    if (dominates(choice, set[i])) set.splice(i, 1);
  }
  set.push(choice);
}

/** Cuts [0, c1, …, L], and how many places each stage takes. */
export interface Split {
  readonly cuts: readonly number[];
  readonly widths: readonly number[];
}

/**
 * The split into shape.held.length stages that minimises microbatches * bottleneck + sync within each device's memory; undefined
 * where none fits. Widths have no divisor in common: those that do are a narrower pipeline with more replicas.
 * `stageMs` is what a stage is taken to cost per micro-batch.
 */
export function bestSplit(shape: Shape, costs: StageCosts, context: Context, stageMs: StageCosts["stageMs"] = costs.stageMs): Split | undefined {
  const layers = context.workload.chains[shape.chain].layers.length;
  const places = shape.placement.length;
  const stages = shape.held.length;
  if (stages > layers) return undefined;
  const { microbatches } = shape.plan.batch;
  const limit = evenTotal(shape, costs, layers, stageMs);
  const nothing = () => Array.from({ length: places + 1 }, () => Array.from({ length: layers + 1 }, (): Choice[] => []));
  /** `[places][layers]` taken by the stages so far. */
  let prefixes = nothing();
  prefixes[0][0].push({ bottleneck: 0, sync: 0, from: 0, width: 0, common: 0, previous: undefined });
  for (let stage = 0; stage < stages; stage++) {
    const next = nothing();
    const isLast = stage === stages - 1;
    const after = stages - 1 - stage;
    for (let first = stage; first < places; first++) {
      for (const width of shape.widths) {
        if (first + width + after > places || (isLast && first + width < places)) continue;
        const slot: Slot = { stage, first, width };
        const shared = costs.sharedBytes(slot);
        const usable = shared + shape.memoryShare * (costs.usableBytes(slot) - shared);
        for (let from = stage; from < layers; from++) {
          if (prefixes[first][from].length === 0) continue;
          for (let to = isLast ? layers : from + 1; to <= layers - after; to++) {
            // No reading of a stage costs less than one of its passes, and those grow with the layers.
            if (costs.memoryBytes(slot, from, to) > usable || microbatches * Math.min(costs.forwardMs(slot, from, to), costs.backwardMs(slot, from, to)) > limit) break;
            const ms = stageMs(slot, from, to);
            const sync = costs.syncMs(slot, from, to);
            if (microbatches * ms + sync > limit) continue;
            for (const previous of prefixes[first][from]) {
              add(next[first + width][to], { bottleneck: Math.max(previous.bottleneck, ms), sync: Math.max(previous.sync, sync), from, width, common: divisor(width, previous.common), previous });
            }
          }
        }
      }
    }
    prefixes = next;
  }
  const total = (choice: Choice) => microbatches * choice.bottleneck + choice.sync;
  let best: Choice | undefined;
  for (const choice of prefixes[places][layers]) if (choice.common === 1 && (!best || total(choice) < total(best))) best = choice;
  if (!best) return undefined;
  const cuts = [layers];
  const widths: number[] = [];
  for (let choice: Choice | undefined = best; choice?.previous; choice = choice.previous) {
    cuts.push(choice.from);
    widths.push(choice.width);
  }
  return { cuts: cuts.reverse(), widths: widths.reverse() };
}

/** What cuts into stages of about equal work cost, rounded up a little, where each stage has one place and they fit; the best cost no more. */
function evenTotal(shape: Shape, costs: StageCosts, layers: number, stageMs: StageCosts["stageMs"]): number {
  const stages = shape.held.length;
  if (shape.placement.length !== stages) return Infinity;
  let from = 0;
  let bottleneck = 0;
  let sync = 0;
  for (let stage = 0; stage < stages; stage++) {
    const slot = slotOf(stage);
    const work = (to: number) => costs.forwardMs(slot, from, to) + costs.backwardMs(slot, from, to);
    const after = stages - 1 - stage;
    const share = work(layers) / (after + 1);
    let to = after === 0 ? layers : from + 1;
    while (to < layers - after && work(to) < share) to++;
    const shared = costs.sharedBytes(slot);
    if (costs.memoryBytes(slot, from, to) > shared + shape.memoryShare * (costs.usableBytes(slot) - shared)) return Infinity;
    bottleneck = Math.max(bottleneck, stageMs(slot, from, to));
    sync = Math.max(sync, costs.syncMs(slot, from, to));
    from = to;
  }
  return (shape.plan.batch.microbatches * bottleneck + sync) * (1 + 1e-9);
}

/** The cuts of `bestSplit` where each stage has one place. */
export function bestCuts(shape: Shape, costs: StageCosts, context: Context, stageMs: StageCosts["stageMs"] = costs.stageMs): readonly number[] | undefined {
  return bestSplit(shape, costs, context, stageMs)?.cuts;
}

/** The smallest excess of bytes over all cuts and devices: by how much a plan of this shape misses the memory, one stage on a device. */
export function missingBytes(shape: Shape, costs: StageCosts, context: Context): number {
  const layers = context.workload.chains[shape.chain].layers.length;
  let prefixes = new Float64Array(layers + 1).fill(Infinity);
  prefixes[0] = -Infinity;
  for (let stage = 0; stage < shape.placement.length; stage++) {
    const slot = slotOf(stage);
    const usable = costs.usableBytes(slot);
    const next = new Float64Array(layers + 1).fill(Infinity);
    for (let from = stage; from < layers; from++) {
      for (let to = from + 1; to <= layers; to++) next[to] = Math.min(next[to], Math.max(prefixes[from], costs.memoryBytes(slot, from, to) - usable));
    }
    prefixes = next;
  }
  return prefixes[layers];
}
