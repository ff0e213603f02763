/** Shapes bound: what each layer costs and moves at one image size and text length. */
import { createHash } from "node:crypto";
import { layerCost } from "../graph/cost";
import { layerOutputShape, lowerLayer, shapesByName } from "../graph/layer";
import { UserError } from "../model/errors";
import type { BoundLayer, ModelComponent } from "../model/model";
import type { OnnxValue } from "../model/onnx";
import { elements, type Shape } from "../model/operator";
import type { Bindings, Chain, Tensor } from "../model/profile";
import type { LayerDescription } from "./component";
import type { GradientTable, LayerGradients } from "./gradients";
import type { Pipeline, PipelineComponent } from "./pipeline";
import { cutBytes, tensorsOfPipeline, type CutBytes } from "./tensors";

type BoundComponent = Omit<ModelComponent, "layers"> & { readonly layers: readonly BoundLayer[] };

/** @throws UserError when the bindings do not fit the model. */
export function bindPipeline(
  pipeline: Pipeline,
  components: readonly ModelComponent[],
  gradients: GradientTable,
  chain: Chain,
  bindings: Bindings,
): { readonly components: readonly BoundComponent[]; readonly tensors: readonly Tensor[] } {
  for (const [name, value] of Object.entries(bindings)) {
    if (!Number.isSafeInteger(value) || value < 1) throw new UserError(`Expected a whole number of at least 1, found ${String(value)}.`, { field: name });
  }
  pipeline.checkBindings(bindings);
  const shapes = new Map<string, Shape>(pipeline.data.map(({ name, shape }) => [`data/${name}`, shape(bindings)]));
  const inputs = pipeline.components.map((component) => component.description.layers.map((layer) => bindLayer(component, layer, bindings, shapes)));
  for (const [id, shape] of shapes) {
    if (!Number.isSafeInteger(elements(shape) * 8)) throw new UserError(`At this size "${id}" has more bytes than can be counted exactly.`, { field: "height" });
  }
  const tensors = tensorsOfPipeline(pipeline, gradients, chain, shapes);
  const cuts = cutsByLayer(pipeline, chain, tensors);
  return {
    tensors,
    components: components.map((component, c) => ({
      ...component,
      layers: component.layers.map((layer, l) => {
        const { name, description } = pipeline.components[c];
        const gradient = gradients.get(name)?.[l] ?? { needsInputGrad: false, needsWeightGrad: false, inputs: new Set<string>() };
        return { ...layer, ...boundLayer(`${name}/${layer.name}`, description.layers[l], inputs[c][l], gradient, cuts.get(`${name}/${layer.name}`) ?? { forward: 0, backward: 0 }) };
      }),
    })),
  };
}

/** The layer's inputs at batch 1; its output's shape is added to `shapes`. */
function bindLayer(component: PipelineComponent, layer: LayerDescription, bindings: Bindings, shapes: Map<string, Shape>): readonly OnnxValue[] {
  const inputs = layer.body.inputs.map((name): OnnxValue => {
    const source = layer.sources[name];
    if ("layer" in source) return { name, type: "float32", shape: [1, ...(shapes.get(`${component.name}/${source.layer}`) ?? [])] };
    const declared = component.description.inputs.find((input) => input.name === source.input);
    if (!declared) throw new Error(`${component.name} has no input "${source.input}".`);
    return { name, type: declared.type, shape: [1, ...component.inputs[source.input].shape(bindings)], ...(declared.below !== undefined && { below: declared.below }) };
  });
  const [, ...output] = layerOutputShape(layer.body, inputs);
  shapes.set(`${component.name}/${layer.name}`, output);
  return inputs;
}

function boundLayer(id: string, layer: LayerDescription, inputs: readonly OnnxValue[], gradients: LayerGradients, cutBytesPerSample: CutBytes) {
  const cost = layerCost(layer.body, shapesByName(inputs), gradients.needsWeightGrad, gradients.inputs);
  return {
    signature: createHash("sha256").update(JSON.stringify([layer.body, inputs])).digest("hex"),
    flopsPerSample: cost.forwardFlops,
    inputGradFlopsPerSample: cost.inputGradFlops,
    weightGradFlopsPerSample: cost.weightGradFlops,
    trafficBytesPerSample: cost.trafficBytes,
    savedBytesPerSample: { untilInputGrad: cost.savedUntilInputGradBytes, untilWeightGrad: cost.savedUntilWeightGradBytes },
    cutBytesPerSample,
    graph: (batch: number) => lowerLayer(id, layer.root, layer.body, inputs.map((input) => ({ ...input, shape: [batch, ...input.shape.slice(1)] }))),
  };
}

/** The chain is one sequence, every component outside it one of its own. */
function cutsByLayer(pipeline: Pipeline, chain: Chain, tensors: readonly Tensor[]): ReadonlyMap<string, CutBytes> {
  const references = (names: readonly string[]) =>
    pipeline.components.filter(({ name }) => names.includes(name)).flatMap(({ name, description }) => description.layers.map((layer) => ({ component: name, layer: layer.name })));
  const chained = chain.segments.map(({ component }) => component);
  const sequences = [references(chained), ...pipeline.components.filter(({ name }) => !chained.includes(name)).map(({ name }) => references([name]))];
  return new Map(sequences.flatMap((sequence) => cutBytes(sequence, tensors).map((cut, index) => [`${sequence[index].component}/${sequence[index].layer}`, cut] as const)));
}
