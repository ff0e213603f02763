/** What a stage would cost, for any cut of the chain: the figures that the partition works with. */
import { linkBetween, transferMs, type Link } from "../../model/cluster";
import type { ChainSums } from "../../model/costTable";
import type { Plan } from "../../model/plan";
import { crossingBytes } from "../../model/workload";
import type { Context } from "../../simulate/context";
import { allReduceMs, slowestLink, stageBytes } from "../../simulate/durations";

/** All that the partition of one chain depends on but the cuts, and how many places each stage takes. */
export interface Shape {
  readonly plan: Pick<Plan, "batch" | "dataParallel" | "schedule" | "optimizer" | "recompute">;
  /** `[place]`: ranks, replica by replica. A stage takes one place, or several that follow each other. */
  readonly placement: readonly (readonly number[])[];
  /** How many places a stage may take, ascending; their sum over the stages is the number of places. */
  readonly widths: readonly number[];
  /** Which chain of the workload it is. */
  readonly chain: number;
  /** `[stage]`: micro-batches whose activations are held at once. */
  readonly held: readonly number[];
  /** Part of a device's memory that a stage may take: all, unless devices hold several. */
  readonly memoryShare: number;
}

/** Stage `stage` on places `first` to `first + width`, exclusive. */
export interface Slot {
  readonly stage: number;
  readonly first: number;
  readonly width: number;
}

/** Ms that the messages of one micro-batch take on a link, each way. */
export interface Messages {
  readonly forward: number;
  readonly backward: number;
}

export interface StageCosts {
  /**
   * All passes of layers [from, to), for one micro-batch: twice forward where activations are computed again, and the
   * self-conditioning pass as often as micro-batches make one.
   */
  computeMs(slot: Slot, from: number, to: number): number;
  /** Ms per micro-batch of layers [from, to): computing or, where it is longer, what a device sends of it. */
  stageMs(slot: Slot, from: number, to: number): number;
  /** Forward and backward passes of layers [from, to) alone, for one micro-batch. */
  forwardMs(slot: Slot, from: number, to: number): number;
  backwardMs(slot: Slot, from: number, to: number): number;
  /** Computing and all messages of both cuts, one after another: what a single micro-batch meets. */
  serialMs(slot: Slot, from: number, to: number): number;
  /** A stage's work and, spread over the micro-batches, the way of one micro-batch there through the layers before it and back. */
  pathMs(slot: Slot, from: number, to: number): number;
  /** Messages of one micro-batch between place `above` and the next, there and back, of so many bytes; none back where `backward` is undefined. */
  messagesMs(above: number, forward: number, backward: number | undefined): Messages;
  /** All-reduce of the stage's gradients. */
  syncMs(slot: Slot, from: number, to: number): number;
  /** Bytes that a device of the stage holds at its peak, without frozen work's activations. */
  memoryBytes(slot: Slot, from: number, to: number): number;
  /** What of that is on each device once, however many stages it holds: weights of frozen components, encodings. */
  sharedBytes(slot: Slot): number;
  /** Bytes that a plan may use of each of the stage's devices. */
  usableBytes(slot: Slot): number;
}

/** What is known of the devices that a stage takes. */
interface Group {
  readonly ranks: readonly number[];
  /** Samples of a micro-batch on each of them. */
  readonly samples: number;
  /** Their times, one for each kind of device: all wait for the slowest. */
  readonly sums: readonly ChainSums[];
  readonly ring: Link;
  readonly usable: number;
}

export function stageCosts({ plan, placement, chain, held }: Shape, context: Context): StageCosts {
  const { workload, costs, kinds, overlaps } = context;
  const { chain: { selfConditioning }, layers, cuts } = workload.chains[chain];
  const probability = selfConditioning?.probability ?? 0;
  const share = plan.batch.global / plan.dataParallel;
  const frozenBytes = workload.frozen.reduce((bytes, part) => bytes + part.layers.reduce((own, layer) => own + layer.paramBytes, 0), 0);
  const encodingBytes = workload.encodings.reduce((bytes, encoding) => bytes + crossingBytes(encoding, share), 0);
  const saved = new Float64Array(layers.length + 1);
  const state = new Float64Array(layers.length + 1);
  const gradients = new Float64Array(layers.length + 1);
  layers.forEach(({ savedBytesPerSample }, i) => {
    const own = stageBytes(plan, context, chain, i, i + 1);
    saved[i + 1] = saved[i] + savedBytesPerSample.untilInputGrad + savedBytesPerSample.untilWeightGrad;
    state[i + 1] = state[i] + own.weights + own.gradients + own.optimizer + own.ema;
    gradients[i + 1] = gradients[i] + own.gradients;
  });
  const groups = new Map<number, Group>();
  // The same slot is asked for again and again while its layers vary.
  let latest: { readonly slot: Slot; readonly group: Group } | undefined;
  const groupOf = (slot: Slot): Group => {
    if (latest?.slot === slot) return latest.group;
    const { first, width } = slot;
    const key = first * (placement.length + 1) + width;
    let group = groups.get(key);
    if (!group) {
      const ranks = placement.slice(first, first + width).flat();
      const samples = plan.batch.global / plan.batch.microbatches / ranks.length;
      const sums = [...new Set(ranks.map((rank) => kinds[rank]))].map((kind) => costs.chain(chain, samples, kind));
      groups.set(key, (group = { ranks, samples, sums, ring: slowestLink(context, ranks), usable: Math.min(...ranks.map((rank) => usableBytes(context, rank))) }));
    }
    latest = { slot, group };
    return group;
  };
  const passMs = (slot: Slot, pass: keyof ChainSums, from: number, to: number) => {
    const { sums } = groupOf(slot);
    return sums.length === 1 ? sums[0][pass][to] - sums[0][pass][from] : sums.reduce((most, own) => Math.max(most, own[pass][to] - own[pass][from]), 0);
  };
  const forwardMs = (slot: Slot, from: number, to: number) => passMs(slot, "forward", from, to);
  const backwardMs = (slot: Slot, from: number, to: number) => passMs(slot, "backward", from, to);
  const computeMs = (slot: Slot, from: number, to: number) => forwardMs(slot, from, to) * ((plan.recompute ? 2 : 1) + probability) + backwardMs(slot, from, to);
  const links = placement.slice(1).map((below, place) => slowestBetween(context, placement[place], below, plan.dataParallel));
  /** A self-conditioning pass sends on what the forward pass does. */
  const messagesMs = (above: number, forward: number, backward: number | undefined): Messages => {
    const link = links[above];
    if (link === undefined) return { forward: 0, backward: 0 };
    return { forward: (1 + probability) * transferMs(link, forward), backward: backward === undefined ? 0 : transferMs(link, backward) };
  };
  /** Between a stage and the one after place `above`, as much of it as a device of the stage has. */
  const cutMs = (slot: Slot, above: number, cut: number): Messages => {
    if (links[above] === undefined) return { forward: 0, backward: 0 };
    const { samples } = groupOf(slot);
    const { forward, backward } = cuts[cut];
    return messagesMs(above, crossingBytes(forward, samples), backward && crossingBytes(backward, samples));
  };
  const aboveMs = (slot: Slot, from: number) => cutMs(slot, slot.first - 1, from);
  const belowMs = (slot: Slot, to: number) => cutMs(slot, slot.first + slot.width - 1, to);
  const [first, last] = [placement[0], placement[placement.length - 1]];
  const feedbackLink = selfConditioning && first[0] !== last[0] ? slowestBetween(context, last, first, plan.dataParallel) : undefined;
  /** The prediction of a self-conditioning pass, from the last stage to the first. */
  const feedbackMs = (slot: Slot) => (feedbackLink && slot.first + slot.width === placement.length ? probability * transferMs(feedbackLink, (selfConditioning?.feedbackBytesPerSample ?? 0) * groupOf(slot).samples) : 0);
  /** Of the samples that each device computes. */
  const encodingsOf = (slot: Slot) => (encodingBytes * groupOf(slot).samples * plan.batch.microbatches) / share;
  return {
    sharedBytes: (slot) => frozenBytes + encodingsOf(slot),
    usableBytes: (slot) => groupOf(slot).usable,
    forwardMs,
    backwardMs,
    computeMs,
    messagesMs,
    stageMs(slot, from, to) {
      const [down, up, feedback] = [belowMs(slot, to).forward, aboveMs(slot, from).backward, feedbackMs(slot)];
      if (overlaps) return Math.max(computeMs(slot, from, to), down, up, feedback);
      return computeMs(slot, from, to) + down + up + feedback;
    },
    serialMs(slot, from, to) {
      const above = aboveMs(slot, from);
      const below = belowMs(slot, to);
      return computeMs(slot, from, to) + above.forward + above.backward + below.forward + below.backward + feedbackMs(slot);
    },
    pathMs(slot, from, to) {
      const above = aboveMs(slot, from);
      const way = forwardMs(slot, 0, from) * (1 + probability) + backwardMs(slot, 0, from) + above.forward + above.backward;
      return computeMs(slot, from, to) + way / plan.batch.microbatches;
    },
    syncMs(slot, from, to) {
      const { ranks, ring } = groupOf(slot);
      return allReduceMs(ring, ranks.length, gradients[to] - gradients[from]);
    },
    memoryBytes(slot, from, to) {
      const { samples } = groupOf(slot);
      const whole = (saved[to] - saved[from]) * samples;
      // Where activations are computed again, micro-batches that wait keep what came into the stage, and one has all.
      const kept = plan.recompute ? held[slot.stage] * (slot.stage > 0 ? crossingBytes(cuts[from].forward, samples) : 0) + whole : held[slot.stage] * whole;
      return state[to] - state[from] + frozenBytes + encodingsOf(slot) + kept;
    },
  };
}

/** The slowest of the links between two places that follow each other, over all replicas; those that share their node's way to the network have a part of it each. */
function slowestBetween({ cluster, devices }: Context, above: readonly number[], below: readonly number[], replicas: number): Link {
  const { interNode } = cluster;
  const sharing = new Map<number, number>();
  let crowd = 1;
  const links = Array.from({ length: replicas }, (_, replica) => {
    const [from, to] = [devices[above[(replica * above.length) / replicas]], devices[below[(replica * below.length) / replicas]]];
    for (const way of interNode.sharedByNode && from.node !== to.node ? [2 * from.node, 2 * to.node + 1] : []) {
      const messages = (sharing.get(way) ?? 0) + 1;
      sharing.set(way, messages);
      crowd = Math.max(crowd, messages);
    }
    return linkBetween(cluster, from, to);
  });
  const slowest = links.reduce((least, link) => (link.bandwidthGBps < least.bandwidthGBps ? link : least));
  return crowd > 1 ? { ...slowest, bandwidthGBps: Math.min(slowest.bandwidthGBps, interNode.bandwidthGBps / crowd) } : slowest;
}

/** Bytes of a device that a plan may use. */
export function usableBytes(context: Context, rank: number): number {
  return context.devices[rank].kind.memoryBytes - (context.cluster.reservedBytes ?? 0);
}
