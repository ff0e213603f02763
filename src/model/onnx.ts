/** An ONNX graph as plain data: what `src/graph` makes of a layer and `src/graph/encode.ts` writes as protobuf. */

export type OnnxType = "float32" | "float16" | "int64" | "int32" | "bool";

/** Bytes of one value. */
export const bytesPerValue: Readonly<Record<OnnxType, number>> = { float32: 4, float16: 2, int64: 8, int32: 4, bool: 1 };

export type OnnxAttribute = number | string | readonly number[] | { readonly float: number } | { readonly floats: readonly number[] };

/** An empty name among `inputs` is an optional input left out. Integers are ints; wrap a float attribute as `{ float: 1 }` since JavaScript cannot tell 1 from 1.0. */
export interface OnnxNode {
  readonly op: string;
  /** Of the operator; ONNX's own where left out. "com.microsoft" holds onnxruntime's. */
  readonly domain?: "com.microsoft";
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes?: Readonly<Record<string, OnnxAttribute>>;
}

export interface OnnxValue {
  readonly name: string;
  readonly type: OnnxType;
  readonly shape: readonly number[];
  /** Of an integer input: its values are in [0, below) (token ids, timesteps); others are an error at run time. */
  readonly below?: number;
}

/** A constant that is part of the computation (shapes, axes, scales). */
export interface OnnxConstant extends OnnxValue {
  readonly data: readonly number[];
}

/** All shapes are concrete. `parameters` are the layer's weights: graph inputs to whoever wraps the graph, in module order. */
export interface OnnxGraph {
  readonly name: string;
  /** Version of the operator set that the nodes are written for; `src/graph/encode.ts` says which one where left out. */
  readonly opset?: number;
  readonly inputs: readonly OnnxValue[];
  readonly parameters: readonly OnnxValue[];
  readonly constants: readonly OnnxConstant[];
  readonly nodes: readonly OnnxNode[];
  readonly outputs: readonly OnnxValue[];
}

export interface LoweringOptions {
  /** Attention as the one operator that onnxruntime has for it, as frameworks run it, where its provider has that operator. */
  readonly fusedAttention?: boolean;
}

/** The backward pass of a layer in two graphs; either is left out where the layer has no such work. */
export interface BackwardGraphs {
  /** I: first the gradients of `inputs`, in their order, then what it hands on to W. */
  readonly inputGrad?: OnnxGraph;
  /** W: the gradients of `parameters`, in their order. */
  readonly weightGrad?: OnnxGraph;
  /** Names of values. */
  readonly inputs: readonly string[];
  readonly parameters: readonly string[];
}
