/** Periods that no plan of a kind can beat, whatever its cuts. */
import { linkBetween, transferMs, type Link } from "../../model/cluster";
import type { Optimizer, ScheduleName } from "../../model/plan";
import { crossingBytes, type Cut } from "../../model/workload";
import type { Context } from "../../simulate/context";
import { bucketBytes } from "../../simulate/durations";
import { leastFrozenMs } from "../fill/bound";
import { directionsOf, placesOf, type Layout } from "./layout";

/** Schedules whose devices hold one stage of a chain. */
const oneStageEach: ReadonlySet<ScheduleName> = new Set<ScheduleName>(["ddp", "gpipe", "1f1b", "zb-h1", "zb-h2"]);

/** Schedules in which weight gradients are passes of their own, which nothing waits for. */
const splitBackward: ReadonlySet<ScheduleName> = new Set<ScheduleName>(["zb-h1", "zb-h2"]);

/**
 * Bounds by schedule, layout and kind of plan; what several kinds have in common is worked out once.
 * @param gradDtype Of what all-reduces move. @param fill Whether frozen work may go into bubbles; else a device's part of it is one block before or after its passes.
 */
export function boundsWith(context: Context, gradDtype: Optimizer["gradDtype"], fill: boolean): (schedule: ScheduleName, layout: Layout, kind: PlanKind) => number {
  const known = new Map<string, number>();
  return (schedule, layout, kind) => {
    const { stages, devices, microbatches, share, replicas } = kind;
    const isOneEach = oneStageEach.has(schedule);
    const key = [isOneEach ? splitBackward.has(schedule) : schedule, layout, stages, devices, microbatches, share, replicas].join(" ");
    let bound = known.get(key);
    if (bound === undefined) {
      bound = Math.max(workBound(context, kind), synchronisation(context, kind, gradDtype, isOneEach && context.workload.chains.length === 1));
      if (isOneEach || schedule === "bidirectional") bound = Math.max(bound, placedBound(context, schedule, placesOf(layout, devices, kind.dataParallel / replicas), kind, gradDtype, fill));
      known.set(key, bound);
    }
    return bound;
  };
}

/** Where each device has one stage of each chain: of the chains that run one after another, and of the network. */
function placedBound(context: Context, schedule: ScheduleName, places: readonly (readonly number[])[], kind: PlanKind, gradDtype: Optimizer["gradDtype"], fill: boolean): number {
  const { chains } = context.workload;
  const { stages, devices, replicas, share } = kind;
  const links = linksOf(context, places);
  const isInOrder = stages === devices && schedule !== "bidirectional";
  const between = isInOrder ? links : Array.from({ length: stages - 1 }, () => bestLink(links));
  const directions = schedule === "bidirectional" ? directionsOf(context.workload) : chains.map(() => "down");
  const isSplit = splitBackward.has(schedule);
  // The first stages of all chains are on one device; which stages are slowest differs from chain to chain.
  const areFirst = !isSplit && chains.every(({ cuts }) => goesBack(cuts));
  const longest = (crowds: readonly Crowd[]) => {
    const spans = chains.map((_, chain) => pipelineSpan(context, chain, kind, between, crowds, gradDtype, isSplit));
    if (!areFirst) return Math.max(...spans);
    return Math.max(...["down", "up"].map((way) => spans.reduce((sum, ms, chain) => sum + (directions[chain] === way ? ms : 0), 0)));
  };
  const bound = Math.max(longest(isInOrder ? crowdsOf(context, places) : []), stages === devices ? networkMs(context, places, kind, gradDtype) : 0);
  // A first stage's device is at its passes from the first to the last gradient, and then has its frozen work, or before.
  if (fill || !areFirst) return bound;
  return Math.max(bound, longest([]) + leastFrozenMs(context, Math.floor((replicas * share) / devices)));
}

/** Whether every cut of a chain sends gradients back. */
function goesBack(cuts: readonly Cut[]): boolean {
  return cuts.every((cut, at) => at === 0 || cut.backward !== undefined);
}

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
}

/** `[width][layer]`: least ms, over all kinds of device, of so many passes of a micro-batch through a layer on so many devices. */
function passesOf({ workload, costs, kinds }: Context, chain: number, { widths, microbatches, share }: PlanKind, forwards: number, backwards = 1): readonly (readonly number[])[] {
  const all = [...new Set(kinds)];
  return widths.map((width) => {
    const each = all.map((kind) => costs.chain(chain, share / microbatches / width, kind));
    return workload.chains[chain].layers.map((_, l) => Math.min(...each.map(({ forward, backward }) => forwards * (forward[l + 1] - forward[l]) + backwards * (backward[l + 1] - backward[l]))));
  });
}

/** Ms that a pipeline computes at least: all passes of its replicas, and all frozen work at its best batch size. */
function workBound(context: Context, kind: PlanKind): number {
  const { widths, microbatches, share, replicas, devices } = kind;
  const passes = context.workload.chains.reduce((ms, { layers }, chain) => {
    const each = passesOf(context, chain, kind, kind.recompute ? 2 : 1);
    return ms + layers.reduce((sum, _, l) => sum + Math.min(...widths.map((width, w) => width * each[w][l])), 0);
  }, 0);
  return (replicas * microbatches * passes + leastFrozenMs(context, replicas * share)) / devices;
}

/**
 * Least ms, over all cuts of a chain and all widths, that its first stage is at an iteration, rounded down a little. Seen from any
 * stage the rest of an iteration takes as long as its own passes of all micro-batches, or as long as its passes of one, the
 * messages to the next stage and back, and what is left from there: the first micro-batch goes down and the last one's gradient
 * comes up. Where nothing before a cut learns, no gradient comes back and stages count by their own passes alone; so they do where
 * weight gradients are passes of their own, which may be made while that gradient comes up. A stage sends its messages one
 * after another; what its replicas of one node send, and their parts of its all-reduce, go over the node's one way to the network.
 * @param links `[stage]`: the best link that it may have to the next.
 */
function pipelineSpan(context: Context, chain: number, kind: PlanKind, links: readonly Link[], crowds: readonly Crowd[], gradDtype: Optimizer["gradDtype"], isSplit: boolean): number {
  const { stages, devices, widths, microbatches, share, dataParallel } = kind;
  const { cuts, layers: { length: layers } } = context.workload.chains[chain];
  const { gradients } = context.costs.bytes(chain, gradDtype);
  const networkBytesPerMs = context.cluster.interNode.bandwidthGBps * 1e6;
  const all = passesOf(context, chain, kind, kind.recompute ? 2 : 1).map(runningSums);
  const once = passesOf(context, chain, kind, 1).map(runningSums);
  const isWaitedFor = !isSplit && goesBack(cuts);
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
            const way = isWaitedFor && to < layers ? once[w][to] - once[w][from] + sent[to] + back[to] : 0;
            next[count][from] = Math.min(next[count][from], Math.max(own, way + after[to]));
          }
        }
      });
    }
    rest = next;
  }
  return rest[devices][0] * (1 - 1e-9);
}

/**
 * Ms of the all-reduces of some device at least, and with `inTurn` also of the passes that cannot overlap them: where a device
 * has one stage, its next iteration waits for them, and they wait for the last backward pass. Stages share gradients and passes
 * evenly at best. A ring moves 2(n-1)/n of the gradients over its slowest link, and each bucket waits for 2(n-1) latencies.
 */
function synchronisation(context: Context, kind: PlanKind, gradDtype: Optimizer["gradDtype"], inTurn: boolean): number {
  const { cluster, costs, workload } = context;
  const { dataParallel, devices, stages, microbatches } = kind;
  const sums = workload.chains.map((_, chain) => costs.bytes(chain, gradDtype).gradients);
  const bytes = sums.reduce((sum, gradients) => sum + gradients[gradients.length - 1], 0);
  const within = Math.max(...cluster.nodeGroups.map(({ intraNode }) => intraNode.bandwidthGBps));
  const spansNodes = dataParallel > Math.max(...cluster.nodeGroups.map(({ devicesPerNode }) => devicesPerNode));
  const bandwidth = spansNodes ? cluster.interNode.bandwidthGBps : Math.max(within, cluster.interNode.bandwidthGBps);
  const latencyUs = spansNodes ? cluster.interNode.latencyUs : Math.min(cluster.interNode.latencyUs, ...cluster.nodeGroups.map(({ intraNode }) => intraNode.latencyUs));
  const ms = 2 * (dataParallel - 1) * (bytes / dataParallel / (bandwidth * 1e6) + (bucketsOf(sums) * latencyUs) / 1e3);
  if (!inTurn) return ms / devices;
  const apart = passesOf(context, 0, kind, microbatches, microbatches - 1);
  return (ms + apart[0].reduce((sum, _, l) => sum + Math.min(...apart.map((each) => each[l])), 0)) / stages;
}

/**
 * Ms that the nodes' ways to the network are busy on average, where devices of a node share one: with the parts of all-reduces
 * that go from node to node, and with the messages between stages on different nodes, at the cuts that are crossed by least.
 * @param places `[place][replica]`: ranks, one stage of each chain at each place.
 */
function networkMs(context: Context, places: readonly (readonly number[])[], kind: Pick<PlanKind, "share" | "microbatches">, gradDtype: Optimizer["gradDtype"]): number {
  const { cluster, costs, devices, workload } = context;
  const { share, microbatches } = kind;
  const nodes = (devices.at(-1)?.node ?? 0) + 1;
  if (!cluster.interNode.sharedByNode || nodes === 1) return 0;
  const isHop = (a: number, b: number) => devices[a].node !== devices[b].node;
  const replicas = places[0].length;
  const ringHops = Math.min(...places.map((ranks) => ranks.filter((rank, r) => isHop(rank, ranks[(r + 1) % replicas])).length));
  const messageHops = places.slice(1).reduce((hops, ranks, p) => hops + ranks.filter((rank, r) => isHop(rank, places[p][r])).length, 0);
  const sums = workload.chains.map((_, chain) => costs.bytes(chain, gradDtype).gradients);
  let bytes = 0;
  let waits = 2 * (replicas - 1) * ringHops * bucketsOf(sums);
  workload.chains.forEach(({ cuts }, chain) => {
    bytes += ((2 * (replicas - 1)) / replicas) * ringHops * (sums[chain].at(-1) ?? 0);
    const least = cuts.slice(1).reduce((low, { forward, backward }) => {
      const samples = share / microbatches;
      return Math.min(low, crossingBytes(forward, samples) + (backward ? crossingBytes(backward, samples) : 0));
    }, Infinity);
    if (messageHops === 0) return;
    bytes += messageHops * microbatches * least;
    waits += messageHops * microbatches;
  });
  return ((bytes / (cluster.interNode.bandwidthGBps * 1e6) + (waits * cluster.interNode.latencyUs) / 1e3) / nodes) * (1 - 1e-9);
}

/** Buckets that chains' gradients go in at least: a cut between stages only ever ends one early. @param sums `[chain][layer]`: bytes of the layers before it. */
function bucketsOf(sums: readonly Float64Array[]): number {
  let count = 0;
  for (const gradients of sums) {
    for (let last = gradients.length - 1, layer = last - 1; layer >= 0; layer--) {
      const size = gradients[last] - gradients[layer];
      if (size < bucketBytes && (layer > 0 || size === 0)) continue;
      count++;
      last = layer;
    }
  }
  return count;
}

/** How many replicas of a place send over one node's way to the network: to the next place, to the one before, and to the next replica. */
interface Crowd {
  readonly down: number;
  readonly up: number;
  readonly ring: number;
}

const noCrowd: Crowd = { down: 0, up: 0, ring: 0 };

/** `[place]`: where it is largest; none where devices have ways of their own. */
function crowdsOf({ cluster, devices }: Context, places: readonly (readonly number[])[]): readonly Crowd[] {
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
function linksOf({ cluster, devices }: Context, places: readonly (readonly number[])[]): readonly Link[] {
  return places.slice(1).map((below, p) => bestLink(below.map((rank, r) => linkBetween(cluster, devices[places[p][r]], devices[rank]))));
}

/** As quick as the quickest of each kind of quickness. */
function bestLink(links: readonly Link[]): Link {
  return { latencyUs: Math.min(...links.map(({ latencyUs }) => latencyUs)), bandwidthGBps: Math.max(...links.map(({ bandwidthGBps }) => bandwidthGBps)) };
}

function runningSums(amounts: readonly number[]): Float64Array {
  const sums = new Float64Array(amounts.length + 1);
  amounts.forEach((amount, i) => (sums[i + 1] = sums[i] + amount));
  return sums;
}
