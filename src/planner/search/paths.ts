/** Ways through a schedule's fixed order that take so long at least, whatever the cuts: how often each stage's passes lie on them. */
import { crossingBytes, type ChainWork } from "../../model/workload";
import { passesOf, type Step } from "../../schedule/generators/order";
import type { Context } from "../../simulate/context";

/** `[k]`: ms of the first k layers for one micro-batch, each on the kind of device that is fastest at it. */
export interface PassSums {
  readonly F: Float64Array;
  readonly I: Float64Array;
  readonly W: Float64Array;
  /** What comes right before a backward pass: another forward pass where activations are computed again. */
  readonly R: Float64Array;
}

export function passSums({ workload, costs, kinds }: Context, chain: number, samples: number, recompute: boolean): PassSums {
  const all = [...new Set(kinds)].map((kind) => costs.chain(chain, samples, kind));
  const least = (pass: "forward" | "inputGrad" | "weightGrad") => {
    const sums = new Float64Array(workload.chains[chain].layers.length + 1);
    for (let k = 1; k < sums.length; k++) sums[k] = sums[k - 1] + all.reduce((ms, own) => Math.min(ms, own[pass][k] - own[pass][k - 1]), Infinity);
    return sums;
  };
  const F = least("forward");
  return { F, I: least("inputGrad"), W: least("weightGrad"), R: recompute ? F : F.map(() => 0) };
}

/** How many passes of a stage a device makes, or makes in a part of its order. */
export interface Counts {
  F: number;
  I: number;
  W: number;
}

/** `[k]`: ms of so many passes of the first k layers. */
export function countedSums({ F, I, W, R }: PassSums, counts: Counts): Float64Array {
  return F.map((ms, k) => counts.F * ms + counts.I * (I[k] + R[k]) + counts.W * W[k]);
}

/** What a device does, as its stages' passes: in all, and in parts of its order. */
export interface DevicePart {
  /** From the start of its order to the last gradient of its first stage, which goes up to the device before. */
  readonly toLast: ReadonlyMap<number, Counts>;
  /** The same from after its first backward pass on. */
  readonly afterFirst: ReadonlyMap<number, Counts>;
  /** Which stage that first one is of. */
  readonly firstStage: number;
  /** The same from after the first backward pass of its first stage on. */
  readonly afterTurn: ReadonlyMap<number, Counts>;
}

/**
 * @param first The device's first stage. @param isWhole Whether the order counts to its end, since the iteration ends on this device
 * or with its last pass.
 */
export function devicePart(order: readonly Step[], first: number, isWhole: boolean): DevicePart {
  const steps = order.flatMap(passesOf);
  const isBack = (op: string) => op === "I" || op === "B";
  const end = isWhole ? steps.length - 1 : steps.findLastIndex(({ op, stage }) => stage === first && isBack(op));
  const begin = steps.findIndex(({ op }) => isBack(op));
  const turn = steps.findIndex(({ op, stage }) => stage === first && isBack(op));
  const counted = (from: number): ReadonlyMap<number, Counts> => {
    const stages = new Map<number, Counts>();
    for (let i = from; i <= end; i++) {
      const { op, stage } = steps[i];
      const counts = stages.get(stage) ?? { F: 0, I: 0, W: 0 };
      stages.set(stage, counts);
      if (op !== "B") counts[op]++;
      else {
        counts.I++;
        counts.W++;
      }
    }
    return stages;
  };
  return { toLast: counted(0), afterFirst: counted(begin + 1), firstStage: steps[begin].stage, afterTurn: counted(turn + 1) };
}

/** `[cut]`: bytes of a micro-batch that cross it there and back wherever else the chain is cut and whatever devices keep: what the next layer uses of the last. */
export function adjacentBytes({ spans, cuts }: ChainWork, samples: number): { readonly forward: Float64Array; readonly backward: Float64Array } {
  const forward = new Float64Array(cuts.length + 1);
  const backward = new Float64Array(cuts.length + 1);
  for (let cut = 1; cut < cuts.length; cut++) {
    if (spans === undefined) {
      const { forward: down, backward: up } = cuts[cut];
      forward[cut] = crossingBytes(down, samples);
      backward[cut] = up ? crossingBytes(up, samples) : 0;
      continue;
    }
    for (const span of spans) {
      if (span.from !== cut - 1 || span.consumers[0] !== cut) continue;
      forward[cut] += crossingBytes(span, samples);
      if (span.hasGradient && cuts[cut].backward) backward[cut] += crossingBytes(span, samples);
    }
  }
  return { forward, backward };
}

/** The least over all cuts. */
export function leastCrossing(bytes: Float64Array): number {
  return bytes.subarray(1, -1).reduce((least, own) => Math.min(least, own), Infinity);
}
