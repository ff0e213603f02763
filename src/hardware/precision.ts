/** The bytes of a profile in another precision than float32, and which precisions a device has. */
import type { DeviceKind } from "../model/cluster";
import { bytesPerElement } from "../model/costs";
import type { Profile } from "../model/profile";
import type { Precision } from "./scale";

/** By preference: what models are trained in. */
const precisions = ["bf16", "fp16", "tf32", "fp32"] as const satisfies readonly Precision[];

/** Those that the device has a peak for, the preferred one first. */
export function precisionsOf({ peakTflops }: DeviceKind): readonly Precision[] {
  return precisions.filter((precision) => peakTflops[precision] !== undefined);
}

/**
 * @param profile In float32: parameters, gradients and activations. What comes with the data is no part of what is kept.
 * @returns Its bytes in the precision of its device.
 */
export function inItsPrecision(profile: Profile): Profile {
  const share = bytesPerElement(profile.device.precision) / bytesPerElement("fp32");
  const scaled = <T extends Readonly<Record<string, number>>>(bytes: T): T => Object.fromEntries(Object.entries(bytes).map(([name, value]) => [name, value * share])) as T;
  return {
    ...profile,
    components: profile.components.map((component) => ({
      ...component,
      layers: component.layers.map(({ gradBytes, ...layer }) => ({
        ...layer,
        paramBytes: layer.paramBytes * share,
        ...(gradBytes !== undefined && { gradBytes: gradBytes * share }),
        ...(layer.trafficBytesPerSample !== undefined && { trafficBytesPerSample: layer.trafficBytesPerSample * share }),
        savedBytesPerSample: scaled(layer.savedBytesPerSample),
        cutBytesPerSample: scaled(layer.cutBytesPerSample),
      })),
    })),
    tensors: profile.tensors?.map((tensor) =>
      tensor.producer.component === "data" ? tensor : { ...tensor, bytesPerSample: tensor.bytesPerSample * share, ...(tensor.bytesFixed !== undefined && { bytesFixed: tensor.bytesFixed * share }) },
    ),
  };
}
