/** What a stage would cost, for any cut of the chain: the figures that the partition works with. */
import { linkBetween, transferMs } from "../../model/cluster";
import type { Plan } from "../../model/plan";
import { crossingBytes } from "../../model/workload";
import type { Context } from "../../simulate/context";
import { allReduceMs, stageBytes } from "../../simulate/durations";

/** All that the partition of one chain depends on but the cuts. */
export interface Shape {
  readonly plan: Pick<Plan, "batch" | "dataParallel" | "schedule" | "optimizer" | "recompute">;
  /** `[stage][replica]`: ranks. */
  readonly placement: readonly (readonly number[])[];
  /** Which chain of the workload it is. */
  readonly chain: number;
  /** `[stage]`: micro-batches whose activations are held at once. */
  readonly held: readonly number[];
  /** Part of a device's memory that a stage may take: all, unless devices hold several. */
  readonly memoryShare: number;
}

export interface StageCosts {
  /** Ms per micro-batch of layers [from, to): computing or, where it is longer, the messages of the cut after it. */
  stageMs(stage: number, from: number, to: number): number;
  /** Forward and backward passes of layers [from, to) alone, for one micro-batch. */
  forwardMs(stage: number, from: number, to: number): number;
  backwardMs(stage: number, from: number, to: number): number;
  /** Computing and all messages of both cuts, one after another: what a single micro-batch meets. */
  serialMs(stage: number, from: number, to: number): number;
  /** A stage's work and, spread over the micro-batches, the way of one micro-batch there through the layers before it and back. */
  pathMs(stage: number, from: number, to: number): number;
  /** All-reduce of the stage's gradients. */
  syncMs(stage: number, from: number, to: number): number;
  /** Bytes that the stage holds at its peak, without frozen work's activations. */
  memoryBytes(stage: number, from: number, to: number): number;
  /** What of that is on each device once, however many stages it holds: weights of frozen components, encodings. */
  readonly sharedBytes: number;
}

export function stageCosts({ plan, placement, chain, held }: Shape, context: Context): StageCosts {
  const { workload, costs, cluster, devices, kinds, overlaps } = context;
  const { layers, cuts } = workload.chains[chain];
  const samples = plan.batch.global / plan.dataParallel / plan.batch.microbatches;
  const frozenBytes = workload.frozen.reduce((bytes, part) => bytes + part.layers.reduce((own, layer) => own + layer.paramBytes, 0), 0);
  const encodingBytes = workload.encodings.reduce((bytes, encoding) => bytes + crossingBytes(encoding, plan.batch.global / plan.dataParallel), 0);
  const saved = new Float64Array(layers.length + 1);
  const state = new Float64Array(layers.length + 1);
  const gradients = new Float64Array(layers.length + 1);
  layers.forEach(({ savedBytesPerSample }, i) => {
    const own = stageBytes(plan, context, chain, i, i + 1);
    saved[i + 1] = saved[i] + (savedBytesPerSample.untilInputGrad + savedBytesPerSample.untilWeightGrad) * samples;
    state[i + 1] = state[i] + own.weights + own.gradients + own.optimizer + own.ema;
    gradients[i + 1] = gradients[i] + own.gradients;
  });
  const sums = placement.map(([rank]) => costs.chain(chain, samples, kinds[rank]));
  const forwardMs = (stage: number, from: number, to: number) => sums[stage].forward[to] - sums[stage].forward[from];
  const backwardMs = (stage: number, from: number, to: number) => sums[stage].backward[to] - sums[stage].backward[from];
  const computeMs = (stage: number, from: number, to: number) => forwardMs(stage, from, to) * (plan.recompute ? 2 : 1) + backwardMs(stage, from, to);
  /** Messages of one micro-batch through the cut after stage `stage`. */
  const messagesMs = (stage: number, cut: number) => {
    if (stage < 0 || stage + 1 >= placement.length) return { forward: 0, backward: 0 };
    const link = linkBetween(cluster, devices[placement[stage][0]], devices[placement[stage + 1][0]]);
    const { forward, backward } = cuts[cut];
    return { forward: transferMs(link, crossingBytes(forward, samples)), backward: backward ? transferMs(link, crossingBytes(backward, samples)) : 0 };
  };
  return {
    sharedBytes: frozenBytes + encodingBytes,
    forwardMs,
    backwardMs,
    stageMs(stage, from, to) {
      const below = messagesMs(stage, to);
      if (overlaps) return Math.max(computeMs(stage, from, to), below.forward, below.backward);
      return computeMs(stage, from, to) + below.forward + messagesMs(stage - 1, from).backward;
    },
    serialMs(stage, from, to) {
      const above = messagesMs(stage - 1, from);
      const below = messagesMs(stage, to);
      return computeMs(stage, from, to) + above.forward + above.backward + below.forward + below.backward;
    },
    pathMs(stage, from, to) {
      const above = messagesMs(stage - 1, from);
      const way = forwardMs(stage, 0, from) + backwardMs(stage, 0, from) + above.forward + above.backward;
      return computeMs(stage, from, to) + way / plan.batch.microbatches;
    },
    syncMs(stage, from, to) {
      if (plan.dataParallel < 2) return 0;
      const ranks = placement[stage];
      return allReduceMs(linkBetween(cluster, devices[ranks[0]], devices[ranks[1]]), ranks.length, gradients[to] - gradients[from]);
    },
    memoryBytes(stage, from, to) {
      const whole = saved[to] - saved[from];
      // Where activations are computed again, micro-batches that wait keep what came into the stage, and one has all.
      const kept = plan.recompute ? held[stage] * (stage > 0 ? crossingBytes(cuts[from].forward, samples) : 0) + whole : held[stage] * whole;
      return state[to] - state[from] + frozenBytes + encodingBytes + kept;
    },
  };
}

/** Bytes of a device that a plan may use. */
export function usableBytes(context: Context, rank: number): number {
  return context.devices[rank].kind.memoryBytes - (context.cluster.reservedBytes ?? 0);
}
