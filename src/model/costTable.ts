/** Sums of layer times and bytes for stages and fills, kept per batch size so that a planner can ask for them thousands of times. */
import type { DeviceKind } from "./cluster";
import { bytesPerElement, gradBytes, layerCost, timeAt, type LayerCost } from "./costs";
import type { ProfileLayer } from "./profile";
import type { Workload } from "./workload";

/** `[k]`: ms of the first k layers, so that a range costs the difference of two entries. */
export interface ChainSums {
  readonly forward: Float64Array;
  readonly inputGrad: Float64Array;
  readonly weightGrad: Float64Array;
  /** Both gradients. */
  readonly backward: Float64Array;
}

/** `[k]`: bytes of the first k layers of a chain; `trained`: the weights of those that learn; saved and workspace per sample. */
export interface ByteSums {
  readonly weights: Float64Array;
  readonly trained: Float64Array;
  readonly gradients: Float64Array;
  /** Activations per sample kept from F until I, and from F until W. */
  readonly untilInputGrad: Float64Array;
  readonly untilWeightGrad: Float64Array;
}

/** `kind`: index among the kinds of device that the table was made for. */
export interface CostTable {
  /** Times of chain `chain`'s layers for micro-batches of `batch` samples. */
  chain(chain: number, batch: number, kind: number): ChainSums;
  /** Times of the layers of frozen part `part` for `batch` samples at once. */
  frozen(part: number, batch: number, kind: number): Float64Array;
  bytes(chain: number, gradDtype: string): ByteSums;
  /** `[k]`: ms of the optimizer's step of a chain's first k layers; undefined where it was not measured. */
  steps(chain: number, kind: number): Float64Array | undefined;
}

function running(count: number, amount: (index: number) => number): Float64Array {
  const sums = new Float64Array(count + 1);
  for (let i = 0; i < count; i++) sums[i + 1] = sums[i] + amount(i);
  return sums;
}

function remembered<K, V>(make: (key: K) => V): (key: K) => V {
  const known = new Map<K, V>();
  return (key) => {
    let value = known.get(key);
    if (value === undefined) known.set(key, (value = make(key)));
    return value;
  };
}

export function costTable(workload: Workload, kinds: readonly DeviceKind[]): CostTable {
  const { profile } = workload;
  const { precision } = profile.device;
  const reference = kinds.find((kind) => kind.name === profile.device.name) ?? kinds[0];
  const ofKind = kinds.map((kind) => {
    const slower = slowdown(kind, reference, precision);
    const parts = workload.frozen.map(({ layers }) => layers.map((layer) => ({ forward: layerCost(layer).forward, factor: slower(layer) })));
    return {
      steps: workload.chains.map(({ layers }) => {
        const isMeasured = layers.every((layer) => !layer.needsWeightGrad || layer.paramBytes === 0 || layer.optimizerMs !== undefined);
        return isMeasured ? running(layers.length, (i) => slower(layers[i]) * (layers[i].optimizerMs ?? 0)) : undefined;
      }),
      chains: workload.chains.map(({ layers }) => {
        const costs = layers.map((layer) => ({ cost: layerCost(layer), factor: slower(layer) }));
        return remembered((batch: number) => chainSums(costs, batch));
      }),
      frozen: parts.map((layers) => remembered((batch: number) => running(layers.length, (i) => layers[i].factor * timeAt(layers[i].forward, batch)))),
    };
  });
  const bytes = workload.chains.map(({ layers }) =>
    remembered(
      (gradDtype: string): ByteSums => ({
        weights: running(layers.length, (i) => layers[i].paramBytes),
        trained: running(layers.length, (i) => (layers[i].needsWeightGrad ? layers[i].paramBytes : 0)),
        gradients: running(layers.length, (i) => gradBytes(layers[i], precision, gradDtype)),
        untilInputGrad: running(layers.length, (i) => layers[i].savedBytesPerSample.untilInputGrad),
        untilWeightGrad: running(layers.length, (i) => layers[i].savedBytesPerSample.untilWeightGrad),
      }),
    ),
  );
  return {
    chain: (chain, batch, kind) => ofKind[kind].chains[chain](batch),
    frozen: (part, batch, kind) => ofKind[kind].frozen[part](batch),
    bytes: (chain, gradDtype) => bytes[chain](gradDtype),
    steps: (chain, kind) => ofKind[kind].steps[chain],
  };
}

function chainSums(layers: readonly { readonly cost: LayerCost; readonly factor: number }[], batch: number): ChainSums {
  const pass = (name: keyof LayerCost) => running(layers.length, (i) => layers[i].factor * timeAt(layers[i].cost[name], batch));
  const inputGrad = pass("inputGrad");
  const weightGrad = pass("weightGrad");
  return { forward: pass("forward"), inputGrad, weightGrad, backward: inputGrad.map((ms, i) => ms + weightGrad[i]) };
}

/**
 * How many times as long a layer takes on `kind` as on the kind that was profiled: the ratio of its roofline times (peak and
 * bandwidth alone), an estimate. Layers without FLOPs and traffic count as bound by computing.
 */
function slowdown(kind: DeviceKind, reference: DeviceKind, precision: string): (layer: ProfileLayer) => number {
  if (kind === reference) return () => 1;
  const roofline = (device: DeviceKind, layer: ProfileLayer) => {
    const computing = (layer.flopsPerSample ?? 1) / peak(device, precision);
    return Math.max(computing, layer.flopsPerSample === undefined ? 0 : (layer.trafficBytesPerSample ?? 0) / (device.bandwidthGBps * 1e9));
  };
  return (layer) => {
    const known = roofline(reference, layer);
    return known > 0 ? roofline(kind, layer) / known : 1;
  };
}

/** FLOP/s in the precision, or in the nearest one that the cluster file names. */
function peak({ peakTflops: { fp32, tf32, fp16, bf16 } }: DeviceKind, precision: string): number {
  const half = /bf/.test(precision) ? (bf16 ?? fp16) : (fp16 ?? bf16);
  const found = bytesPerElement(precision) === 2 ? (half ?? tf32 ?? fp32) : (tf32 ?? fp32 ?? half);
  return (found ?? 1) * 1e12;
}
