/** How long an iteration lasts at least where a device takes its turn at several stages, one in each round over the devices. */
import { transferMs, type Link } from "../../model/cluster";
import type { DeviceOrders } from "../../schedule/generators/order";
import type { Context } from "../../simulate/context";
import { adjacentBytes, countedSums, devicePart, leastCrossing, passSums, type Counts } from "./paths";
import { goesBack, type PlanKind } from "./span";

/** A way through the order: ms of messages and passes whatever the cuts, and how many more passes of each stage are on it. */
interface Way {
  ms: number;
  readonly passes: readonly Counts[];
}

/**
 * Least ms over all cuts of a chain, rounded down a little: what devices take on average, so that stages count one by one. As in
 * `vSpan` a device's passes lie between the first micro-batch's way down to it and the last gradient's way up, and before its first
 * gradient a micro-batch goes all the way.
 * @param orders Of the chain's passes. @param links `[place]`: the best that it may have to the next, of the last one to the first.
 */
export function roundsSpan(context: Context, chain: number, kind: PlanKind, orders: DeviceOrders, links: readonly Link[]): number {
  const work = context.workload.chains[chain];
  if (!goesBack(work.cuts)) return 0;
  const { stages, devices, microbatches, share } = kind;
  const sums = passSums(context, chain, share / microbatches, kind.recompute);
  const messages = adjacentBytes(work, share / microbatches);
  const layers = work.layers.length;
  const [forward, backward] = [sums.F[layers], sums.I[layers] + sums.W[layers]];
  const [leastForward, leastBackward] = [leastCrossing(messages.forward), leastCrossing(messages.backward)];
  /** Ms of the messages between the stages [from, to]. */
  const hopsMs = (from: number, to: number, bytes: number) => Array.from({ length: to - from }, (_, i) => transferMs(links[(from + i) % devices], bytes)).reduce((ms, own) => ms + own, 0);
  const averages = [0, 1, 2].map((): Way => ({ ms: 0, passes: Array.from({ length: stages }, () => ({ F: 0, I: 0, W: 0 })) }));
  orders.forEach((order, device) => {
    const part = devicePart(order, device, device === 0);
    const [down, first, turn] = averages;
    const back = { F: 0, I: 1, W: 1 };
    for (let stage = 0; stage < device; stage++) {
      add(down.passes[stage], { F: 1, I: 1, W: 1 });
      add(first.passes[stage], back);
    }
    for (let stage = part.firstStage; stage < stages; stage++) add(first.passes[stage], back);
    for (const [way, counts] of [[down, part.toLast], [first, part.afterFirst], [turn, part.afterTurn]] as const) for (const [stage, own] of counts) add(way.passes[stage], own);
    const [upMs, thereMs] = [hopsMs(0, device, leastBackward), hopsMs(0, stages - 1, leastForward)];
    down.ms += hopsMs(0, device, leastForward) + upMs;
    first.ms += forward + thereMs + hopsMs(part.firstStage, stages - 1, leastBackward) + upMs;
    turn.ms += forward + backward + thereMs + hopsMs(0, stages - 1, leastBackward);
  });
  const least = averages.map(({ ms, passes }) => (ms + leastOverCuts(passes.map((counts) => countedSums(sums, counts)))) / devices);
  return Math.max(...least) * (1 - 1e-9);
}

function add(to: Counts, more: Counts): void {
  to.F += more.F;
  to.I += more.I;
  to.W += more.W;
}

/** The least sum over all cuts. @param sums `[stage][k]`: ms that the first k layers would take in it. */
function leastOverCuts(sums: readonly Float64Array[]): number {
  const layers = sums[0].length - 1;
  let reached = new Float64Array(layers + 1).fill(Infinity);
  reached[0] = 0;
  for (const own of sums) {
    const next = new Float64Array(layers + 1).fill(Infinity);
    let least = Infinity;
    for (let to = 1; to <= layers; to++) {
      least = Math.min(least, reached[to - 1] - own[to - 1]);
      next[to] = least + own[to];
    }
    reached = next;
  }
  return reached[layers];
}
