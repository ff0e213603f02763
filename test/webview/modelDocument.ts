/** A model of any width, made here: an encoder of equal layers and a backbone whose skips live from its down to its up half. */
import type { InspectedComponent, InspectedLayer, Inspection } from "../../src/model/inspection";
import type { Tensor } from "../../src/model/profile";

const mib = 1024 * 1024;

function layer(name: string, kind: string, trains: boolean, signature: string, parameters: number, cut: number): InspectedLayer {
  return {
    name, kind, modules: [name], parameters, needsInputGrad: trains, needsWeightGrad: trains, signature,
    flopsPerSample: parameters * 1000, inputGradFlopsPerSample: trains ? parameters * 1000 : 0, weightGradFlopsPerSample: trains ? parameters * 1000 : 0,
    trafficBytesPerSample: mib, savedBytesPerSample: { untilInputGrad: trains ? mib : 0, untilWeightGrad: trains ? 2 * mib : 0 },
    cutBytesPerSample: { forward: cut, backward: trains ? cut : 0 },
  };
}

/** @param trained Whether the encoder trains as well. @param layers Of the backbone; an even number. */
export function inspectionOf({ layers = 20, trained = false, height = 64 }: { readonly layers?: number; readonly trained?: boolean; readonly height?: number } = {}): Inspection {
  const half = layers / 2;
  const encoder = Array.from({ length: 6 }, (_, index) => layer(`layers.${index}`, "encoder_layer", trained, "encoder", 1_000, mib));
  // After layer i live its own output and the skips of those before it; past the middle a skip is used up by each layer.
  const alive = (index: number) => Math.min(index + 1, layers - index - 1);
  const unet = Array.from({ length: layers }, (_, index) => layer(`${index < half ? "down" : "up"}.${index % half}`, index % 2 ? "attention" : "resnet", true, `${index % 2}`, 2_000 + (index % 2), alive(index) * mib));
  const skips = unet.slice(0, half).map(({ name }, index): Tensor => ({
    id: `unet/${name}`, producer: { component: "unet", layer: name }, bytesPerSample: mib, hasGradient: true, transport: "chain",
    consumers: [{ component: "unet", layer: unet[index + 1].name }, { component: "unet", layer: unet[layers - 1 - index].name }],
  }));
  const component = (name: string, className: string, role: "trained" | "frozen", list: readonly InspectedLayer[], after: readonly string[]): InspectedComponent =>
    ({ name, class: className, role, after, layers: list, parameters: list.reduce((sum, { parameters }) => sum + parameters, 0) });
  return {
    model: { path: "/models/small", sha256: "", class: "SmallPipeline" },
    components: [component("text_encoder", "Encoder", trained ? "trained" : "frozen", encoder, []), component("unet", "Backbone", "trained", unet, ["text_encoder"])],
    chains: [{ id: "backbone", segments: [...(trained ? [{ component: "text_encoder", from: 0, to: encoder.length }] : []), { component: "unet", from: 0, to: layers }] }],
    predictionType: "epsilon",
    bindings: { height, width: 64, sequenceLength: 8 },
    tensors: skips,
  };
}
