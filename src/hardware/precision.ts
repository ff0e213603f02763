/** The precisions of a device. */
import type { DeviceKind } from "../model/cluster";
import type { Precision } from "./scale";

/** By preference: what models are trained in. */
const precisions = ["bf16", "fp16", "tf32", "fp32"] as const satisfies readonly Precision[];

/** Those that the device has a peak for, the preferred one first. */
export function precisionsOf({ peakTflops }: DeviceKind): readonly Precision[] {
  return precisions.filter((precision) => peakTflops[precision] !== undefined);
}
