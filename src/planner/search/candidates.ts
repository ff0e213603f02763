/** The plans that a search considers, before any of them is simulated. */
import type { Plan, ScheduleName, Stage } from "../../model/plan";
import { linkBetween, transferMs } from "../../model/cluster";
import { crossingBytes, type Workload } from "../../model/workload";
import type { Context } from "../../simulate/context";
import { leastFrozenMs } from "../fill/bound";

/** What every plan of a search has in common. */
export type PlanBase = Pick<Plan, "model" | "profile" | "cluster" | "optimizer" | "training">;

export interface SearchSpace {
  readonly globalBatch: number;
  readonly schedules: readonly ScheduleName[];
  /** Fixed number of stages or micro-batches; free where undefined. */
  readonly stages?: number;
  readonly microbatches?: number;
  /** Whether the next iteration's frozen work goes into bubbles. */
  readonly fill: boolean;
}

export interface Candidate {
  readonly schedule: ScheduleName;
  readonly stages: number;
  readonly microbatches: number;
  readonly dataParallel: number;
  /** Forward passes ahead, as in the plan's schedule. */
  readonly warmup?: number;
  /** Activations are computed again for each backward pass. */
  readonly recompute?: boolean;
  /** Ms that no plan of this kind can beat. */
  readonly boundMs: number;
}

/** All combinations that use every device and split the batch evenly, lowest bound first. @param recompute Whether activations are computed again. */
export function candidatesOf(space: SearchSpace, context: Context, recompute = false): readonly Candidate[] {
  const devices = context.devices.length;
  const most = Math.min(devices, context.workload.chains[0].layers.length);
  const found: Candidate[] = [];
  const bounds = new Map<string, number>();
  const boundOf = (stages: number, microbatches: number, share: number) => {
    const key = `${stages} ${microbatches} ${share}`;
    const bound = bounds.get(key) ?? periodBound(context, stages, microbatches, share, recompute);
    bounds.set(key, bound);
    return bound;
  };
  for (const schedule of space.schedules) {
    const [least, largest] = schedule === "ddp" ? [1, 1] : [devices > 1 ? 2 : 1, most];
    for (let stages = least; stages <= largest; stages++) {
      const dataParallel = devices / stages;
      const share = space.globalBatch / dataParallel;
      if (!Number.isInteger(dataParallel) || !Number.isInteger(share) || (space.stages ?? stages) !== stages) continue;
      for (let microbatches = 1; microbatches <= share; microbatches++) {
        if (share % microbatches !== 0 || (space.microbatches ?? microbatches) !== microbatches) continue;
        const boundMs = boundOf(stages, microbatches, share);
        const kind = { schedule, stages, microbatches, dataParallel, ...(recompute && { recompute }), boundMs };
        found.push(kind);
        if (schedule === "1f1b" && stages > 2 && hidesMessages(context, stages, share / microbatches)) found.push({ ...kind, warmup: deepWarmup });
      }
    }
  }
  return found.sort((a, b) => a.boundMs - b.boundMs);
}

/** A warm-up twice as deep hides what messages take, and holds more activations for it. */
const deepWarmup = 2;

/** Messages that take less than this share of a stage's passes are not worth a deeper warm-up. */
const leastMessages = 0.02;

/** Whether the shortest message between two stages could hold up a pipeline: no device computes while it waits. */
function hidesMessages({ workload, costs, cluster, devices }: Context, stages: number, samples: number): boolean {
  const [{ cuts, layers }] = workload.chains;
  const sums = costs.chain(0, samples, 0);
  const stageMs = (sums.forward[layers.length] + sums.backward[layers.length]) / stages;
  const link = linkBetween(cluster, devices[0], devices[1]);
  const least = cuts.slice(1).reduce((ms, { forward }) => Math.min(ms, transferMs(link, crossingBytes(forward, samples))), Infinity);
  return least >= leastMessages * stageMs;
}

/**
 * A pipeline of `stages` devices computes all passes of its `share` of the samples and all frozen work, the latter at its best
 * batch size; and no cut makes its slowest stage faster than `slowestStage` says.
 */
function periodBound(context: Context, stages: number, microbatches: number, share: number, recompute: boolean): number {
  const { workload, costs, kinds } = context;
  const [{ cuts, layers: { length: layers } }] = workload.chains;
  const fastest = [...new Set(kinds)].map((kind) => costs.chain(0, share / microbatches, kind)).reduce((best, sums) => (sums.forward[layers] + sums.backward[layers] < best.forward[layers] + best.backward[layers] ? sums : best));
  const path = fastest.forward.map((ms, layer) => ms + fastest.backward[layer]);
  const passes = recompute ? path.map((ms, layer) => ms + fastest.forward[layer]) : path;
  const goesBack = cuts.every((cut, at) => at === 0 || cut.backward !== undefined);
  return Math.max(slowestStage(passes, path, stages, microbatches, goesBack), (microbatches * passes[layers] + leastFrozenMs(context, share)) / stages);
}

/**
 * Least ms, over all cuts, of an iteration on the first stage, rounded down a little; `sums[k]`: ms of the work of the first k
 * layers; `path[k]`: of both passes alone, as a micro-batch meets them. The first micro-batch reaches stage s through the stages
 * before it, all micro-batches pass stage s, and the last one's gradient goes back through the stages before it (where
 * `goesBack`): the first stage is at it for so long.
 */
function slowestStage(sums: Float64Array, path: Float64Array, stages: number, microbatches: number, goesBack: boolean): number {
  const layers = sums.length - 1;
  /** Whether an iteration of `ms` holds all layers: each stage takes as many as it can, which leaves the fewest to the rest. */
  const isEnough = (ms: number) => {
    let from = 0;
    for (let stage = 0; stage < stages && from < layers; stage++) {
      const room = (ms - (goesBack ? path[from] : 0)) / microbatches;
      let to = from;
      while (to < layers && sums[to + 1] - sums[from] <= room) to++;
      if (to === from) return false;
      from = to;
    }
    return from === layers;
  };
  let low = 0;
  let high = sums[layers] * microbatches;
  while (high - low > 1e-6 * high) {
    const middle = (low + high) / 2;
    if (isEnough(middle)) high = middle;
    else low = middle;
  }
  return low;
}

/** `[stage][replica]`: replica r takes the ranks r*stages … (r+1)*stages-1, so that a pipeline's stages are close together. */
export function placementOf(stages: number, dataParallel: number): readonly (readonly number[])[] {
  return Array.from({ length: stages }, (_, s) => Array.from({ length: dataParallel }, (_, r) => r * stages + s));
}

/** The plan of a candidate with given cuts, nothing filled and nothing predicted yet. */
export function planOf(base: PlanBase, candidate: Candidate, globalBatch: number, cuts: readonly number[], workload: Workload): Plan {
  const placement = placementOf(candidate.stages, candidate.dataParallel);
  const stages = placement.map((devices, s): Stage => ({ from: cuts[s], to: cuts[s + 1], devices }));
  return {
    format: "diffusionpipe.plan/1",
    model: base.model,
    profile: base.profile,
    cluster: base.cluster,
    batch: { global: globalBatch, microbatches: candidate.microbatches },
    dataParallel: candidate.dataParallel,
    schedule: { name: candidate.schedule, ...(candidate.warmup !== undefined && { warmup: candidate.warmup }) },
    ...(candidate.recompute && { recompute: true }),
    chains: [{ id: workload.chains[0].chain.id, stages }],
    optimizer: base.optimizer,
    fills: [],
    training: base.training,
    runnable: { reason: "not examined yet" },
    predicted: { periodMs: 0, makespanMs: 0, bubbleRatio: 0, throughputPerSecond: 0, peakMemoryBytes: [] },
  };
}
