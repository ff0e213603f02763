/**
 * The partition by dynamic programming over (layers, stages): the slowest stage and the longest synchronisation together.
 * One figure does not do: a cut with a slower bottleneck may win by a shorter all-reduce, so every prefix keeps its Pareto set.
 */
import type { Context } from "../../simulate/context";
import { usableBytes, type Shape, type StageCosts } from "./stageCosts";

interface Choice {
  /** Slowest stage so far, ms per micro-batch. */
  readonly bottleneck: number;
  /** Longest all-reduce so far, ms per iteration. */
  readonly sync: number;
  readonly from: number;
  readonly previous: Choice | undefined;
}

function add(set: Choice[], choice: Choice): void {
  if (set.some((other) => other.bottleneck <= choice.bottleneck && other.sync <= choice.sync)) return;
  for (let i = set.length - 1; i >= 0; i--) if (choice.bottleneck <= set[i].bottleneck && choice.sync <= set[i].sync) set.splice(i, 1);
  set.push(choice);
}

/**
 * Cuts [0, c1, …, L] into placement.length stages that minimise microbatches * bottleneck + sync within each device's memory;
 * undefined where no cut fits. `stageMs` is what a stage is taken to cost per micro-batch.
 */
export function bestCuts(shape: Shape, costs: StageCosts, context: Context, stageMs: StageCosts["stageMs"] = costs.stageMs): readonly number[] | undefined {
  const layers = context.workload.chains[shape.chain].layers.length;
  const stages = shape.placement.length;
  if (stages > layers) return undefined;
  let prefixes: Choice[][] = Array.from({ length: layers + 1 }, () => []);
  prefixes[0].push({ bottleneck: 0, sync: 0, from: 0, previous: undefined });
  for (let stage = 0; stage < stages; stage++) {
    const usable = costs.sharedBytes + shape.memoryShare * (Math.min(...shape.placement[stage].map((rank) => usableBytes(context, rank))) - costs.sharedBytes);
    const next: Choice[][] = Array.from({ length: layers + 1 }, () => []);
    const lastStage = stage === stages - 1;
    for (let from = stage; from < layers; from++) {
      if (prefixes[from].length === 0) continue;
      for (let to = lastStage ? layers : from + 1; to <= layers - (stages - 1 - stage); to++) {
        if (costs.memoryBytes(stage, from, to) > usable) break;
        const ms = stageMs(stage, from, to);
        const sync = costs.syncMs(stage, from, to);
        for (const previous of prefixes[from]) {
          add(next[to], { bottleneck: Math.max(previous.bottleneck, ms), sync: Math.max(previous.sync, sync), from, previous });
        }
      }
    }
    prefixes = next;
  }
  const total = (choice: Choice) => shape.plan.batch.microbatches * choice.bottleneck + choice.sync;
  let best: Choice | undefined;
  for (const choice of prefixes[layers]) if (!best || total(choice) < total(best)) best = choice;
  if (!best) return undefined;
  const cuts = [layers];
  for (let choice: Choice | undefined = best; choice?.previous; choice = choice.previous) cuts.push(choice.from);
  return cuts.reverse();
}

/** The smallest excess of bytes over all cuts and devices: by how much a plan of this shape misses the memory, one stage on a device. */
export function missingBytes(shape: Shape, costs: StageCosts, context: Context): number {
  const layers = context.workload.chains[shape.chain].layers.length;
  let prefixes = new Float64Array(layers + 1).fill(Infinity);
  prefixes[0] = -Infinity;
  for (let stage = 0; stage < shape.placement.length; stage++) {
    const usable = Math.min(...shape.placement[stage].map((rank) => usableBytes(context, rank)));
    const next = new Float64Array(layers + 1).fill(Infinity);
    for (let from = stage; from < layers; from++) {
      for (let to = from + 1; to <= layers; to++) next[to] = Math.min(next[to], Math.max(prefixes[from], costs.memoryBytes(stage, from, to) - usable));
    }
    prefixes = next;
  }
  return prefixes[layers];
}
