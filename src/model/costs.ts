/** Times of layers at any batch size, from the batch sizes that were profiled. */
import { isUsable, type LayerTime, type ProfileLayer } from "./profile";

export type Pass = "forwardMs" | "inputGradMs" | "weightGradMs";

/** Increasing batches and never decreasing times. */
export interface TimeCurve {
  readonly batches: readonly number[];
  readonly ms: readonly number[];
}

/** The usable points of one pass, sorted by batch; a larger batch is never faster (noise is flattened upwards). */
export function timeCurve(times: readonly LayerTime[], pass: Pass): TimeCurve {
  const points = times.filter(isUsable).sort((a, b) => a.batch - b.batch);
  const ms: number[] = [];
  for (const point of points) ms.push(Math.max(point[pass], ms.at(-1) ?? 0));
  return { batches: points.map((point) => point.batch), ms };
}

/**
 * Time in ms at `batch`: piecewise linear through the points. Outside of them linear too: above the largest with the last
 * slope, but no flatter than from the first point to the last; below the smallest with the first slope, but no less than in
 * proportion. A single point scales in proportion. Zero samples take no time.
 */
export function timeAt(curve: TimeCurve, batch: number): number {
  const { batches, ms } = curve;
  const last = batches.length - 1;
  if (batch <= 0 || last < 0) return 0;
  if (last === 0) return (ms[0] * batch) / batches[0];
  const slope = (a: number, b: number) => (ms[b] - ms[a]) / (batches[b] - batches[a]);
  if (batch <= batches[0]) return Math.max(ms[0] - slope(0, 1) * (batches[0] - batch), (ms[0] * batch) / batches[0]);
  if (batch >= batches[last]) return ms[last] + Math.max(slope(last - 1, last), slope(0, last)) * (batch - batches[last]);
  let upper = 1;
  while (batches[upper] < batch) upper++;
  return ms[upper - 1] + slope(upper - 1, upper) * (batch - batches[upper - 1]);
}

/** Between which batch sizes a layer was profiled, and whether any time there is an estimate. */
interface Coverage {
  readonly least: number;
  readonly most: number;
  readonly forward: boolean;
  readonly backward: boolean;
}

/** Asked for every slice of a timeline, of layers that never change. */
const coverages = new WeakMap<ProfileLayer, Coverage>();

function coverageOf(layer: ProfileLayer): Coverage {
  let coverage = coverages.get(layer);
  if (!coverage) {
    const points = layer.times.filter(isUsable);
    const batches = points.map((point) => point.batch);
    const isAny = (sourceOf: (point: LayerTime) => LayerTime["source"]) => points.some((point) => sourceOf(point) === "estimate");
    coverage = { least: Math.min(...batches), most: Math.max(...batches), forward: isAny(({ source }) => source), backward: isAny(({ source, gradSource }) => gradSource ?? source) };
    coverages.set(layer, coverage);
  }
  return coverage;
}

/** Whether the time of `layer` at `batch` is no more than an estimate: outside of what was profiled, or estimated there. */
export function isEstimate(layer: ProfileLayer, batch: number, backward: boolean): boolean {
  const coverage = coverageOf(layer);
  return batch < coverage.least || batch > coverage.most || (backward ? coverage.backward : coverage.forward);
}

/** The three passes of a layer. `backward` is I + W, as far as the layer's flags ask for them. */
export interface LayerCost {
  readonly forward: TimeCurve;
  readonly inputGrad: TimeCurve;
  readonly weightGrad: TimeCurve;
}

export function layerCost(layer: ProfileLayer): LayerCost {
  const none: TimeCurve = { batches: [], ms: [] };
  return {
    forward: timeCurve(layer.times, "forwardMs"),
    inputGrad: layer.needsInputGrad ? timeCurve(layer.times, "inputGradMs") : none,
    weightGrad: layer.needsWeightGrad ? timeCurve(layer.times, "weightGradMs") : none,
  };
}

/** Bytes of one element in a precision's name ("fp32", "float16", "bf16" …). */
export function bytesPerElement(precision: string): number {
  return /16/.test(precision) ? 2 : 4;
}

/** Bytes of a layer's gradients: as profiled, or its parameters in the gradients' type; nothing where it doesn't train. */
export function gradBytes(layer: ProfileLayer, precision: string, gradDtype: string): number {
  if (!layer.needsWeightGrad) return 0;
  return layer.gradBytes ?? (layer.paramBytes * bytesPerElement(gradDtype)) / bytesPerElement(precision);
}
