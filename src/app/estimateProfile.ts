/** Use-case: a bound model to its profile on a device that is not here. Every time is computed from public figures and marked so. */
import { precisionsOf } from "../hardware/precision";
import { estimateTimes, type Precision } from "../hardware/scale";
import { wholeLayer } from "../hardware/wholeLayer";
import type { DeviceKind } from "../model/cluster";
import { UserError } from "../model/errors";
import type { BoundLayer, BoundModel } from "../model/model";
import type { LayerTime, Profile } from "../model/profile";
import { profileSkeleton } from "../profile/skeleton";
import { checkedBatches, defaultBatches, type ProfileHooks } from "./profile";

export interface EstimateOptions {
  /** By default the first that the device has of bf16, fp16, tf32, fp32. */
  readonly precision?: string;
  /** By default 1, 2, 4 … 64. */
  readonly batches?: readonly number[];
}

/** What such a profile says of itself. */
export const estimateNote = 'Estimated from public figures, not measured: the error is unknown until "profile --on" measures there.';

const wholeLayerMessage = "Its operators are not known: estimated from the layer's FLOPs and traffic as a whole, which is on the short side.";

/** Four digits: an estimate has no more. */
const rounded = (ms: number) => Number(ms.toPrecision(4));

/** @throws UserError for a precision that the device has no peak for, and for batch sizes that are none. */
export function estimateProfile(bound: BoundModel, device: DeviceKind, options: EstimateOptions = {}, { onNotice = () => {} }: Pick<ProfileHooks, "onNotice"> = {}): Profile {
  const precision = precisionOn(device, options.precision);
  const batches = checkedBatches(options.batches ?? defaultBatches);
  onNotice(`Estimating for ${device.name}, ${precision}. ${estimateNote}`);
  const layers = bound.components.flatMap((component) => component.layers);
  const unknown = layers.filter(({ operators }) => !operators).length;
  if (unknown > 0) onNotice(`${unknown} of ${layers.length} layers: ${wholeLayerMessage}`);
  const skeleton = profileSkeleton(bound, { name: device.name, provider: "estimate", precision, memoryBytes: device.memoryBytes, note: estimateNote });
  return {
    ...skeleton,
    runtimeVersion: "analytic estimate",
    components: skeleton.components.map((component, c) => ({
      ...component,
      layers: component.layers.map((layer, l) => ({ ...layer, times: timesOf(bound.components[c].layers[l], device, precision, batches) })),
    })),
  };
}

function timesOf(layer: BoundLayer, device: DeviceKind, precision: Precision, batches: readonly number[]): readonly LayerTime[] {
  return estimateTimes(layer.operators ?? [wholeLayer(layer)], device, precision, batches).map((time) => ({
    ...time,
    forwardMs: rounded(time.forwardMs),
    inputGradMs: rounded(time.inputGradMs),
    weightGradMs: rounded(time.weightGradMs),
    ...(!layer.operators && { message: wholeLayerMessage }),
  }));
}

function precisionOn(device: DeviceKind, asked: string | undefined): Precision {
  const there = precisionsOf(device);
  const found = asked === undefined ? there[0] : there.find((precision) => precision === asked);
  if (found === undefined) throw new UserError(`${device.name} has no peak for ${asked ?? "any precision"}. It has: ${there.join(", ") || "none"}.`);
  return found;
}
