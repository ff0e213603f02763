/** A pipeline's components wired together: what each takes in, from other components or from the data, and what the losses need. */
import type { BoundLayer, Model, ModelLayer } from "../model/model";
import type { Bindings, Tensor } from "../model/profile";
import type { LoraChoice } from "../model/choice";

/** Bytes for b samples: perSample * b + fixed. */
export interface Bytes {
  readonly perSample: number;
  readonly fixed: number;
}

export interface PartInput {
  readonly name: string;
  /** @param sizes In the component's own units. */
  bytes(sizes: Bindings): Bytes;
  /** Of the last dimension, where it is known. */
  readonly features?: number;
}

/** An output of a layer, its first where left out. */
export interface PartOutput {
  readonly layer: string;
  readonly output?: number;
  readonly features?: number;
}

/** Who gets gradients: the component's own parameters, and which of its inputs. */
export interface Learning {
  readonly trained: boolean;
  readonly inputs: ReadonlySet<string>;
}

/** A component whose place in a pipeline decides what its layers do, before sizes are known. */
export interface Placed {
  readonly layers: readonly ModelLayer[];
  /** Of the component's outputs, those that a gradient comes back to, by tensor id. */
  readonly gradients: ReadonlySet<string>;
  /** For each input the layers that read it, in order. */
  readonly readers: ReadonlyMap<string, readonly string[]>;
  /** What crosses a cut, and how a tensor travels, depends on the whole model and is left to whoever has it. @throws UserError */
  bind(sizes: Bindings): { readonly layers: readonly Omit<BoundLayer, "cutBytesPerSample">[]; readonly tensors: readonly Omit<Tensor, "transport">[] };
}

/** A component that can stand in a pipeline: described by a family, or traced. */
export interface Component {
  readonly class: string;
  readonly inputs: readonly PartInput[];
  /** What it makes for others: "" is its output, other names are those of transformers and diffusers. */
  readonly outputs: Readonly<Record<string, PartOutput>>;
  /** Sizes that the configuration suggests, in the component's own units. */
  readonly defaultSizes: Bindings;
  place(name: string, learning: Learning): Placed;
  /** The component with low-rank adapters, where it can have them. @param field For messages. @throws UserError */
  adapted?(lora: LoraChoice, field: string): Component;
}

/** An output of a component's layer (the component's own where no layer is named), or a value that comes with the data. */
export type TensorSource = ({ readonly component: string } & Partial<PartOutput>) | { readonly data: string };

export interface PipelineComponent {
  readonly name: string;
  readonly part: Component;
  /** The component's own sizes from the pipeline's. @throws UserError naming the binding that does not fit. */
  sizes(bindings: Bindings): Bindings;
  /** For each of the part's inputs, the tensors it is made of (a noisy latent is made of three). */
  readonly inputs: Readonly<Record<string, readonly TensorSource[]>>;
}

export interface DataValue {
  readonly name: string;
  bytes(bindings: Bindings): Bytes;
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
  const { layer, output } = source.layer === undefined ? (pipeline.components.find(({ name }) => name === source.component)?.part.outputs[""] ?? {}) : source;
  if (layer === undefined) throw new Error(`The pipeline has no component "${source.component}".`);
  return layerTensor(source.component, layer, output);
}
