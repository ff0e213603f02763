/** How much of a profile was measured. */
import { isUsable, type LayerRef, type Profile, type ProfileLayer } from "./profile";

export interface MeasuredShare {
  readonly layers: number;
  /** Those with a measured forward time. */
  readonly forward: number;
  /** Layers with gradients, and those of them with a measured time of the gradients. */
  readonly withGradients: number;
  readonly gradients: number;
}

export function measuredShare({ components }: Profile): MeasuredShare {
  const layers = components.flatMap((component) => component.layers);
  const withGradients = layers.filter(({ needsInputGrad, needsWeightGrad }) => needsInputGrad || needsWeightGrad);
  return {
    layers: layers.length, forward: layers.filter(isMeasured).length, withGradients: withGradients.length,
    gradients: withGradients.filter(({ times }) => times.some((time) => isUsable(time) && (time.gradSource ?? time.source) === "measured")).length,
  };
}

/** Whether any of its times is a measured one; failures are not times. */
export function isMeasured({ times }: ProfileLayer): boolean {
  return times.some((time) => isUsable(time) && time.source === "measured");
}

/** Whether the profile's times were computed for a device that was not at hand. */
export function isOfEstimates({ device }: Profile): boolean {
  return device.provider === "estimate";
}

/** Layers that have only estimates although the profile's device measures. */
export function unmeasuredLayers(profile: Profile): readonly LayerRef[] {
  if (isOfEstimates(profile)) return [];
  return profile.components.flatMap(({ name, layers }) => layers.filter((layer) => !isMeasured(layer)).map((layer) => ({ component: name, layer: layer.name })));
}

/** By signature: how many layers share a measurement. A layer without a signature stands for itself. */
export function sharing({ components }: Profile): (layer: ProfileLayer) => number {
  const counts = new Map<string, number>();
  for (const { layers } of components) for (const { signature } of layers) if (signature !== undefined) counts.set(signature, (counts.get(signature) ?? 0) + 1);
  return ({ signature }) => (signature === undefined ? 1 : (counts.get(signature) ?? 1));
}
