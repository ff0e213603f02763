/** How long an iteration lasts at least where a device has stage d and the one as far from the end: a V, or Chimera's two directions. */
import { transferMs, type Link } from "../../model/cluster";
import type { Optimizer } from "../../model/plan";
import type { DeviceOrders } from "../../schedule/generators/order";
import type { Context } from "../../simulate/context";
import { adjacentBytes, countedSums, devicePart, leastCrossing, passSums, type Counts, type PassSums } from "./paths";
import { goesBack, noCrowd, type Crowd, type PlanKind } from "./span";

/** What a device with layers [a, to) and [from, b) takes at least: `down[to] - down[a] + up[b] - up[from]`, a constant, and `before[a]` and `after[from]`. */
interface Term {
  readonly ms: number;
  readonly down: Float64Array;
  readonly up: Float64Array;
  readonly before: Float64Array;
  readonly after: Float64Array;
}

/** Limits that are tried in turn: the first is this much above what is sure, further ones this much above the one before. */
const [firstLimit, nextLimit] = [1.03, 1.15];

/**
 * Least ms over all cuts of a chain, rounded down a little: the longest, over all devices, of what each takes at least. Its passes
 * begin when the first micro-batch has come down to it, and its last gradient has to go up again; before its first gradient a
 * micro-batch goes all the way; what the replicas of a place send from one node shares that node's way to the network.
 * @param orders Of the chain's passes; they do not depend on times. @param links `[place]`: the best that it may have to the next.
 * @param crowds `[place]`, or none. @param isTwoWays Whether it is Chimera, where the iteration begins with the first pass of either direction.
 * @param upToMs Beyond this it need not be the least.
 */
export function vSpan(context: Context, chain: number, kind: PlanKind, orders: DeviceOrders, links: readonly Link[], crowds: readonly Crowd[], gradDtype: Optimizer["gradDtype"], isTwoWays: boolean, upToMs: number): number {
  const work = context.workload.chains[chain];
  const layers = work.layers.length;
  const { stages, microbatches, share, dataParallel } = kind;
  const devices = stages / 2;
  const sums = passSums(context, chain, share / microbatches, kind.recompute);
  const messages = adjacentBytes(work, share / microbatches);
  const { gradients } = context.costs.bytes(chain, gradDtype);
  const all = countedSums(sums, { F: microbatches, I: microbatches, W: microbatches });
  // Chimera's directions begin together only where both wait for the all-reduce of the first stage's gradients.
  const isTimed = goesBack(work.cuts) && (!isTwoWays || gradients[1] > 0);
  const hops = links.map((link) => ({ forward: transferMs(link, leastCrossing(messages.forward)), backward: transferMs(link, leastCrossing(messages.backward)) }));
  const terms = Array.from({ length: devices }, (_, device) => (isTimed ? termsOf(orders, device, stages, sums, hops, isTwoWays) : [{ ms: 0, down: all, up: all, before: nothing(layers), after: nothing(layers) }]));
  const bytesPerMs = context.cluster.interNode.bandwidthGBps * 1e6;
  const valueOf = (device: number, a: number, to: number, from: number, b: number): number => {
    let most = 0;
    for (const { ms, down, up, before, after } of terms[device]) most = Math.max(most, ms + down[to] - down[a] + up[b] - up[from] + before[a] + after[from]);
    const { down, up, ring } = crowds[device] ?? noCrowd;
    const sent = (device + 1 < devices ? down * (messages.forward[to] + messages.backward[from]) : 0) + (device > 0 ? up * (messages.backward[a] + messages.forward[b]) : 0);
    const reduced = isTwoWays ? 0 : ((ring * 2 * (dataParallel - 1)) / dataParallel) * (gradients[to] - gradients[a] + gradients[b] - gradients[from]);
    return Math.max(most, (microbatches * sent + reduced) / bytesPerMs);
  };
  const sure = Math.max(all[layers] / devices, terms.reduce((most, own) => own.reduce((ms, term) => Math.max(ms, term.ms), most), 0));
  for (let limit = sure * firstLimit; ; limit *= nextLimit) {
    const ms = leastWithin(limit, devices, all, valueOf);
    if (ms < Infinity || limit > upToMs) return Math.min(ms, limit) * (1 - 1e-9);
  }
}

const nothing = (layers: number) => new Float64Array(layers + 1);

/** The least of the longest values over all cuts of which none is above the limit; Infinity where there are no such cuts. */
function leastWithin(limit: number, devices: number, all: Float64Array, valueOf: (device: number, a: number, to: number, from: number, b: number) => number): number {
  const layers = all.length - 1;
  /** `[a * (layers + 1) + b]`: of the devices so far, which leave [a, b) to those further in. */
  let reached = new Map([[layers, 0]]);
  for (let device = 0; device < devices; device++) {
    const next = new Map<number, number>();
    const after = devices - 1 - device;
    for (const [key, ms] of reached) {
      const a = Math.floor(key / (layers + 1));
      const b = key % (layers + 1);
      for (let to = a + 1; to < b - 2 * after; to++) {
        if (all[to] - all[a] > limit) break;
        // The innermost device's two stages meet.
        for (let from = after === 0 ? to : b - 1; from >= to + 2 * after; from--) {
          if (all[to] - all[a] + all[b] - all[from] > limit) break;
          if (all[from] - all[to] <= after * limit) {
            const value = Math.max(ms, valueOf(device, a, to, from, b));
            const state = to * (layers + 1) + from;
            if (value <= limit && value < (next.get(state) ?? Infinity)) next.set(state, value);
          }
          if (after === 0) break;
        }
      }
    }
    reached = next;
  }
  let least = Infinity;
  for (const ms of reached.values()) least = Math.min(least, ms);
  return least;
}

/** Ways through the order that lead over a device, from the start of an iteration on the first device to its end there. */
function termsOf(orders: DeviceOrders, device: number, stages: number, sums: PassSums, hops: readonly { readonly forward: number; readonly backward: number }[], isTwoWays: boolean): readonly Term[] {
  const { F, I, W } = sums;
  const layers = F.length - 1;
  const counterpart = stages - 1 - device;
  const part = devicePart(orders[device], device, isTwoWays || device === 0);
  const counted = (counts: ReadonlyMap<number, Counts>) => ({ down: countedSums(sums, counts.get(device) ?? none), up: countedSums(sums, counts.get(counterpart) ?? none) });
  /** In Chimera's order a gradient is sent on when all of a backward pass is done. */
  const back = isTwoWays ? I.map((ms, k) => ms + W[k]) : I;
  const [forwardMs, backwardMs] = [hops.reduce((ms, hop) => ms + hop.forward, 0), hops.reduce((ms, hop) => ms + hop.backward, 0)];
  // Of Chimera's directions either may be the one that a way is of: then as many of the quickest messages count.
  const quickest = { forward: Math.min(...hops.map(({ forward }) => forward)), backward: Math.min(...hops.map(({ backward }) => backward)) };
  const above = Array.from({ length: device }, (_, place) => (isTwoWays ? quickest : hops[place]));
  const [downMs, upMs] = [above.reduce((ms, hop) => ms + hop.forward, 0), above.reduce((ms, hop) => ms + hop.backward, 0)];
  // A V goes over its devices twice.
  const [thereMs, returnMs] = isTwoWays ? [forwardMs, backwardMs] : [2 * forwardMs, 2 * backwardMs];
  const way = F.map((ms, k) => ms + back[k]);
  const isUpFirst = part.firstStage === counterpart;
  return [
    { ms: downMs + upMs, ...counted(part.toLast), before: way, after: nothing(layers) },
    ...(isUpFirst ? [{ ms: F[layers] + back[layers] + thereMs + 2 * upMs, ...counted(part.afterFirst), before: back, after: back.map((ms) => -ms) }] : []),
    { ms: way[layers] + thereMs + returnMs, ...counted(part.afterTurn), before: nothing(layers), after: nothing(layers) },
  ];
}

const none: Counts = { F: 0, I: 0, W: 0 };
