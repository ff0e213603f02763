/** A family's description as a component of a pipeline: flags follow from its operators, figures from its operators at bound shapes. */
import { createHash } from "node:crypto";
import { lowerBackward } from "../graph/backward";
import { layerCost } from "../graph/cost";
import type { GradientOptions } from "../graph/gradientFlow";
import { countParameters, layerOutputShapes, lowerLayer, shapesByName } from "../graph/layer";
import { gradientInputsOf, parametersOf } from "../graph/operators/registry";
import { UserError } from "../model/errors";
import type { BoundLayer, ModelLayer } from "../model/model";
import { bytesPerValue, type LoweringOptions, type OnnxType, type OnnxValue } from "../model/onnx";
import { elements, type OperatorList, type Shape } from "../model/operator";
import type { Bindings, LayerRef, Tensor } from "../model/profile";
import { trainsIn, type ComponentDescription, type LayerDescription } from "./component";
import { adaptedDescription } from "./lora";
import { layerTensor, type Bytes, type Component, type Learning, type Placed } from "./pipeline";

/** A shape at batch 1 and at batch 2: every dimension is linear in the batch, so these two say all of them. */
interface BatchedShape {
  readonly one: Shape;
  readonly two: Shape;
}

type BatchedValue = Omit<OnnxValue, "shape"> & { readonly shape: BatchedShape };

const batched = (shape: Shape, fixed = false): BatchedShape => ({ one: [1, ...shape], two: [fixed ? 1 : 2, ...shape] });

const atBatch = ({ one, two }: BatchedShape, batch: number): Shape => one.map((size, axis) => size + (batch - 1) * (two[axis] - size));

const valuesAt = (values: readonly BatchedValue[], batch: number): readonly OnnxValue[] => values.map((value) => ({ ...value, shape: atBatch(value.shape, batch) }));

function bytesOf({ one, two }: BatchedShape, type: OnnxType): Bytes {
  const [first, second] = [elements(one) * bytesPerValue[type], elements(two) * bytesPerValue[type]];
  return { perSample: second - first, fixed: 2 * first - second };
}

/** Repeated blocks share one operator list: what follows from it is found once for each way it is used. */
function perList<T>(): (list: OperatorList, use: string, find: () => T) => T {
  const known = new WeakMap<OperatorList, Map<string, T>>();
  return (list, use, find) => {
    let uses = known.get(list);
    if (!uses) known.set(list, (uses = new Map<string, T>()));
    let found = uses.get(use);
    if (found === undefined) uses.set(use, (found = find()));
    return found;
  };
}

const shapesText = (values: readonly BatchedValue[]) => values.map(({ shape: { one, two } }) => `${one.join()};${two.join()}`).join("|");

export function describedComponent(description: ComponentDescription): Component {
  const { layers, defaultSizes } = description;
  const last = layers[layers.length - 1];
  return {
    class: description.class,
    inputs: description.inputs.map((input) => ({
      name: input.name,
      features: input.shape(defaultSizes).at(-1),
      bytes: (sizes) => bytesOf(batched(input.shape(sizes), input.fixed), input.type),
    })),
    outputs: { ...description.outputs, "": { layer: last.name } },
    defaultSizes,
    place: (name, learning) => place(description, name, learning),
    adapted: (lora, field) => describedComponent(adaptedDescription(description, lora, field)),
  };
}

function append<T>(lists: Map<string, T[]>, key: string, value: T): void {
  const list = lists.get(key);
  if (list) list.push(value);
  else lists.set(key, [value]);
}

interface LayerGradients extends Pick<ModelLayer, "needsInputGrad" | "needsWeightGrad"> {
  readonly trainableParameters: number;
  /** Inputs of the layer's operator list that a gradient flows back through. */
  readonly inputs: ReadonlySet<string>;
  /** For each output, whether a gradient comes back to it. */
  readonly outputs: readonly boolean[];
}

/** A value needs a gradient when something trained stands before it. */
function place(description: ComponentDescription, name: string, learning: Learning): Placed {
  const gradients = new Set<string>();
  const readers = new Map<string, string[]>();
  const gradientsOf = perList<LayerGradients>();
  const parametersIn = perList<number>();
  const flags = description.layers.map((layer): LayerGradients => {
    const inputs = new Set<string>();
    for (const value of layer.body.inputs) {
      const source = layer.sources[value];
      if ("input" in source) append(readers, source.input, layer.name);
      if ("layer" in source ? gradients.has(layerTensor(name, source.layer, source.output)) : learning.inputs.has(source.input)) inputs.add(value);
    }
    const found = gradientsOf(layer.body, [...inputs].join("|"), () => layerGradients(layer, learning.trained, inputs));
    found.outputs.forEach((has, output) => {
      if (has) gradients.add(layerTensor(name, layer.name, output));
    });
    return found;
  });
  const layers = description.layers.map((layer, index): ModelLayer => {
    const { needsInputGrad, needsWeightGrad, trainableParameters } = flags[index];
    const parameters = parametersIn(layer.body, "", () => countParameters(layer.body));
    return {
      name: layer.name, kind: layer.kind, modules: layer.modules, parameters,
      ...(needsWeightGrad && trainableParameters < parameters && { trainableParameters }),
      needsInputGrad, needsWeightGrad,
    };
  });
  return { layers, gradients, readers, bind: (sizes) => bind(description, name, layers, flags, sizes) };
}

/** Follows gradients through the layer's operators: what only lends its shape carries none. */
function layerGradients(layer: LayerDescription, trains: boolean, inputs: ReadonlySet<string>): LayerGradients {
  const { operators, outputs } = layer.body;
  const live = new Set(inputs);
  let trainableParameters = 0;
  for (const operator of operators) {
    const learns = trains && trainsIn(layer, operator) && parametersOf(operator).length > 0;
    if (learns) trainableParameters += countParameters({ ...layer.body, operators: [operator] });
    if (learns || gradientInputsOf(operator).some((name) => live.has(name))) live.add(operator.output);
  }
  return { needsInputGrad: inputs.size > 0, needsWeightGrad: trainableParameters > 0, trainableParameters, inputs, outputs: outputs.map((name) => live.has(name)) };
}

/** @throws UserError when the sizes do not fit the component. */
function bind(description: ComponentDescription, name: string, layers: readonly ModelLayer[], flags: readonly LayerGradients[], sizes: Bindings): ReturnType<Placed["bind"]> {
  description.checkSizes?.(sizes);
  const shapes = new Map<string, BatchedShape>();
  const outputsOf = perList<readonly BatchedShape[]>();
  const figures = perList<ReturnType<typeof figuresOf>>();
  const inputs = description.layers.map((layer) => bindLayer(description, layer, sizes, shapes, outputsOf));
  for (const [id, { two }] of shapes) {
    if (!Number.isSafeInteger(elements(two) * 8)) throw new UserError(`At this size "${name}/${id}" has more bytes than can be counted exactly.`, { field: "height" });
  }
  const consumers = new Map<string, LayerRef[]>();
  for (const layer of description.layers) {
    const read = new Set(Object.values(layer.sources).flatMap((source) => ("layer" in source ? [layerTensor(name, source.layer, source.output)] : [])));
    for (const id of read) append(consumers, id, { component: name, layer: layer.name });
  }
  return {
    layers: description.layers.map((layer, index) => ({
      ...layers[index],
      ...figures(layer.body, `${shapesText(inputs[index])} ${flags[index].needsWeightGrad} ${[...flags[index].inputs].join("|")}`, () => figuresOf(layer, inputs[index], flags[index])),
      graph: (batch: number, options?: LoweringOptions) => lowerLayer(`${name}/${layer.name}`, layer.root, layer.body, valuesAt(inputs[index], batch), options),
      backward: (batch: number) => lowerBackward(`${name}/${layer.name}`, layer.root, layer.body, valuesAt(inputs[index], batch), gradientOptions(layer, flags[index])),
    })),
    tensors: description.layers.flatMap((layer, index) =>
      layer.body.outputs.map((_, output): Omit<Tensor, "transport"> => {
        const id = layerTensor(name, layer.name, output);
        const { perSample, fixed } = bytesOf(shapeOf(shapes, layer.name, output), "float32");
        return { id, producer: { component: name, layer: layer.name }, consumers: consumers.get(id) ?? [], bytesPerSample: perSample, ...(fixed > 0 && { bytesFixed: fixed }), hasGradient: flags[index].outputs[output] };
      }),
    ),
  };
}

function shapeOf(shapes: ReadonlyMap<string, BatchedShape>, layer: string, output = 0): BatchedShape {
  const shape = shapes.get(`${layer}#${output}`);
  if (!shape) throw new Error(`A layer stands before "${layer}", which it needs.`);
  return shape;
}

/** The layer's inputs; the shapes of its outputs are added to `shapes`. */
function bindLayer(description: ComponentDescription, layer: LayerDescription, sizes: Bindings, shapes: Map<string, BatchedShape>, outputsOf: ReturnType<typeof perList<readonly BatchedShape[]>>): readonly BatchedValue[] {
  const inputs = layer.body.inputs.map((name): BatchedValue => {
    const source = layer.sources[name];
    if ("layer" in source) return { name, type: "float32", shape: shapeOf(shapes, source.layer, source.output) };
    const declared = description.inputs.find((input) => input.name === source.input);
    if (!declared) throw new Error(`${description.class} has no input "${source.input}".`);
    return { name, type: declared.type, shape: batched(declared.shape(sizes), declared.fixed), ...(declared.below !== undefined && { below: declared.below }) };
  });
  const outputs = outputsOf(layer.body, shapesText(inputs), () => {
    const two = layerOutputShapes(layer.body, valuesAt(inputs, 2));
    return layerOutputShapes(layer.body, valuesAt(inputs, 1)).map((one, output) => ({ one, two: two[output] }));
  });
  outputs.forEach((shape, output) => shapes.set(`${layer.name}#${output}`, shape));
  return inputs;
}

const gradientOptions = (layer: LayerDescription, { needsWeightGrad, inputs }: LayerGradients): GradientOptions => ({ learns: (operator) => needsWeightGrad && trainsIn(layer, operator), inputs });

function figuresOf(layer: LayerDescription, inputs: readonly BatchedValue[], gradients: LayerGradients): Omit<BoundLayer, "cutBytesPerSample" | "graph" | "backward" | keyof ModelLayer> {
  const single = valuesAt(inputs, 1);
  const cost = layerCost(layer.body, shapesByName(single), gradientOptions(layer, gradients));
  return {
    signature: createHash("sha256").update(JSON.stringify([layer.body, single])).digest("hex"),
    flopsPerSample: cost.forwardFlops,
    inputGradFlopsPerSample: cost.inputGradFlops,
    weightGradFlopsPerSample: cost.weightGradFlops,
    trafficBytesPerSample: cost.trafficBytes,
    savedBytesPerSample: { untilInputGrad: cost.savedUntilInputGradBytes, untilWeightGrad: cost.savedUntilWeightGradBytes },
    operators: cost.operators,
  };
}
