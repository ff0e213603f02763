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

/**
 * What a device is taken to cost per micro-batch: its passes or, where it is longer, what a link carries; its passes and all
 * messages of its cuts, one after another; or twice the passes of the longer of its stages, since few micro-batches meet the
 * stages one by one.
 */
export type VReading = "hidden" | "serial" | "even";

/** Limits of a cut's ms per micro-batch in turn: the first is this much above the even share, the next this much above it, further ones ever more. */
const [firstLimit, nextLimit] = [1.03, 1.12];

/**
 * The cuts [0, c1, …, L] of 2n stages, i and 2n - 1 - i on one device, that minimise microbatches * bottleneck + sync within each
 * device's memory for both of its stages; undefined where none fits.
 */
export function bestVCuts(shape: Shape, costs: StageCosts, context: Context, reading: VReading): readonly number[] | undefined {
  const layers = context.workload.chains[shape.chain].layers.length;
  const devices = shape.held.length / 2;
  const rest = leastMs(costs, devices, layers);
  const even = (rest[layers] + costs.syncMs(slotOf(0), 0, layers) / shape.plan.batch.microbatches) / devices;
  // The best is seldom far from an even share: cuts that are get looked at only where nothing nearer fits.
  for (let limit = firstLimit * even, further = nextLimit; ; limit *= further, further *= nextLimit) {
    const { best, isLimited } = bestWithin(limit, shape, costs, context, reading, rest);
    if (best || !isLimited) return best && cutsOf(best);
  }
}

/** The best cuts of those that take `limit` ms per micro-batch at most, and whether that left any out. */
function bestWithin(limit: number, shape: Shape, costs: StageCosts, context: Context, reading: VReading, rest: Float64Array): { readonly best: Choice | undefined; readonly isLimited: boolean } {
  const { plan, chain, memoryShare } = shape;
  const work = context.workload.chains[chain];
  const layers = work.layers.length;
  const devices = shape.held.length / 2;
  const crossings = vCrossings(work, plan.batch.global / plan.dataParallel / plan.batch.microbatches);
  const { microbatches } = plan.batch;
  const [isSerial, isEven, hides] = [reading === "serial", reading === "even", context.overlaps && reading !== "serial"];
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
          const upMs = costs.computeMs(up, from, b);
          const computeMs = isEven ? 2 * Math.max(downMs, upMs) : downMs + upMs;
          if (computeMs > limit || rest[from] - rest[to] > after * limit) isLimited = true;
          if (downMs + upMs > limit || (isEven && 2 * upMs > limit)) break;
          if (computeMs <= limit && rest[from] - rest[to] <= after * limit && costs.memoryBytes(up, from, b) - shared <= left) {
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

    function extend(previous: Choice, a: number, b: number, computeMs: number, own: number, set: Choice[]): void {
      const sync = Math.max(previous.sync, own);
      const most = limit - sync / microbatches;
      if (Math.max(previous.bottleneck, computeMs) > most) isLimited = true;
      else {
        const between = after === 0 ? { detours: noBytes, inMs: 0, outMs: 0 } : messages(previous, a, b);
        const { inMs, outMs } = between;
        const ms = hides ? Math.max(computeMs, inMs, outMs) : computeMs + inMs + previous.outMs + (isSerial ? outMs + previous.inMs : 0);
        if (ms > most) isLimited = true;
        else add(set, { a, b, bottleneck: Math.max(previous.bottleneck, ms), sync, ...between, previous });
      }
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
  const total = ({ bottleneck, sync }: Choice) => microbatches * bottleneck + sync;
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
