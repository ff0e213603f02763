/** How long a pipeline's first stage is at an iteration at least, whatever its cuts. */
import { linkBetween, transferMs, type Link } from "../../model/cluster";
import type { Optimizer, ScheduleName } from "../../model/plan";
import { crossingBytes, type Cut } from "../../model/workload";
import type { Context } from "../../simulate/context";

/** What a bound depends on. */
export interface PlanKind {
  /** Of each chain, and devices of a pipeline. */
  readonly stages: number;
  readonly devices: number;
  /** How many devices of a replica a stage may have. */
  readonly widths: readonly number[];
  readonly microbatches: number;
  /** Samples of a replica, and how many replicas have a pipeline's devices. */
  readonly share: number;
  readonly replicas: number;
  readonly dataParallel: number;
  readonly recompute: boolean;
  /** As in a plan's schedule. */
  readonly warmup?: number;
}

/** Whether weight gradients are passes of their own, which nothing waits for. */
export function splitsBackward(schedule: ScheduleName): boolean {
  return schedule === "zb-h1" || schedule === "zb-h2";
}

/** Whether every cut of a chain sends gradients back. */
export function goesBack(cuts: readonly Cut[]): boolean {
  return cuts.every((cut, at) => at === 0 || cut.backward !== undefined);
}

/** `[width][layer]`: least ms, over all kinds of device, of so many passes of a micro-batch through a layer on so many devices. */
export function passesOf({ workload, costs, kinds }: Context, chain: number, { widths, microbatches, share }: PlanKind, forwards: number, backwards = 1, gradients: "backward" | "inputGrad" = "backward"): readonly (readonly number[])[] {
  const all = [...new Set(kinds)];
  return widths.map((width) => {
    const each = all.map((kind) => costs.chain(chain, share / microbatches / width, kind));
    return workload.chains[chain].layers.map((_, l) => Math.min(...each.map(({ forward, [gradients]: backward }) => forwards * (forward[l + 1] - forward[l]) + backwards * (backward[l + 1] - backward[l]))));
  });
}

/** Forward passes of a stage before its first backward pass, at most. */
function forwardsAhead(schedule: ScheduleName, { stages, microbatches, warmup = 1 }: PlanKind, stage: number): number {
  if (splitsBackward(schedule)) return microbatches;
  return schedule === "gpipe" ? microbatches : Math.min(microbatches, warmup * (stages - 1 - stage) + 1);
}

/**
 * Least ms, over all cuts of a chain and all widths, that its first stage is at an iteration, rounded down a little. Seen from any
 * stage the rest of an iteration takes as long as its own passes of all micro-batches, or as long as its passes of one, the
 * messages to the next stage and back, and what is left from there: the first micro-batch goes down and the last one's gradient
 * comes up. Where nothing before a cut learns, no gradient comes back and stages count by their own passes alone. Where weight
 * gradients are passes of their own, they may be made while that gradient comes up: then it is the longer of all passes by
 * themselves and of the others as if there were no weight gradients. A stage sends its messages one
 * after another; what its replicas of one node send, and their parts of its all-reduce, go over the node's one way to the network.
 * @param links `[stage]`: the best link that it may have to the next.
 */
export function pipelineSpan(context: Context, chain: number, schedule: ScheduleName, kind: PlanKind, links: readonly Link[], crowds: readonly Crowd[], gradDtype: Optimizer["gradDtype"]): number {
  const isWaitedFor = goesBack(context.workload.chains[chain].cuts);
  const spanOf = (gradients: "backward" | "inputGrad", waits: boolean) => spanWith(context, chain, schedule, kind, links, crowds, gradDtype, gradients, waits);
  if (!splitsBackward(schedule)) return spanOf("backward", isWaitedFor);
  return Math.max(spanOf("backward", false), isWaitedFor ? spanOf("inputGrad", true) : 0);
}

function spanWith(context: Context, chain: number, schedule: ScheduleName, kind: PlanKind, links: readonly Link[], crowds: readonly Crowd[], gradDtype: Optimizer["gradDtype"], pass: "backward" | "inputGrad", isWaitedFor: boolean): number {
  const { stages, devices, widths, microbatches, share, dataParallel } = kind;
  const { cuts, layers: { length: layers } } = context.workload.chains[chain];
  const { gradients } = context.costs.bytes(chain, gradDtype);
  const networkBytesPerMs = context.cluster.interNode.bandwidthGBps * 1e6;
  const all = passesOf(context, chain, kind, kind.recompute ? 2 : 1, 1, pass).map(runningSums);
  const once = passesOf(context, chain, kind, 1, 1, pass).map(runningSums);
  const forward = passesOf(context, chain, kind, 1, 0).map(runningSums);
  const backward = passesOf(context, chain, kind, kind.recompute ? 1 : 0, 1, pass).map(runningSums);
  /** A micro-batch from a layer on to the end and back, on as many devices as each layer may have. */
  const roundTrip = (from: number) => once.reduce((least, sums) => Math.min(least, sums[layers] - sums[from]), Infinity);
  const pieces = share / microbatches / Math.max(...widths);
  /** `[devices][from]`: of the layers from `from` on, on so many devices with the stages so far. */
  let rest = Array.from({ length: devices + 1 }, () => new Float64Array(layers + 1).fill(Infinity));
  rest[0][layers] = 0;
  for (let stage = stages - 1; stage >= 0; stage--) {
    const isLast = stage === stages - 1;
    const sent = cuts.map(({ forward }) => (isLast ? 0 : transferMs(links[stage], crossingBytes(forward, pieces))));
    const back = cuts.map(({ backward }) => (isLast || !backward ? 0 : transferMs(links[stage], crossingBytes(backward, pieces))));
    const crowd = crowds[stage] ?? noCrowd;
    const reducedMs = (crowd.ring * 2 * (dataParallel - 1)) / dataParallel / networkBytesPerMs;
    const downMs = cuts.map(({ forward }) => (crowd.down * microbatches * crossingBytes(forward, pieces)) / networkBytesPerMs);
    const upMs = cuts.map(({ backward }) => (backward ? (crowd.up * microbatches * crossingBytes(backward, pieces)) / networkBytesPerMs : 0));
    const next = Array.from({ length: devices + 1 }, () => new Float64Array(layers + 1).fill(Infinity));
    const ahead = forwardsAhead(schedule, kind, stage);
    for (let count = stages - stage; count <= devices - stage; count++) {
      widths.forEach((width, w) => {
        if (width > count) return;
        const after = rest[count - width];
        for (let from = stage; from < layers; from++) {
          for (let to = from + 1; to <= layers; to++) {
            const computed = microbatches * (all[w][to] - all[w][from]);
            if (computed >= next[count][from]) break; // it grows with the layers
            const networked = (to < layers ? downMs[to] : 0) + upMs[from] + reducedMs * (gradients[to] - gradients[from]);
            const own = Math.max(computed, to < layers ? microbatches * sent[to] : 0, networked);
            const forwards = forward[w][to] - forward[w][from];
            const backwards = backward[w][to] - backward[w][from];
            // A stage's first gradient is back after a micro-batch's round trip; then the other passes follow.
            const turned = isWaitedFor ? roundTrip(from) + (microbatches - 1) * backwards + (schedule === "gpipe" ? microbatches - 1 : microbatches - ahead) * forwards : 0;
            const way = isWaitedFor && to < layers ? once[w][to] - once[w][from] + sent[to] + back[to] : 0;
            next[count][from] = Math.min(next[count][from], Math.max(own, turned, way + after[to]));
          }
        }
      });
    }
    rest = next;
  }
  return rest[devices][0] * (1 - 1e-9);
}

/** How many replicas of a place send over one node's way to the network: to the next place, to the one before, and to the next replica. */
export interface Crowd {
  readonly down: number;
  readonly up: number;
  readonly ring: number;
}

export const noCrowd: Crowd = { down: 0, up: 0, ring: 0 };

/** `[place]`: where it is largest; none where devices have ways of their own. */
export function crowdsOf({ cluster, devices }: Context, places: readonly (readonly number[])[]): readonly Crowd[] {
  if (!cluster.interNode.sharedByNode) return [];
  return places.map((ranks, p) => {
    const nodes = new Map<number, { down: number; up: number; ring: number }>();
    ranks.forEach((rank, r) => {
      const { node } = devices[rank];
      const crowd = nodes.get(node) ?? { ...noCrowd };
      nodes.set(node, crowd);
      const leaves = (to: number | undefined) => (to !== undefined && devices[to].node !== node ? 1 : 0);
      crowd.down += leaves(places[p + 1]?.[r]);
      crowd.up += leaves(places[p - 1]?.[r]);
      crowd.ring += leaves(ranks[(r + 1) % ranks.length]);
    });
    return [...nodes.values()].reduce((most, crowd) => (crowd.down + crowd.up + crowd.ring > most.down + most.up + most.ring ? crowd : most));
  });
}

/** `[place]`: the best, over all replicas, of the links from it to the next. */
export function linksOf({ cluster, devices }: Context, places: readonly (readonly number[])[]): readonly Link[] {
  return places.slice(1).map((below, p) => bestLink(below.map((rank, r) => linkBetween(cluster, devices[places[p][r]], devices[rank]))));
}

/** As quick as the quickest of each kind of quickness. */
export function bestLink(links: readonly Link[]): Link {
  return { latencyUs: Math.min(...links.map(({ latencyUs }) => latencyUs)), bandwidthGBps: Math.max(...links.map(({ bandwidthGBps }) => bandwidthGBps)) };
}

function runningSums(amounts: readonly number[]): Float64Array {
  const sums = new Float64Array(amounts.length + 1);
  amounts.forEach((amount, i) => (sums[i + 1] = sums[i] + amount));
  return sums;
}
