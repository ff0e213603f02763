/** A pipeline's components wired together: what each takes in, from other components or from the data, and what the loss needs. */
import type { OnnxType } from "../model/onnx";
import type { Shape } from "../model/operator";
import type { Bindings } from "../model/profile";
import type { Model } from "../model/model";
import type { ComponentDescription } from "./component";

/** The last layer of a component, or a value that comes with the data. */
export type TensorSource = { readonly component: string } | { readonly data: string };

/** A component's input: its shape without the batch, and the tensors it is made of (a noisy latent is made of three). */
export interface WiredInput {
  readonly shape: (bindings: Bindings) => Shape;
  readonly from: readonly TensorSource[];
}

export interface PipelineComponent {
  readonly name: string;
  readonly description: ComponentDescription;
  /** Keys are the names of `description.inputs`. */
  readonly inputs: Readonly<Record<string, WiredInput>>;
}

export interface DataValue {
  readonly name: string;
  readonly type: OnnxType;
  readonly shape: (bindings: Bindings) => Shape;
}

export interface Pipeline {
  readonly class: string;
  /** A component stands after those it needs. */
  readonly components: readonly PipelineComponent[];
  readonly data: readonly DataValue[];
  /** Computed where the last layer of `component` is, with these besides its output. */
  readonly loss: { readonly component: string; readonly needs: readonly TensorSource[] };
  /** Components that the loss can reach with gradients, the default first. */
  readonly trainable: readonly string[];
  readonly defaultBindings: Bindings;
  readonly predictionType: Model["predictionType"];
  /** @throws UserError naming the binding that does not fit. */
  checkBindings(bindings: Bindings): void;
}

/** Names of the components whose output makes up this component's inputs, in pipeline order. */
export function needsOf(pipeline: Pipeline, component: PipelineComponent): readonly string[] {
  const sources = [...Object.values(component.inputs).flatMap((input) => input.from), ...(pipeline.loss.component === component.name ? pipeline.loss.needs : [])];
  const names = new Set(sources.flatMap((source) => ("component" in source ? [source.component] : [])));
  return pipeline.components.map(({ name }) => name).filter((name) => names.has(name));
}
