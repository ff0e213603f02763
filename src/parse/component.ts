/** A component as its family describes it: layers of operators, before roles, wiring and sizes. */
import type { OnnxType } from "../model/onnx";
import type { OperatorList, Shape } from "../model/operator";
import type { Bindings } from "../model/profile";

/** A value that comes from outside the component, e.g. the UNet's "encoder_hidden_states". */
export interface ComponentInput {
  readonly name: string;
  readonly type: OnnxType;
  /** Of integers: exclusive upper bound. */
  readonly below?: number;
  /** Without the batch. @param sizes In the component's own units: latents where it works on latents. */
  shape(sizes: Bindings): Shape;
  /** The same for all samples (a position table): its first dimension is 1 at every batch. */
  readonly fixed?: boolean;
}

/** Where a value of a layer comes from: an output of an earlier layer (its first where left out), or an input of the component. */
export type ValueSource = { readonly layer: string; readonly output?: number } | { readonly input: string };

export interface LayerDescription {
  /** Stable and unique in its component; the trainer finds the layer by it. */
  readonly name: string;
  readonly kind: string;
  /** Module paths in order of execution. */
  readonly modules: readonly string[];
  /** Prefix of the operators' modules: a path with its final dot, or nothing. */
  readonly root: string;
  readonly body: OperatorList;
  /** One for every input of `body`. */
  readonly sources: Readonly<Record<string, ValueSource>>;
  /** Modules of operators that train where the component does; all of them where left out. */
  readonly trainable?: ReadonlySet<string>;
}

export interface ComponentDescription {
  readonly class: string;
  readonly inputs: readonly ComponentInput[];
  /** In order of execution; the last one's first output is the component's. */
  readonly layers: readonly LayerDescription[];
  /** Outputs that others take, by the name that transformers and diffusers give them; `features` is the last dimension's size. */
  readonly outputs?: Readonly<Record<string, { readonly layer: string; readonly output?: number; readonly features: number }>>;
  /** Sizes that fit, in the component's own units. @throws UserError naming the binding that does not. */
  checkSizes?(sizes: Bindings): void;
  /** Sizes that the configuration suggests, in the component's own units. */
  readonly defaultSizes: Bindings;
}

/** Whether an operator's module gets gradients in a component that trains. */
export function trainsIn(layer: LayerDescription, operator: OperatorList["operators"][number]): boolean {
  return "module" in operator && (layer.trainable?.has(operator.module) ?? true);
}
