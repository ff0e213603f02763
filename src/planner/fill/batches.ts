/** How many samples of frozen work go into one call: larger batches are not always faster per sample (caches, on a CPU). */
import type { Fill } from "../../model/plan";
import type { Workload } from "../../model/workload";
import type { Context } from "../../simulate/context";

/** On the first kind of device. */
export interface BatchCosts {
  /** `[k]`: ms of the first k layers of frozen part `part` for `samples` samples, in as many calls as `calls` says. */
  sums(part: number, samples: number): Float64Array;
  /** Into how many calls of nearly one size the samples are split. */
  calls(part: number, samples: number): number;
}

/** A call more has to save this share of the time: it is one fill more to read, and calls have costs that nobody measured. */
const gainPerCall = 0.01;

/** More calls than these are not tried. */
const mostCalls = 16;

interface Batched {
  readonly sums: Float64Array;
  readonly calls: number;
}

export function batchCosts({ costs, workload }: Context): BatchCosts {
  const known = workload.frozen.map(() => new Map<number, Batched>());
  const bestOf = (part: number, samples: number): Batched => {
    const parted = (calls: number) => {
      const small = Math.floor(samples / calls);
      return { few: costs.frozen(part, small, 0), many: costs.frozen(part, small + 1, 0), larger: samples - small * calls };
    };
    const layers = costs.frozen(part, samples, 0).length - 1;
    let best = { calls: 1, ms: costs.frozen(part, samples, 0)[layers] };
    for (let calls = 2; calls <= Math.min(mostCalls, samples); calls++) {
      const { few, many, larger } = parted(calls);
      const ms = (few[layers] * (calls - larger) + many[layers] * larger) * (1 + gainPerCall * (calls - 1));
      if (ms < best.ms) best = { calls, ms };
    }
    const { few, many, larger } = parted(best.calls);
    return { calls: best.calls, sums: few.map((ms, k) => ms * (best.calls - larger) + many[k] * larger) };
  };
  const at = (part: number, samples: number): Batched => {
    const found = known[part].get(samples) ?? bestOf(part, samples);
    known[part].set(samples, found);
    return found;
  };
  return { sums: (part, samples) => at(part, samples).sums, calls: (part, samples) => at(part, samples).calls };
}

/** Ms of a fill's layers for so many samples; by default its own. */
export function fillMs({ frozen }: Workload, batches: BatchCosts, { component, from, to, samples: [first, last] }: Fill, samples = last - first): number {
  const sums = batches.sums(frozen.findIndex((part) => part.component === component), samples);
  return sums[to] - sums[from];
}
