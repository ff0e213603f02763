/** The tensors of a model at bound shapes, and what crosses a cut between two layers. */
import type { OnnxType } from "../model/onnx";
import { elements } from "../model/operator";
import type { Chain, LayerRef, Tensor } from "../model/profile";
import type { BatchedShape } from "./bind";
import type { GradientTable } from "./gradients";
import { dataTensor, layerTensor, sourceTensor, tensorsOf, type Pipeline } from "./pipeline";

const bytesPerElement: Readonly<Record<OnnxType, number>> = { float32: 4, float16: 2, int64: 8, int32: 4, bool: 1 };

/** Data first, then every layer's outputs, in order of execution. @param shapes By tensor id. */
export function tensorsOfPipeline(pipeline: Pipeline, gradients: GradientTable, chains: readonly Chain[], shapes: ReadonlyMap<string, BatchedShape>): readonly Tensor[] {
  const consumers = consumersOf(pipeline);
  const bytes = (id: string, type: OnnxType) => {
    const shape = shapes.get(id) ?? { one: [0], two: [0] };
    const [one, two] = [elements(shape.one) * bytesPerElement[type], elements(shape.two) * bytesPerElement[type]];
    const bytesFixed = 2 * one - two;
    return { bytesPerSample: two - one, ...(bytesFixed > 0 && { bytesFixed }) };
  };
  const fromData = pipeline.data.map(({ name, type }): Tensor => {
    const id = dataTensor(name);
    return { id, producer: { component: "data", layer: name }, consumers: consumers.get(id) ?? [], ...bytes(id, type), hasGradient: false, transport: "recompute" };
  });
  const firstChained = new Map(chains.flatMap(({ segments }) => segments.map(({ component, from }) => [component, from] as const)));
  const positions = new Map(pipeline.components.map(({ name, description }) => [name, new Map(description.layers.map((layer, index) => [layer.name, index]))]));
  const inChain = ({ component, layer }: LayerRef) => (positions.get(component)?.get(layer) ?? -1) >= (firstChained.get(component) ?? Infinity);
  const fromLayers = pipeline.components.flatMap((component) =>
    component.description.layers.flatMap((layer, index) =>
      layer.body.outputs.map((_, output): Tensor => {
        const id = layerTensor(component.name, layer.name, output);
        const producer = { component: component.name, layer: layer.name };
        const users = consumers.get(id) ?? [];
        const leaves = !inChain(producer) && users.some((user) => user.component !== component.name || inChain(user));
        return {
          id,
          producer,
          consumers: users,
          ...bytes(id, "float32"),
          hasGradient: gradients.get(component.name)?.[index].outputs[output] ?? false,
          transport: leaves ? "redistribute" : "chain",
        };
      }),
    ),
  );
  return [...fromData, ...fromLayers];
}

/** Tensor id -> the layers that read it, in order; the loss reads where its component ends. */
function consumersOf(pipeline: Pipeline): ReadonlyMap<string, readonly LayerRef[]> {
  const consumers = new Map<string, LayerRef[]>();
  const consume = (tensor: string, layer: LayerRef) => {
    const list = consumers.get(tensor);
    if (!list) consumers.set(tensor, [layer]);
    else if (list.at(-1)?.layer !== layer.layer || list.at(-1)?.component !== layer.component) list.push(layer);
  };
  for (const component of pipeline.components) {
    const { layers } = component.description;
    for (const [index, layer] of layers.entries()) {
      const reference = { component: component.name, layer: layer.name };
      for (const value of layer.body.inputs) for (const tensor of tensorsOf(pipeline, component, layer, value)) consume(tensor, reference);
      if (index < layers.length - 1) continue;
      for (const loss of pipeline.losses) if (loss.component === component.name) for (const need of loss.needs) consume(sourceTensor(pipeline, need), reference);
    }
  }
  return consumers;
}

export interface CutBytes {
  readonly forward: number;
  readonly backward: number;
}

/**
 * What crosses right after each layer of a sequence (a chain, or a frozen component): tensors made at or before the cut and
 * used after it or outside the sequence, what is the same for all samples counted whole; backward, those that a gradient flows back through.
 */
export function cutBytes(sequence: readonly LayerRef[], tensors: readonly Tensor[]): readonly CutBytes[] {
  const position = new Map(sequence.map(({ component, layer }, index) => [`${component}/${layer}`, index]));
  const forward = new Array<number>(sequence.length + 1).fill(0);
  const backward = new Array<number>(sequence.length + 1).fill(0);
  for (const tensor of tensors) {
    const from = position.get(`${tensor.producer.component}/${tensor.producer.layer}`);
    if (from === undefined) continue;
    const until = Math.max(from, ...tensor.consumers.map(({ component, layer }) => position.get(`${component}/${layer}`) ?? sequence.length));
    for (let cut = from; cut < until; cut++) {
      const bytes = tensor.bytesPerSample + (tensor.bytesFixed ?? 0);
      forward[cut] += bytes;
      if (tensor.hasGradient) backward[cut] += bytes;
    }
  }
  return sequence.map((_, cut) => ({ forward: forward[cut], backward: backward[cut] }));
}
