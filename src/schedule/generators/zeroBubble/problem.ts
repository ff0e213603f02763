/** What an order of F, I and W passes with one stage per device is made for. */
import type { StageTimes } from "../order";

/** Kinds of pass. An order is a device's kinds in turn, all devices laid end to end: each kind goes by micro-batches. */
export const F = 0;
export const I = 1;
export const W = 2;

export type Codes = Uint8Array;

/** Ms of each device's passes. */
export interface Problem {
  readonly devices: number;
  readonly microbatches: number;
  /** Micro-batches that a device may hold at once, each from its F to the end of its W. */
  readonly limit: number;
  readonly forward: Float64Array;
  readonly inputGrad: Float64Array;
  readonly weightGrad: Float64Array;
  /** Of an activation from device d to the next, and of its gradient on the way back. */
  readonly send: Float64Array;
  readonly sendBack: Float64Array;
  /** When each device begins, at the earliest and in any order: the first micro-batch has come so far. */
  readonly first: Float64Array;
  /** From when on a device's time counts: from `first`, or where all devices end an iteration together, from 0. */
  readonly since: Float64Array;
  /** What no order of the device can beat. */
  readonly bound: Float64Array;
}

/** @param times Per stage; unit times and free messages where nothing is known. */
export function problemOf(devices: number, microbatches: number, limit: number, times: readonly StageTimes[] | undefined, endsTogether: boolean): Problem {
  const of = (ms: (stage: StageTimes) => number) => Float64Array.from({ length: devices }, (_, d) => (times ? ms(times[d]) : 1));
  const forward = of(({ forwardMs }) => forwardMs);
  const inputGrad = of(({ inputGradMs }) => inputGradMs);
  const weightGrad = of(({ weightGradMs }) => weightGradMs);
  const send = Float64Array.from({ length: devices }, (_, d) => times?.[d].sendMs ?? 0);
  const sendBack = Float64Array.from({ length: devices }, (_, d) => times?.[d].sendBackMs ?? times?.[d].sendMs ?? 0);
  const first = new Float64Array(devices);
  for (let d = 1; d < devices; d++) first[d] = first[d - 1] + forward[d - 1] + send[d - 1];
  const since = endsTogether ? new Float64Array(devices) : first;
  const costs = { devices, microbatches, limit, forward, inputGrad, weightGrad, send, sendBack, first, since };
  return { ...costs, bound: boundsOf(costs) };
}

/** `[device]`: from the end of a forward pass until its gradient can be back. */
export function returnTimes({ devices, forward, inputGrad, send, sendBack }: Pick<Problem, "devices" | "forward" | "inputGrad" | "send" | "sendBack">): Float64Array {
  const back = new Float64Array(devices);
  for (let d = devices - 2; d >= 0; d--) back[d] = back[d + 1] + send[d] + sendBack[d] + forward[d + 1] + inputGrad[d + 1];
  return back;
}

/**
 * A device makes all its passes. Until the first gradient is back it can make forward passes only, as many as it may hold; while
 * the last one is on its way it can end the others that it holds. The two waits are apart where it cannot hold all micro-batches.
 */
function boundsOf(costs: Omit<Problem, "bound">): Float64Array {
  const { devices, microbatches, limit, forward, inputGrad, weightGrad, first, since } = costs;
  const back = returnTimes(costs);
  const others = Math.min(limit, microbatches) - 1;
  return Float64Array.from({ length: devices }, (_, d) => {
    const atFirst = Math.max(0, back[d] - others * forward[d]);
    const atLast = Math.max(0, back[d] - others * (inputGrad[d] + weightGrad[d]));
    const idle = microbatches > limit ? atFirst + atLast : Math.max(atFirst, atLast);
    return first[d] - since[d] + microbatches * (forward[d] + inputGrad[d] + weightGrad[d]) + idle;
  });
}
