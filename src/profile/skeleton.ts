/** A profile document without times: all that is known of a model's layers before anything is measured. */
import type { BoundLayer, BoundModel } from "../model/model";
import type { Profile, ProfileComponent, ProfileLayer } from "../model/profile";

const bytesPerParameter = 4;

export type SkeletonLayer = Omit<ProfileLayer, "times">;

export interface ProfileSkeleton<D> extends Omit<Profile, "components" | "device" | "runtimeVersion"> {
  readonly device: D;
  readonly components: readonly (Omit<ProfileComponent, "layers"> & { readonly layers: readonly SkeletonLayer[] })[];
}

function skeletonLayer(layer: BoundLayer): SkeletonLayer {
  const paramBytes = layer.parameters * bytesPerParameter;
  return {
    name: layer.name,
    needsInputGrad: layer.needsInputGrad,
    needsWeightGrad: layer.needsWeightGrad,
    signature: layer.signature,
    paramBytes,
    gradBytes: layer.needsWeightGrad ? (layer.trainableParameters ?? layer.parameters) * bytesPerParameter : 0,
    flopsPerSample: layer.flopsPerSample,
    trafficBytesPerSample: layer.trafficBytesPerSample,
    savedBytesPerSample: layer.savedBytesPerSample,
    cutBytesPerSample: layer.cutBytesPerSample,
  };
}

/** @param device What is known of the device: its precision at least. */
export function profileSkeleton<D extends Pick<Profile["device"], "precision">>(bound: BoundModel, device: D): ProfileSkeleton<D> {
  return {
    format: "diffusionpipe.profile/1",
    model: bound.model,
    ...(bound.choice && { choice: bound.choice }),
    bindings: bound.bindings,
    device,
    chains: bound.chains,
    components: bound.components.map((component) => ({
      name: component.name,
      class: component.class,
      after: component.after,
      layers: component.layers.map(skeletonLayer),
    })),
    tensors: bound.tensors,
  };
}
