/** Periods that no plan of a kind can beat, whatever its cuts. */
import type { Optimizer, Plan, ScheduleName } from "../../model/plan";
import { crossingBytes } from "../../model/workload";
import { deviceOrders, isInV } from "../../schedule/generators";
import type { Context } from "../../simulate/context";
import { bucketBytes } from "../../simulate/durations";
import { leastFrozenMs } from "../fill/bound";
import { directionsOf, placesOf, type Layout } from "./layout";
import { adjacentBytes, leastCrossing } from "./paths";
import { roundsSpan } from "./roundsSpan";
import { vSpan } from "./vSpan";
import { bestLink, crowdsOf, goesBack, linksOf, passesOf, pipelineSpan, splitsBackward, type Crowd, type PlanKind } from "./span";

/** Schedules whose devices hold one stage of a chain. */
const oneStageEach: ReadonlySet<ScheduleName> = new Set<ScheduleName>(["ddp", "gpipe", "1f1b", "zb-h1", "zb-h2"]);

/** Ms that no plan of a kind can beat. */
export interface Bounds {
  /** By work and all-reduces alone. */
  quick(schedule: ScheduleName, kind: PlanKind): number;
  /** Also by the way of a micro-batch through the pipeline and by the network, which takes many times as long to say. @param upToMs Beyond this it need not be tight; it only ever falls. */
  whole(schedule: Plan["schedule"], layout: Layout, kind: PlanKind, upToMs: number): number;
}

/**
 * What several kinds have in common is worked out once.
 * @param gradDtype Of what all-reduces move. @param fill Whether frozen work may go into bubbles; else a device's part of it is one block before or after its passes.
 */
export function boundsWith(context: Context, gradDtype: Optimizer["gradDtype"], fill: boolean): Bounds {
  const known = new Map<string, number>();
  const remembered = (key: string, make: () => number) => {
    const bound = known.get(key) ?? make();
    known.set(key, bound);
    return bound;
  };
  const keyOf = ({ stages, devices, microbatches, share, replicas, recompute }: PlanKind) => `${stages} ${devices} ${microbatches} ${share} ${replicas} ${recompute}`;
  const quick: Bounds["quick"] = (schedule, kind) => {
    const isInTurn = oneStageEach.has(schedule) && context.workload.chains.length === 1;
    return remembered(`${isInTurn} ${keyOf(kind)}`, () => Math.max(workBound(context, kind), synchronisation(context, kind, gradDtype, isInTurn)));
  };
  return {
    quick,
    whole(schedule, layout, kind, upToMs) {
      const places = () => placesOf(layout, kind.devices, kind.dataParallel / kind.replicas);
      const { name, warmup, concatenation, lateWeightGrads } = schedule;
      const hasOneEach = oneStageEach.has(name) || name === "bidirectional";
      const own = () => (hasOneEach ? placedBound(context, name, places(), kind, gradDtype, fill) : orderedBound(context, schedule, places(), kind, gradDtype, upToMs));
      // Where weight gradients are passes of their own, nothing here depends on when they are made, nor on how many micro-batches are held.
      const key = hasOneEach ? `${name} ${warmup}` : `${name} ${concatenation} ${lateWeightGrads}`;
      return Math.max(quick(name, kind), remembered(`${key} ${layout} ${keyOf(kind)}`, own));
    },
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
  // The first stages of all chains are on one device; which stages are slowest differs from chain to chain.
  const areFirst = !splitsBackward(schedule) && chains.every(({ cuts }) => goesBack(cuts));
  const longest = (crowds: readonly Crowd[]) => {
    const spans = chains.map((_, chain) => pipelineSpan(context, chain, schedule, kind, between, crowds, gradDtype));
    if (!areFirst) return Math.max(...spans);
    return Math.max(...["down", "up"].map((way) => spans.reduce((sum, ms, chain) => sum + (directions[chain] === way ? ms : 0), 0)));
  };
  const bound = Math.max(longest(isInOrder ? crowdsOf(context, places) : []), stages === devices ? networkMs(context, places, kind, gradDtype) : 0);
  // A first stage's device is at its passes from the first to the last gradient, and then has its frozen work, or before.
  if (fill || !areFirst) return bound;
  return Math.max(bound, longest([]) + leastFrozenMs(context, Math.floor((replicas * share) / devices)));
}

/** Where devices have several stages of each chain, or Chimera's two replicas: of the ways through the order of passes, and of the network. */
function orderedBound(context: Context, schedule: Plan["schedule"], places: readonly (readonly number[])[], kind: PlanKind, gradDtype: Optimizer["gradDtype"], upToMs: number): number {
  const { chains } = context.workload;
  const { stages, devices, microbatches } = kind;
  const isTwoWays = schedule.name === "chimera";
  const orders = deviceOrders({ schedule, devices, microbatches, chains: [{ stages }] });
  const spanOf = (chain: number) => {
    if (schedule.name === "interleaved") return roundsSpan(context, chain, kind, orders, linksOf(context, [...places, places[0]]));
    return vSpan(context, chain, kind, orders, linksOf(context, places), crowdsOf(context, places), gradDtype, isTwoWays, upToMs);
  };
  const spans = chains.map((_, chain) => spanOf(chain));
  // The first stages of all chains are on one device, one chain after another; that Chimera's directions begin together is known of the whole only.
  const span = isTwoWays ? Math.max(...spans) : spans.reduce((sum, ms) => sum + ms, 0);
  return Math.max(span, networkMs(context, stageRanks(schedule.name, places, stages), kind, gradDtype));
}

/** `[stage][replica]`: ranks. */
function stageRanks(schedule: ScheduleName, places: readonly (readonly number[])[], stages: number): readonly (readonly number[])[] {
  if (schedule === "chimera") return places.map((down, s) => down.flatMap((rank, pipeline) => [rank, places[places.length - 1 - s][pipeline]]));
  return isInV(schedule) ? [...places, ...places.toReversed()] : Array.from({ length: stages / places.length }, () => places).flat();
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
  if (!inTurn) return (ms * kind.replicas) / devices;
  const apart = passesOf(context, 0, kind, microbatches, microbatches - 1);
  return (ms + apart[0].reduce((sum, _, l) => sum + Math.min(...apart.map((each) => each[l])), 0)) / stages;
}

/**
 * Ms that the nodes' ways to the network are busy on average, where devices of a node share one: with the parts of all-reduces
 * that go from node to node, and with the messages between stages on different nodes, at the cuts that are crossed by least.
 * @param places `[stage][replica]`: ranks of each chain's stages.
 */
function networkMs(context: Context, places: readonly (readonly number[])[], kind: Pick<PlanKind, "share" | "microbatches" | "stages" | "devices">, gradDtype: Optimizer["gradDtype"]): number {
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
  workload.chains.forEach((work, chain) => {
    bytes += ((2 * (replicas - 1)) / replicas) * ringHops * (sums[chain].at(-1) ?? 0);
    const samples = share / microbatches;
    const adjacent = kind.stages > kind.devices && adjacentBytes(work, samples);
    // Devices with several stages keep what they need again.
    const least = adjacent
      ? leastCrossing(adjacent.forward.map((own, cut) => own + adjacent.backward[cut]))
      : work.cuts.slice(1).reduce((low, { forward, backward }) => Math.min(low, crossingBytes(forward, samples) + (backward ? crossingBytes(backward, samples) : 0)), Infinity);
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
