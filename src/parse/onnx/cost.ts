/**
 * What a node costs at known shapes, by simple rules; every figure is an estimate.
 * - A product (convolution, matrix product, attention) costs two FLOPs per multiplication; each of its gradients as much again.
 * - A normalisation costs 8 and a softmax 5 per element, a pooling its window and a reduction its input per element; what only lays
 *   elements out costs nothing; all else costs one per element of the output.
 * - For the backward pass a product keeps the other factors, a sum, a copy or a mean nothing, and all else its inputs.
 */
import { attentionSizes, einsumWork } from "./shapes/products";
import { Call, ShapeFailure, sizeOf } from "./shapes/call";
import type { FileNode, TensorInfo } from "./types";

type Inputs = readonly (TensorInfo | undefined)[];
type Work = (node: FileNode, inputs: Inputs, outputs: readonly TensorInfo[]) => number;

const outputElements: Work = (_, __, [output]) => sizeOf(output?.shape ?? [0]);
const inputElements: Work = (_, [input]) => sizeOf(input?.shape ?? [0]);
const perElement = (flops: number): Work => (node, inputs, outputs) => flops * outputElements(node, inputs, outputs);
const nothing: Work = () => 0;

/** Multiplications per element of the output: the weight's elements for one output channel. */
function convolution(weight: number): Work {
  return (node, inputs, outputs) => {
    const shape = inputs[weight]?.shape ?? [1];
    return outputElements(node, inputs, outputs) * (2 * sizeOf(shape.slice(1)) + (inputs[weight + 1] && node.op === "Conv" ? 1 : 0));
  };
}

const product: Work = (node, inputs, outputs) => 2 * outputElements(node, inputs, outputs) * (inputs[0]?.shape.at(-1) ?? 1);
const gemm: Work = (node, inputs, outputs) => {
  const shape = inputs[0]?.shape ?? [1, 1];
  const transposed = node.attributes.get("transA");
  const inner = transposed?.kind === "int" && transposed.value !== 0 ? shape[0] : shape[1];
  return outputElements(node, inputs, outputs) * (2 * inner + (inputs[2] ? 1 : 0));
};

const attention: Work = (node, inputs) => {
  const { batch, heads, queries, keys, keyFeatures, valueFeatures } = attentionSizes(new Call(node, 0, inputs));
  return batch * heads * queries * keys * (2 * (keyFeatures + valueFeatures) + 5);
};

const pool: Work = (node, inputs, outputs) => {
  const kernel = node.attributes.get("kernel_shape");
  return outputElements(node, inputs, outputs) * (kernel?.kind === "ints" ? sizeOf(kernel.value) : 1);
};

/** Gates of a recurrent cell, each with a product of the input and one of the state. */
const recurrent: Work = (_, [input, weight, state]) => {
  const [directions, rows, features] = weight?.shape ?? [0, 0, 0];
  const steps = sizeOf((input?.shape ?? [0]).slice(0, 2));
  return 2 * steps * directions * rows * (features + (state?.shape[2] ?? 0));
};

const table: Readonly<Record<string, Work>> = {
  Conv: convolution(1), DeformConv: convolution(1), ConvInteger: convolution(1), QLinearConv: convolution(3),
  ConvTranspose: (_, [input, weight]) => 2 * sizeOf(input?.shape ?? [0]) * sizeOf((weight?.shape ?? [1, 0]).slice(1)),
  MatMul: product, MatMulInteger: product, QLinearMatMul: product, Gemm: gemm, Attention: attention,
  Einsum: (node, inputs) => einsumWork(new Call(node, 0, inputs)),
  RNN: recurrent, GRU: recurrent, LSTM: recurrent,
  MaxPool: pool, AveragePool: pool, LpPool: pool, GlobalAveragePool: inputElements, GlobalMaxPool: inputElements, GlobalLpPool: inputElements,
  ArgMax: inputElements, ArgMin: inputElements,
};

const normalizations = new Set(["LayerNormalization", "BatchNormalization", "InstanceNormalization", "GroupNormalization", "RMSNormalization", "LpNormalization", "MeanVarianceNormalization", "LRN"]);
const softmaxes = new Set(["Softmax", "LogSoftmax", "Hardmax"]);
/** Elements only move, or nothing is computed from them. */
const layouts = new Set([
  "Identity", "Reshape", "Transpose", "Flatten", "Squeeze", "Unsqueeze", "Expand", "Tile", "Concat", "Split", "Slice", "Gather", "GatherElements", "GatherND", "Pad", "DepthToSpace", "SpaceToDepth",
  "Shape", "Size", "Constant", "ConstantOfShape", "Cast", "CastLike", "CenterCropPad", "ReverseSequence", "Compress", "Col2Im", "Scatter", "ScatterElements", "ScatterND", "Trilu",
]);
/** A gradient through these needs nothing from the forward pass (but shapes). */
const linears = new Set(["Add", "Sub", "Neg", "Sum", "Mean", "ReduceSum", "ReduceMean", "GlobalAveragePool", "AveragePool", "Resize", "Upsample", "CumSum", ...layouts]);
/** A gradient to one factor needs the others. */
const productOps = new Set(["Conv", "ConvTranspose", "MatMul", "Gemm", "Einsum", "Mul"]);
/** The result is its input's memory under another shape. */
const views = new Set(["Identity", "Reshape", "Flatten", "Squeeze", "Unsqueeze", "Transpose"]);

/** Where a file notes shapes that an operator's own rules contradict, the operator counts as one FLOP per element. */
export function flopsOf(node: FileNode, inputs: Inputs, outputs: readonly TensorInfo[]): number {
  const work = table[node.op] ?? (layouts.has(node.op) ? nothing : normalizations.has(node.op) ? perElement(8) : softmaxes.has(node.op) ? perElement(5) : node.op.startsWith("Reduce") ? inputElements : outputElements);
  const simple = outputElements(node, inputs, outputs);
  try {
    const flops = work(node, inputs, outputs);
    return flops >= 0 && Number.isFinite(flops) ? flops : simple;
  } catch (error) {
    if (error instanceof ShapeFailure) return simple;
    throw error;
  }
}

/** Indices of the inputs that must be kept from the forward pass for the gradient of input `index`. */
export function keptFor(node: FileNode, index: number): readonly number[] {
  if (linears.has(node.op)) return [];
  const all = node.inputs.flatMap((name, input) => (name === "" ? [] : [input]));
  // The third input of a convolution or a product is its bias.
  if (productOps.has(node.op)) return node.op !== "Einsum" && node.op !== "Mul" && index >= 2 ? [] : all.filter((input) => input !== index && (input < 2 || node.op === "Einsum"));
  return all;
}

export function isView(node: FileNode): boolean {
  return views.has(node.op);
}
