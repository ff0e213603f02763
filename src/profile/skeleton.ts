/** A profile document without times: all that is known of a model's layers before anything is measured. */
import { bytesPerElement } from "../model/costs";
import type { BoundLayer, BoundModel } from "../model/model";
import type { Chain, Profile, ProfileComponent, ProfileLayer, Tensor } from "../model/profile";

/** Bound models count every float as float32. */
const boundBytesPerElement = 4;

export type SkeletonLayer = Omit<ProfileLayer, "times">;

export interface ProfileSkeleton<D> extends Omit<Profile, "components" | "device" | "runtimeVersion"> {
  readonly device: D;
  readonly components: readonly (Omit<ProfileComponent, "layers"> & { readonly layers: readonly SkeletonLayer[] })[];
}

function skeletonLayer(layer: BoundLayer, bytesPerFloat: number): SkeletonLayer {
  const paramBytes = layer.parameters * bytesPerFloat;
  const bytes = (asBound: number) => (asBound * bytesPerFloat) / boundBytesPerElement;
  return {
    name: layer.name,
    needsInputGrad: layer.needsInputGrad,
    needsWeightGrad: layer.needsWeightGrad,
    signature: layer.signature,
    paramBytes,
    gradBytes: layer.needsWeightGrad ? (layer.trainableParameters ?? layer.parameters) * bytesPerFloat : 0,
    flopsPerSample: layer.flopsPerSample,
    trafficBytesPerSample: bytes(layer.trafficBytesPerSample),
    savedBytesPerSample: { untilInputGrad: bytes(layer.savedBytesPerSample.untilInputGrad), untilWeightGrad: bytes(layer.savedBytesPerSample.untilWeightGrad) },
    cutBytesPerSample: { forward: bytes(layer.cutBytesPerSample.forward), backward: bytes(layer.cutBytesPerSample.backward) },
  };
}

/** What layers make has the profile's precision; what comes with the data keeps its type. */
function skeletonTensor(tensor: Tensor, share: number): Tensor {
  if (tensor.producer.component === "data") return tensor;
  return { ...tensor, bytesPerSample: tensor.bytesPerSample * share, ...(tensor.bytesFixed !== undefined && { bytesFixed: tensor.bytesFixed * share }) };
}

function skeletonChain({ selfConditioning, ...chain }: Chain, share: number): Chain {
  return { ...chain, ...(selfConditioning && { selfConditioning: { ...selfConditioning, feedbackBytesPerSample: selfConditioning.feedbackBytesPerSample * share } }) };
}

/**
 * All bytes are of floats in the device's precision; the few integers among them are counted as floats.
 * @param device What is known of the device: its precision at least.
 */
export function profileSkeleton<D extends Pick<Profile["device"], "precision">>(bound: BoundModel, device: D): ProfileSkeleton<D> {
  const bytesPerFloat = bytesPerElement(device.precision);
  const share = bytesPerFloat / boundBytesPerElement;
  return {
    format: "diffusionpipe.profile/1",
    model: bound.model,
    ...(bound.choice && { choice: bound.choice }),
    bindings: bound.bindings,
    device,
    chains: bound.chains.map((chain) => skeletonChain(chain, share)),
    components: bound.components.map((component) => ({
      name: component.name,
      class: component.class,
      after: component.after,
      layers: component.layers.map((layer) => skeletonLayer(layer, bytesPerFloat)),
    })),
    tensors: bound.tensors.map((tensor) => skeletonTensor(tensor, share)),
  };
}
