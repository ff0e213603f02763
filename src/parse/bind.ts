/** Shapes bound: what each layer costs and moves at one image size and text length. */
import { createHash } from "node:crypto";
import { layerCost } from "../graph/cost";
import { layerOutputShapes, lowerLayer, shapesByName } from "../graph/layer";
import { UserError } from "../model/errors";
import type { BoundLayer, ModelComponent } from "../model/model";
import type { OnnxValue } from "../model/onnx";
import { elements, type Shape } from "../model/operator";
import type { Bindings, Chain, Tensor } from "../model/profile";
import { trainsIn, type LayerDescription } from "./component";
import type { GradientTable, LayerGradients } from "./gradients";
import { dataTensor, layerTensor, type Pipeline, type PipelineComponent } from "./pipeline";
import { cutBytes, tensorsOfPipeline, type CutBytes } from "./tensors";

type BoundComponent = Omit<ModelComponent, "layers"> & { readonly layers: readonly BoundLayer[] };

/** A shape at batch 1 and at batch 2: every dimension is linear in the batch, so these two say all of them. */
export interface BatchedShape {
  readonly one: Shape;
  readonly two: Shape;
}

const batched = (shape: Shape, fixed = false): BatchedShape => ({ one: [1, ...shape], two: [fixed ? 1 : 2, ...shape] });

const atBatch = ({ one, two }: BatchedShape, batch: number): Shape => one.map((size, axis) => size + (batch - 1) * (two[axis] - size));

/** @throws UserError when the bindings do not fit the model. */
export function bindPipeline(
  pipeline: Pipeline,
  components: readonly ModelComponent[],
  gradients: GradientTable,
  chains: readonly Chain[],
  bindings: Bindings,
): { readonly components: readonly BoundComponent[]; readonly tensors: readonly Tensor[] } {
  checkBindings(pipeline, bindings);
  const shapes = new Map<string, BatchedShape>(pipeline.data.map((value) => [dataTensor(value.name), batched(value.shape(bindings), value.fixed)]));
  const inputs = pipeline.components.map((component) => {
    const sizes = component.sizes(bindings);
    return component.description.layers.map((layer) => bindLayer(component, layer, sizes, shapes));
  });
  for (const [id, { two }] of shapes) {
    if (!Number.isSafeInteger(elements(two) * 8)) throw new UserError(`At this size "${id}" has more bytes than can be counted exactly.`, { field: "height" });
  }
  const tensors = tensorsOfPipeline(pipeline, gradients, chains, shapes);
  const cuts = cutsByLayer(pipeline, chains, tensors);
  return {
    tensors,
    components: components.map((component, c) => ({
      ...component,
      layers: component.layers.map((layer, l) => {
        const { name, description } = pipeline.components[c];
        const gradient = gradients.get(name)?.[l];
        if (!gradient) throw new Error(`No gradients are known of ${name}/${layer.name}.`);
        return { ...layer, ...boundLayer(`${name}/${layer.name}`, description.layers[l], inputs[c][l], gradient, cuts.get(`${name}/${layer.name}`) ?? { forward: 0, backward: 0 }) };
      }),
    })),
  };
}

/** The sizes that every model has, or may have. */
const sizeNames = ["height", "width", "sequenceLength", "frames"] as const;

function checkBindings(pipeline: Pipeline, bindings: Bindings): void {
  for (const name of sizeNames) {
    const value = bindings[name];
    if (value !== undefined && (!Number.isSafeInteger(value) || value < 1)) throw new UserError(`Expected a whole number of at least 1, found ${String(value)}.`, { field: name });
  }
  pipeline.checkBindings?.(bindings);
  for (const { description, sizes } of pipeline.components) description.checkSizes?.(sizes(bindings));
}

type BatchedValue = Omit<OnnxValue, "shape"> & { readonly shape: BatchedShape };

const valuesAt = (values: readonly BatchedValue[], batch: number): readonly OnnxValue[] => values.map((value) => ({ ...value, shape: atBatch(value.shape, batch) }));

/** The layer's inputs; the shapes of its outputs are added to `shapes`. */
function bindLayer(component: PipelineComponent, layer: LayerDescription, sizes: Bindings, shapes: Map<string, BatchedShape>): readonly BatchedValue[] {
  const inputs = layer.body.inputs.map((name): BatchedValue => {
    const source = layer.sources[name];
    if ("layer" in source) {
      const shape = shapes.get(layerTensor(component.name, source.layer, source.output));
      if (!shape) throw new Error(`${component.name}/${layer.name} stands before "${source.layer}", which it needs.`);
      return { name, type: "float32", shape };
    }
    const declared = component.description.inputs.find((input) => input.name === source.input);
    if (!declared) throw new Error(`${component.name} has no input "${source.input}".`);
    return { name, type: declared.type, shape: batched(declared.shape(sizes), declared.fixed), ...(declared.below !== undefined && { below: declared.below }) };
  });
  const one = layerOutputShapes(layer.body, valuesAt(inputs, 1));
  const two = layerOutputShapes(layer.body, valuesAt(inputs, 2));
  one.forEach((shape, output) => shapes.set(layerTensor(component.name, layer.name, output), { one: shape, two: two[output] }));
  return inputs;
}

function boundLayer(id: string, layer: LayerDescription, inputs: readonly BatchedValue[], gradients: LayerGradients, cutBytesPerSample: CutBytes) {
  const single = valuesAt(inputs, 1);
  const cost = layerCost(layer.body, shapesByName(single), (operator) => gradients.needsWeightGrad && trainsIn(layer, operator), gradients.inputs);
  return {
    signature: createHash("sha256").update(JSON.stringify([layer.body, single])).digest("hex"),
    flopsPerSample: cost.forwardFlops,
    inputGradFlopsPerSample: cost.inputGradFlops,
    weightGradFlopsPerSample: cost.weightGradFlops,
    trafficBytesPerSample: cost.trafficBytes,
    savedBytesPerSample: { untilInputGrad: cost.savedUntilInputGradBytes, untilWeightGrad: cost.savedUntilWeightGradBytes },
    cutBytesPerSample,
    graph: (batch: number) => lowerLayer(id, layer.root, layer.body, valuesAt(inputs, batch)),
  };
}

/** Each chain is one sequence, and so is what of a component is in none. */
function cutsByLayer(pipeline: Pipeline, chains: readonly Chain[], tensors: readonly Tensor[]): ReadonlyMap<string, CutBytes> {
  const references = (component: string, from = 0, to?: number) =>
    (pipeline.components.find(({ name }) => name === component)?.description.layers ?? []).slice(from, to).map((layer) => ({ component, layer: layer.name }));
  const firstChained = new Map(chains.flatMap(({ segments }) => segments.map(({ component, from }) => [component, from] as const)));
  const sequences = [
    ...chains.map(({ segments }) => segments.flatMap(({ component, from, to }) => references(component, from, to))),
    ...pipeline.components.map(({ name }) => references(name, 0, firstChained.get(name))),
  ];
  return new Map(sequences.flatMap((sequence) => cutBytes(sequence, tensors).map((cut, index) => [`${sequence[index].component}/${sequence[index].layer}`, cut] as const)));
}
