/**
 * The partition of a V by dynamic programming over devices, from the outermost to the innermost: device d holds the layers
 * [a, to) coming down and [from, b) going up, and what is in between is left to the devices further in.
 */
import type { Context } from "../../simulate/context";
import { slotOf } from "./shapes";
import type { Shape, StageCosts } from "./stageCosts";
import { noBytes, vCrossings, type Bytes } from "./vCrossings";

interface Choice {
  /** What is left to the devices further in: layers [a, b). */
  readonly a: number;
  readonly b: number;
  /** Slowest device or link so far, ms per micro-batch. */
  readonly bottleneck: number;
  /** Longest all-reduces of a device so far, ms per iteration. */
  readonly sync: number;
  /** Values of the devices so far for devices further out than their producer's. */
  readonly detours: Bytes;
  /** Messages of one micro-batch to the next device in and from it. */
  readonly inMs: number;
  readonly outMs: number;
  readonly previous: Choice | undefined;
}

function dominates(one: Choice, other: Choice): boolean {
  return one.bottleneck <= other.bottleneck && one.sync <= other.sync && one.detours.forward <= other.detours.forward && one.detours.backward <= other.detours.backward;
}

function add(set: Choice[], choice: Choice): void {
  for (let i = set.length - 1; i >= 0; i--) {
    if (dominates(set[i], choice)) return;
    if (dominates(choice, set[i])) set.splice(i, 1);
  }
  set.push(choice);
}

/** Limits of a device's ms in turn: the first is this much above what it takes at least, further ones this much above the one before. */
const [firstLimit, nextLimit] = [1.1, 1.5];

/**
 * The cuts [0, c1, …, L] of 2n stages, i and 2n - 1 - i on one device, that minimise microbatches * bottleneck + sync within each
 * device's memory for both of its stages; undefined where none fits.
 * @param isSerial Whether a device is taken to wait for all messages of its cuts, rather than for what it sends, as far as that
 * does not overlap its computing.
 */
export function bestVCuts(shape: Shape, costs: StageCosts, context: Context, isSerial: boolean): readonly number[] | undefined {
  const layers = context.workload.chains[shape.chain].layers.length;
  const devices = shape.held.length / 2;
  const rest = leastMs(costs, devices, layers);
  const { microbatches } = shape.plan.batch;
  // Few devices take much longer than their even share: cuts where one does are looked at only where they might be needed.
  for (let limit = (firstLimit * rest[layers]) / devices; ; ) {
    const { best, isLimited } = bestWithin(limit, shape, costs, context, isSerial, rest);
    if (!isLimited) return best && cutsOf(best);
    const enough = best ? best.bottleneck + best.sync / microbatches : Infinity;
    if (best && enough <= limit) return cutsOf(best);
    limit = Math.min(enough * (1 + 1e-9), limit * nextLimit);
  }
}

/** The best cuts in which no device or link takes longer than `limit`, and whether that left any out. */
function bestWithin(limit: number, shape: Shape, costs: StageCosts, context: Context, isSerial: boolean, rest: Float64Array): { readonly best: Choice | undefined; readonly isLimited: boolean } {
  const { plan, chain, memoryShare } = shape;
  const work = context.workload.chains[chain];
  const layers = work.layers.length;
  const devices = shape.held.length / 2;
  const crossings = vCrossings(work, plan.batch.global / plan.dataParallel / plan.batch.microbatches);
  const hides = context.overlaps && !isSerial;
  let isLimited = false;
  let states: readonly (readonly Choice[])[] = [[{ a: 0, b: layers, bottleneck: 0, sync: 0, detours: noBytes, inMs: 0, outMs: 0, previous: undefined }]];
  for (let device = 0; device < devices; device++) {
    const next = new Map<number, Choice[]>();
    const [down, up] = [slotOf(device), slotOf(2 * devices - 1 - device)];
    const shared = costs.sharedBytes(down);
    const room = 2 * memoryShare * (costs.usableBytes(down) - shared);
    const after = devices - 1 - device;
    for (const previous of states) {
      const [{ a, b }] = previous;
      for (let to = a + 1; to < b - 2 * after; to++) {
        const downMs = costs.computeMs(down, a, to);
        if (downMs > limit) isLimited = true;
        const left = room - (costs.memoryBytes(down, a, to) - shared);
        if (downMs > limit || left < 0) break;
        const downSync = costs.syncMs(down, a, to);
        // The innermost device's two stages meet.
        for (let from = after === 0 ? to : b - 1; from >= to + 2 * after; from--) {
          const computeMs = downMs + costs.computeMs(up, from, b);
          if (computeMs > limit || rest[from] - rest[to] > after * limit) isLimited = true;
          if (computeMs > limit) break;
          if (rest[from] - rest[to] <= after * limit && costs.memoryBytes(up, from, b) - shared <= left) {
            const sync = downSync + costs.syncMs(up, from, b);
            const key = to * (layers + 1) + from;
            const set = next.get(key) ?? [];
            for (const choice of previous) extend(choice, to, from, computeMs, sync, set);
            if (set.length > 0) next.set(key, set);
          }
          if (after === 0) break;
        }
      }
    }
    states = [...next.values()];

    function extend(previous: Choice, a: number, b: number, computeMs: number, sync: number, set: Choice[]): void {
      const between = after === 0 ? { detours: noBytes, inMs: 0, outMs: 0 } : messages(previous, a, b);
      const { inMs, outMs } = between;
      const ms = hides ? Math.max(computeMs, inMs, outMs) : computeMs + inMs + previous.outMs + (isSerial ? outMs + previous.inMs : 0);
      if (ms > limit) isLimited = true;
      else add(set, { a, b, bottleneck: Math.max(previous.bottleneck, ms), sync: Math.max(previous.sync, sync), ...between, previous });
    }

    function messages(previous: Choice, a: number, b: number): Pick<Choice, "detours" | "inMs" | "outMs"> {
      const own = crossings.detour(previous.a, a, previous.b);
      const detours = { forward: previous.detours.forward + own.forward, backward: previous.detours.backward + own.backward };
      // What makes a detour and is used in between too is counted twice on its way in: that is rare.
      const messagesOf = (cut: number, bytes: Bytes) => costs.messagesMs(device, bytes.forward + detours.forward, work.cuts[cut].backward && bytes.backward + detours.backward);
      const [inward, outward] = [messagesOf(a, crossings.inward(a, b)), messagesOf(b, crossings.outward(a, b))];
      return { detours, inMs: inward.forward + outward.backward, outMs: outward.forward + inward.backward };
    }
  }
  const total = ({ bottleneck, sync }: Choice) => plan.batch.microbatches * bottleneck + sync;
  let best: Choice | undefined;
  for (const set of states) for (const choice of set) if (!best || total(choice) < total(best)) best = choice;
  return { best, isLimited };
}

function cutsOf(innermost: Choice): readonly number[] {
  const [coming, going]: [number[], number[]] = [[], []];
  for (let choice = innermost.previous; choice; choice = choice.previous) {
    coming.push(choice.a);
    going.push(choice.b);
  }
  return [...coming.reverse(), innermost.a, ...going];
}

/** `[k]`: ms of the first k layers, each on the device that is fastest at it. */
function leastMs(costs: StageCosts, devices: number, layers: number): Float64Array {
  const sums = new Float64Array(layers + 1);
  const slots = Array.from({ length: devices }, (_, device) => slotOf(device));
  for (let layer = 0; layer < layers; layer++) sums[layer + 1] = sums[layer] + slots.reduce((least, slot) => Math.min(least, costs.computeMs(slot, layer, layer + 1)), Infinity);
  return sums;
}
