/** Sums of layer times and bytes for stages and fills, kept per batch size so that a planner can ask for them thousands of times. */
import { gradBytes, layerCost, timeAt } from "./costs";
import type { Workload } from "./workload";

/** `[k]`: ms of the first k layers, so that a range costs the difference of two entries. */
export interface ChainSums {
  readonly forward: Float64Array;
  readonly backward: Float64Array;
}

/** `[k]`: bytes of the first k layers of the chain; `trained`: the weights of those that learn. */
export interface ByteSums {
  readonly weights: Float64Array;
  readonly trained: Float64Array;
  readonly gradients: Float64Array;
}

export interface CostTable {
  /** Times of the chain's layers for micro-batches of `batch` samples. */
  chain(batch: number): ChainSums;
  /** Times of the layers of frozen part `part` for `batch` samples at once. */
  frozen(part: number, batch: number): Float64Array;
  bytes(gradDtype: string): ByteSums;
}

function running(count: number, amount: (index: number) => number): Float64Array {
  const sums = new Float64Array(count + 1);
  for (let i = 0; i < count; i++) sums[i + 1] = sums[i] + amount(i);
  return sums;
}

export function costTable(workload: Workload): CostTable {
  const layers = workload.layers.map(layerCost);
  const parts = workload.frozen.map((part) => part.layers.map((layer) => layerCost(layer).forward));
  const chains = new Map<number, ChainSums>();
  const frozen = workload.frozen.map(() => new Map<number, Float64Array>());
  const bytes = new Map<string, ByteSums>();
  const { precision } = workload.profile.device;
  return {
    bytes(gradDtype) {
      let sums = bytes.get(gradDtype);
      if (!sums) {
        sums = {
          weights: running(layers.length, (i) => workload.layers[i].paramBytes),
          trained: running(layers.length, (i) => (workload.layers[i].needsWeightGrad ? workload.layers[i].paramBytes : 0)),
          gradients: running(layers.length, (i) => gradBytes(workload.layers[i], precision, gradDtype)),
        };
        bytes.set(gradDtype, sums);
      }
      return sums;
    },
    chain(batch) {
      let sums = chains.get(batch);
      if (!sums) {
        sums = {
          forward: running(layers.length, (i) => timeAt(layers[i].forward, batch)),
          backward: running(layers.length, (i) => timeAt(layers[i].inputGrad, batch) + timeAt(layers[i].weightGrad, batch)),
        };
        chains.set(batch, sums);
      }
      return sums;
    },
    frozen(part, batch) {
      let sums = frozen[part].get(batch);
      if (!sums) {
        sums = running(parts[part].length, (i) => timeAt(parts[part][i], batch));
        frozen[part].set(batch, sums);
      }
      return sums;
    },
  };
}
