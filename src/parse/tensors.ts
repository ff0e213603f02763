/** The tensors of a model at bound shapes, and what crosses a cut between two layers. */
import type { OnnxType } from "../model/onnx";
import { elements, type Shape } from "../model/operator";
import type { Chain, LayerRef, Tensor } from "../model/profile";
import { sourceId, tensorsOf, type GradientTable } from "./gradients";
import type { Pipeline } from "./pipeline";

const bytesPerElement: Readonly<Record<OnnxType, number>> = { float32: 4, float16: 2, int64: 8, int32: 4, bool: 1 };

/**
 * Data first, then every layer's output, in order of execution.
 * @param shapes By tensor id, without the batch.
 */
export function tensorsOfPipeline(pipeline: Pipeline, gradients: GradientTable, chain: Chain, shapes: ReadonlyMap<string, Shape>): readonly Tensor[] {
  const consumers = new Map<string, LayerRef[]>();
  const consume = (tensor: string, layer: LayerRef) => {
    const list = consumers.get(tensor);
    if (!list) consumers.set(tensor, [layer]);
    else if (list.at(-1)?.layer !== layer.layer || list.at(-1)?.component !== layer.component) list.push(layer);
  };
  for (const component of pipeline.components) {
    for (const [index, layer] of component.description.layers.entries()) {
      const reference = { component: component.name, layer: layer.name };
      for (const value of layer.body.inputs) for (const tensor of tensorsOf(pipeline, component, layer, value)) consume(tensor, reference);
      const isLast = index === component.description.layers.length - 1;
      if (isLast && pipeline.loss.component === component.name) for (const need of pipeline.loss.needs) consume(sourceId(pipeline, need), reference);
    }
  }
  const bytes = (id: string, type: OnnxType) => elements(shapes.get(id) ?? []) * bytesPerElement[type];
  const fromData = pipeline.data.map(({ name, type }): Tensor => {
    const id = `data/${name}`;
    return { id, producer: { component: "data", layer: name }, consumers: consumers.get(id) ?? [], bytesPerSample: bytes(id, type), hasGradient: false, transport: "recompute" };
  });
  const chained = new Set(chain.segments.map(({ component }) => component));
  const fromLayers = pipeline.components.flatMap((component) =>
    component.description.layers.map((layer, index): Tensor => {
      const id = `${component.name}/${layer.name}`;
      const users = consumers.get(id) ?? [];
      const leaves = !chained.has(component.name) && users.some((user) => user.component !== component.name);
      const { needsInputGrad = false, needsWeightGrad = false } = gradients.get(component.name)?.[index] ?? {};
      return {
        id,
        producer: { component: component.name, layer: layer.name },
        consumers: users,
        bytesPerSample: bytes(id, "float32"),
        hasGradient: needsInputGrad || needsWeightGrad,
        transport: leaves ? "redistribute" : "chain",
      };
    }),
  );
  return [...fromData, ...fromLayers];
}

export interface CutBytes {
  readonly forward: number;
  readonly backward: number;
}

/**
 * What crosses right after each layer of a sequence (a chain, or a frozen component): tensors made at or before the cut and
 * used after it or outside the sequence; backward, those that a gradient flows back through.
 */
export function cutBytes(sequence: readonly LayerRef[], tensors: readonly Tensor[]): readonly CutBytes[] {
  const position = new Map(sequence.map(({ component, layer }, index) => [`${component}/${layer}`, index]));
  const forward = new Array<number>(sequence.length + 1).fill(0);
  const backward = new Array<number>(sequence.length + 1).fill(0);
  for (const tensor of tensors) {
    const from = position.get(tensor.id);
    if (from === undefined) continue;
    const until = Math.max(from, ...tensor.consumers.map(({ component, layer }) => position.get(`${component}/${layer}`) ?? sequence.length));
    for (let cut = from; cut < until; cut++) {
      forward[cut] += tensor.bytesPerSample;
      if (tensor.hasGradient) backward[cut] += tensor.bytesPerSample;
    }
  }
  return sequence.map((_, cut) => ({ forward: forward[cut], backward: backward[cut] }));
}
