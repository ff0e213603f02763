/**
 * Times of a layer on a device that was never measured: for each operator and pass
 *   t(b) = t0 + max(FLOPs(b) / (peak * eff_c(b)), bytes(b) / (bandwidth * eff_m)),   eff_c(b) = eff_c * b / (b + b_half)
 * summed, since kernels run one after the other. An estimate: how far off it is, is unknown until somebody measures.
 * The constants below hold for all devices and models alike, and were chosen before anything was planned with them.
 */
import { bytesPerElement } from "../model/costs";
import type { DeviceKind } from "../model/cluster";
import type { OperatorCost, OperatorKind, PassCost } from "../model/operatorCost";
import type { LayerTime } from "../model/profile";

/**
 * Starting a kernel from an eager framework: about the time that a launch takes on the host, which also is the least that a
 * kernel takes on the device.
 */
export const launchMs = 0.005;

/** Copies of long arrays reach 85 to 90 % of the bandwidth that a maker states; strided and reducing kernels less. */
export const bandwidthEfficiency = 0.8;

/**
 * Share of the dense peak that large problems reach.
 * - products: cuBLAS is near 80 % for large square matrices; those of transformers are narrower.
 * - convolutions: implicit products that also gather their operands, and whose layouts are converted.
 * - attention: fused kernels reach 50 to 73 % on an A100 (FlashAttention-2, arXiv 2307.08691); backward and head sizes that are
 *   no powers of two are at the lower end.
 * - memory: arithmetic outside of the matrix units; their peak is not what bounds it, so it counts as bandwidth alone.
 */
export const computeEfficiency: Readonly<Record<Exclude<OperatorKind, "memory">, number>> = { product: 0.7, convolution: 0.55, attention: 0.5 };

/**
 * A kernel cuts its output into tiles of 128 x 128 (fused attention: 128 rows of a head, here of 64), one at a time for each of
 * about 128 multiprocessors. Of n waves of tiles the last is half empty on average: n / (n + 1/2). So half of the efficiency is
 * reached at half a wave, this many elements of output; b_half is the batch that has them.
 */
export const halfOutputElements: Readonly<Record<Exclude<OperatorKind, "memory">, number>> = { product: 2 ** 20, convolution: 2 ** 20, attention: 2 ** 19 };

export type Precision = keyof DeviceKind["peakTflops"];

/** FLOP/s of matrix products in the precision. @throws RangeError where the device has no figure for it. */
function peakOf({ name, peakTflops }: DeviceKind, precision: Precision): number {
  const tflops = peakTflops[precision];
  if (tflops === undefined) throw new RangeError(`"${name}" has no peak for ${precision}.`);
  return tflops * 1e12;
}

/** Ms of one operator's pass for `batch` samples, at least 1. @throws RangeError where the device has no peak for the precision. */
export function passMs(kind: OperatorKind, pass: PassCost, outputElements: number, device: DeviceKind, precision: Precision, batch: number): number {
  const bytes = (pass.elements * batch + pass.fixedElements) * bytesPerElement(precision);
  const moving = (1e3 * bytes) / (device.bandwidthGBps * 1e9 * bandwidthEfficiency);
  if (kind === "memory") return launchMs + moving;
  const halfBatch = halfOutputElements[kind] / outputElements;
  const efficiency = (computeEfficiency[kind] * batch) / (batch + halfBatch);
  return launchMs + Math.max(moving, (1e3 * pass.flops * batch) / (peakOf(device, precision) * efficiency));
}

/** Times of a layer at each batch size, marked as estimates. @throws RangeError where the device has no peak for the precision. */
export function estimateTimes(operators: readonly OperatorCost[], device: DeviceKind, precision: Precision, batches: readonly number[]): readonly LayerTime[] {
  return batches.map((batch): LayerTime => {
    const ms = (passOf: (operator: OperatorCost) => PassCost | undefined) =>
      operators.reduce((sum, operator) => {
        const pass = passOf(operator);
        return pass ? sum + passMs(operator.kind, pass, operator.outputElements, device, precision, batch) : sum;
      }, 0);
    return { batch, forwardMs: ms(({ forward }) => forward), inputGradMs: ms(({ inputGrad }) => inputGrad), weightGradMs: ms(({ weightGrad }) => weightGrad), source: "estimate" };
  });
}
