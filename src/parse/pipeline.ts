/** A pipeline's components wired together: what each takes in, from other components or from the data, and what the losses need. */
import type { OnnxType } from "../model/onnx";
import type { Shape } from "../model/operator";
import type { Bindings } from "../model/profile";
import type { Model } from "../model/model";
import type { ComponentDescription } from "./component";

/** An output of a component's layer (its last layer's first output where left out), or a value that comes with the data. */
export type TensorSource = { readonly component: string; readonly layer?: string; readonly output?: number } | { readonly data: string };

export interface PipelineComponent {
  readonly name: string;
  readonly description: ComponentDescription;
  /** The component's own sizes from the pipeline's. */
  sizes(bindings: Bindings): Bindings;
  /** For each of `description.inputs`, the tensors it is made of (a noisy latent is made of three). */
  readonly inputs: Readonly<Record<string, readonly TensorSource[]>>;
}

export interface DataValue {
  readonly name: string;
  readonly type: OnnxType;
  /** Without the batch. */
  shape(bindings: Bindings): Shape;
  /** The same for all samples. */
  readonly fixed?: boolean;
}

/** Computed where the last layer of `component` is, with `needs` besides its output. Each loss is one chain's. */
export interface Loss {
  readonly component: string;
  readonly needs: readonly TensorSource[];
}

export interface Pipeline {
  readonly class: string;
  /** A component stands after those it needs. */
  readonly components: readonly PipelineComponent[];
  readonly data: readonly DataValue[];
  /** More than one in a cascade. */
  readonly losses: readonly Loss[];
  /** Components that train unless the user chooses otherwise. */
  readonly trained: readonly string[];
  /** Components that a loss can reach with gradients. */
  readonly trainable: readonly string[];
  readonly defaultBindings: Bindings;
  readonly predictionType: Model["predictionType"];
  /** What no component can check by itself. @throws UserError naming the binding that does not fit. */
  checkBindings?(bindings: Bindings): void;
}

/** Names of the components whose output makes up this component's inputs, in pipeline order. */
export function needsOf(pipeline: Pipeline, component: PipelineComponent): readonly string[] {
  const losses = pipeline.losses.filter((loss) => loss.component === component.name);
  const sources = [...Object.values(component.inputs).flat(), ...losses.flatMap((loss) => loss.needs)];
  const names = new Set(sources.flatMap((source) => ("component" in source ? [source.component] : [])));
  return pipeline.components.map(({ name }) => name).filter((name) => names.has(name) && name !== component.name);
}

export function dataTensor(name: string): string {
  return `data/${name}`;
}

/** A layer's first output goes by the layer's name alone. */
export function layerTensor(component: string, layer: string, output = 0): string {
  return `${component}/${layer}${output === 0 ? "" : `#${output}`}`;
}

export function sourceTensor(pipeline: Pipeline, source: TensorSource): string {
  if ("data" in source) return dataTensor(source.data);
  const layer = source.layer ?? pipeline.components.find(({ name }) => name === source.component)?.description.layers.at(-1)?.name;
  if (layer === undefined) throw new Error(`The pipeline has no component "${source.component}".`);
  return layerTensor(source.component, layer, source.output);
}

/** Ids of the tensors that an input of a layer's operator list is made of. */
export function tensorsOf(pipeline: Pipeline, component: PipelineComponent, layer: ComponentDescription["layers"][number], value: string): readonly string[] {
  const source = layer.sources[value];
  if ("layer" in source) return [layerTensor(component.name, source.layer, source.output)];
  return component.inputs[source.input].map((from) => sourceTensor(pipeline, from));
}
