/** The plans that a search considers, before any of them is simulated. */
import type { Plan, ScheduleName } from "../../model/plan";
import { linkBetween, transferMs } from "../../model/cluster";
import { crossingBytes, type Workload } from "../../model/workload";
import { isInV, microbatchProblem, replicasPerPipeline } from "../../schedule/generators";
import type { Context } from "../../simulate/context";
import { leastFrozenMs } from "../fill/bound";
import { withCuts } from "../cuts";
import { placementsOf } from "./layout";

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
  /** Of each chain. */
  readonly stages: number;
  /** Stages of a chain on each device of a pipeline. Default 1. */
  readonly stagesPerDevice?: number;
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
  const count = context.devices.length;
  const found: Candidate[] = [];
  const bounds = new Map<string, number>();
  const boundOf = (schedule: ScheduleName, devices: number, microbatches: number, share: number) => {
    const replicas = replicasPerPipeline(schedule);
    const isSimple = oneStageEach.has(schedule) && context.workload.chains.length === 1;
    const key = `${isSimple} ${devices} ${microbatches} ${share} ${replicas}`;
    let bound = bounds.get(key);
    if (bound === undefined) {
      bound = workBound(context, devices, microbatches, share, replicas, recompute);
      if (isSimple) bound = Math.max(bound, slowestStage(context, devices, microbatches, share, recompute));
      bounds.set(key, bound);
    }
    return bound;
  };
  for (const schedule of space.schedules) {
    const each = replicasPerPipeline(schedule);
    for (const { devices, stagesPerDevice } of pipelinesOf(schedule, context)) {
      const stages = devices * stagesPerDevice;
      const dataParallel = (count / devices) * each;
      const share = space.globalBatch / dataParallel;
      if (!Number.isInteger(count / devices) || !Number.isInteger(share) || (space.stages ?? stages) !== stages) continue;
      for (let microbatches = 1; microbatches <= share; microbatches++) {
        if (share % microbatches !== 0 || (space.microbatches ?? microbatches) !== microbatches) continue;
        if (microbatchProblem(schedule, devices, stages, microbatches) !== undefined) continue;
        const boundMs = boundOf(schedule, devices, microbatches, share);
        const kind = { schedule, stages, ...(stagesPerDevice > 1 && { stagesPerDevice }), microbatches, dataParallel, ...(recompute && { recompute }), boundMs };
        found.push(kind);
        if (schedule === "1f1b" && stages > 2 && hidesMessages(context, stages, share / microbatches)) found.push({ ...kind, warmup: deepWarmup });
      }
    }
  }
  return found.sort((a, b) => a.boundMs - b.boundMs);
}

/** Schedules whose devices hold one stage of a chain. */
const oneStageEach: ReadonlySet<ScheduleName> = new Set<ScheduleName>(["ddp", "gpipe", "1f1b"]);

/** More stages on a device shorten warm-up and send more; beyond this many it is messages that decide. */
const mostStagesPerDevice = 4;

/** Devices of a pipeline and stages on each that a schedule can have. */
function pipelinesOf(schedule: ScheduleName, { devices, workload: { chains } }: Context): readonly { readonly devices: number; readonly stagesPerDevice: number }[] {
  if (schedule === "ddp") return [{ devices: 1, stagesPerDevice: 1 }];
  if (schedule === "bidirectional" && chains.length < 2) return [];
  const layers = Math.min(...chains.map((chain) => chain.layers.length));
  const found: { readonly devices: number; readonly stagesPerDevice: number }[] = [];
  const [least, most] = schedule === "interleaved" ? [2, mostStagesPerDevice] : isInV(schedule) ? [2, 2] : [1, 1];
  for (let of = devices.length > 1 ? 2 : 1; of <= Math.min(devices.length, layers); of++) {
    if (schedule === "chimera" && of % 2 !== 0) continue;
    for (let stagesPerDevice = least; stagesPerDevice <= most && of * stagesPerDevice <= layers; stagesPerDevice++) found.push({ devices: of, stagesPerDevice });
  }
  return found;
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

/** Ms that a pipeline of `devices` devices computes at least: all passes of `replicas` replicas, and all frozen work at its best batch size. */
function workBound(context: Context, devices: number, microbatches: number, share: number, replicas: number, recompute: boolean): number {
  const { workload, costs, kinds } = context;
  const passes = workload.chains.reduce((ms, { layers: { length } }, chain) => {
    const each = [...new Set(kinds)].map((kind) => {
      const { forward, backward } = costs.chain(chain, share / microbatches, kind);
      return (recompute ? 2 : 1) * forward[length] + backward[length];
    });
    return ms + Math.min(...each);
  }, 0);
  return (replicas * microbatches * passes + leastFrozenMs(context, replicas * share)) / devices;
}

/**
 * Least ms, over all cuts of one chain, of an iteration on the first stage, rounded down a little. The first micro-batch reaches
 * stage s through the stages before it, all micro-batches pass stage s, and the last one's gradient goes back through the stages
 * before it (where anything there learns): the first stage is at it for so long.
 */
function slowestStage({ workload, costs, kinds }: Context, stages: number, microbatches: number, share: number, recompute: boolean): number {
  const [{ cuts, layers: { length: layers } }] = workload.chains;
  const fastest = [...new Set(kinds)].map((kind) => costs.chain(0, share / microbatches, kind)).reduce((best, sums) => (sums.forward[layers] + sums.backward[layers] < best.forward[layers] + best.backward[layers] ? sums : best));
  /** `[k]`, ms of the first k layers: both passes, as a micro-batch meets them; and all that is computed for it. */
  const path = fastest.forward.map((ms, layer) => ms + fastest.backward[layer]);
  const sums = recompute ? path.map((ms, layer) => ms + fastest.forward[layer]) : path;
  const goesBack = cuts.every((cut, at) => at === 0 || cut.backward !== undefined);
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

/** The plan of a candidate with given cuts (as `withCuts` takes them), nothing filled and nothing predicted yet. */
export function planOf(base: PlanBase, candidate: Candidate, globalBatch: number, cuts: readonly number[], workload: Workload): Plan {
  const placements = placementsOf(candidate, workload);
  const plan: Plan = {
    format: "diffusionpipe.plan/1",
    model: base.model,
    profile: base.profile,
    cluster: base.cluster,
    batch: { global: globalBatch, microbatches: candidate.microbatches },
    dataParallel: candidate.dataParallel,
    schedule: { name: candidate.schedule, ...(candidate.warmup !== undefined && { warmup: candidate.warmup }) },
    ...(candidate.recompute && { recompute: true }),
    chains: workload.chains.map(({ chain: { id } }, c) => ({ id, stages: placements[c].map((devices) => ({ from: 0, to: 0, devices })) })),
    optimizer: base.optimizer,
    fills: [],
    training: base.training,
    runnable: { reason: "not examined yet" },
    predicted: { periodMs: 0, makespanMs: 0, bubbleRatio: 0, throughputPerSecond: 0, peakMemoryBytes: [] },
  };
  return withCuts(plan, cuts);
}
