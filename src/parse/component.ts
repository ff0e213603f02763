/** A component as its family describes it: layers of operators, before roles, wiring and shapes. */
import type { OnnxType } from "../model/onnx";
import type { OperatorList } from "../model/operator";

/** A value that comes from outside the component, e.g. the UNet's "encoder_hidden_states". */
export interface ComponentInput {
  readonly name: string;
  readonly type: OnnxType;
  /** Of integers: exclusive upper bound. */
  readonly below?: number;
}

/** Where a value of a layer comes from: an earlier layer's output, or an input of the component. */
export type ValueSource = { readonly layer: string } | { readonly input: string };

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
}

export interface ComponentDescription {
  readonly class: string;
  readonly inputs: readonly ComponentInput[];
  /** In order of execution; the last one's output is the component's. */
  readonly layers: readonly LayerDescription[];
}
