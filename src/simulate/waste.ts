/** How much of what devices could do in a period is not work at its best: idle time, and batches that are slower than need be. */
import type { ProfileLayer } from "../model/profile";
import type { Context } from "./context";

/**
 * 1 - (the layers' passes and the frozen work of `samples` samples, each layer at the batch size that is best for it) /
 * (devices * period). Of the batch sizes that were profiled, on the kind of device in use that is fastest for the layer. Beside
 * the bubble ratio it shows what that hides: slow calls, passes that are made again, updates of the weights. A micro-batch
 * conditions on itself with its chain's probability, which is one more forward pass.
 */
export function wasteOf(context: Context, worldSize: number, samples: number, periodMs: number): number {
  return periodMs > 0 ? 1 - (samples * bestMs(context, worldSize)) / (worldSize * periodMs) : 0;
}

const known = new WeakMap<Context["workload"], Map<string, number>>();

/** Ms per sample of all passes and frozen work. */
function bestMs(context: Context, worldSize: number): number {
  const { workload, devices } = context;
  const kinds = [...new Set(context.kinds.subarray(0, worldSize))];
  let ofKinds = known.get(workload);
  if (!ofKinds) known.set(workload, (ofKinds = new Map()));
  const key = kinds.map((kind) => devices[context.kinds.indexOf(kind)].kind.name).join("\n");
  let ms = ofKinds.get(key);
  if (ms === undefined) ofKinds.set(key, (ms = sumOfBest(context, kinds)));
  return ms;
}

function sumOfBest({ workload, costs }: Context, kinds: readonly number[]): number {
  /** `sumsOf`: running sums of the layers' times at a batch size. */
  const total = (layers: readonly ProfileLayer[], sumsOf: (batch: number, kind: number) => Float64Array) => {
    let ms = 0;
    layers.forEach((layer, at) => {
      let best = Infinity;
      for (const { batch, status = "ok" } of layer.times) {
        if (status !== "ok") continue;
        for (const kind of kinds) {
          const sums = sumsOf(batch, kind);
          best = Math.min(best, (sums[at + 1] - sums[at]) / batch);
        }
      }
      if (best < Infinity) ms += best;
    });
    return ms;
  };
  const chains = workload.chains.map(({ chain, layers }, c) => {
    const again = chain.selfConditioning?.probability ?? 0;
    const forward = total(layers, (batch, kind) => costs.chain(c, batch, kind).forward);
    return forward * (1 + again) + total(layers, (batch, kind) => costs.chain(c, batch, kind).inputGrad) + total(layers, (batch, kind) => costs.chain(c, batch, kind).weightGrad);
  });
  const frozen = workload.frozen.map(({ layers }, p) => total(layers, (batch, kind) => costs.frozen(p, batch, kind)));
  return [...chains, ...frozen].reduce((all, ms) => all + ms, 0);
}
