/** Timesteps, tokens and positions as vectors. */
import { elements, type FourierEmbedding, type LearnedTensor, type PositionEmbedding, type RelativePositionBias, type SelectToken, type TimestepEmbedding, type TokenEmbedding } from "../../model/operator";
import { expectShape, noParameters, nothingSaved, type OperatorFamily } from "./family";

const maxPeriod = 10000;
/** ONNX's numbers for the types. */
const float32 = 1;
const int32 = 6;

export const timestepEmbedding: OperatorFamily<TimestepEmbedding> = {
  inputs: (operator) => [operator.input],
  parameters: noParameters,
  outputShape(operator, inputs) {
    expectShape(inputs[0].length === 1 && operator.channels % 2 === 0, operator, inputs);
    return [inputs[0][0], operator.channels];
  },
  flops: (_operator, { output }) => ({ forward: 2 * elements(output), inputGrad: [0], weightGrad: 0 }),
  saved: nothingSaved,
  forward({ input, channels, flipSinToCos, frequencyShift }, { output: [batch] }, graph) {
    const half = channels / 2;
    const frequencies = Array.from({ length: half }, (_, i) => Math.exp((-Math.log(maxPeriod) * i) / (half - frequencyShift)));
    const timesteps = graph.reshape(graph.node("Cast", [graph.value(input)], { to: float32 }), [batch, 1]);
    const angles = graph.node("Mul", [timesteps, graph.constant("float32", [1, half], frequencies)]);
    const sines = graph.node("Sin", [angles]);
    const cosines = graph.node("Cos", [angles]);
    return graph.node("Concat", flipSinToCos ? [cosines, sines] : [sines, cosines], { axis: 1 });
  },
};

export const fourierEmbedding: OperatorFamily<FourierEmbedding> = {
  inputs: (operator) => [operator.input],
  parameters: ({ frequencies }) => [{ name: "weight", shape: [frequencies] }],
  outputShape(operator, inputs) {
    expectShape(inputs[0].length === 1, operator, inputs);
    return [inputs[0][0], 2 * operator.frequencies];
  },
  flops: (_operator, { output }) => ({ forward: 2 * elements(output), inputGrad: [0], weightGrad: 2 * elements(output) }),
  saved: ({ input }) => ({ forInputGrad: [], forWeightGrad: [input], extraElements: 0 }),
  forward({ module, input, flipSinToCos, log }, { inputs: [[batch]] }, graph) {
    const floats = graph.node("Cast", [graph.value(input)], { to: float32 });
    const timesteps = graph.reshape(log ? graph.node("Log", [floats]) : floats, [batch, 1]);
    const angles = graph.node("Mul", [graph.node("Mul", [timesteps, graph.parameter(module, "weight")]), graph.float(2 * Math.PI)]);
    const [sines, cosines] = [graph.node("Sin", [angles]), graph.node("Cos", [angles])];
    return graph.node("Concat", flipSinToCos ? [cosines, sines] : [sines, cosines], { axis: 1 });
  },
};

export const tokenEmbedding: OperatorFamily<TokenEmbedding> = {
  inputs: (operator) => [operator.input],
  parameters: ({ vocabulary, features }) => [{ name: "weight", shape: [vocabulary, features] }],
  outputShape: (operator, inputs) => [...inputs[0], operator.features],
  /** A lookup; its gradient adds up the rows. */
  flops: (_operator, { output }) => ({ forward: 0, inputGrad: [0], weightGrad: elements(output) }),
  saved: ({ input }) => ({ forInputGrad: [], forWeightGrad: [input], extraElements: 0 }),
  forward: ({ module, input }, _shapes, graph) => graph.node("Gather", [graph.parameter(module, "weight"), graph.value(input)], { axis: 0 }),
};

export const selectToken: OperatorFamily<SelectToken> = {
  inputs: ({ input, ids }) => [input, ids],
  shapeOnly: ({ ids }) => [ids],
  parameters: noParameters,
  outputShape(operator, inputs) {
    const [[batch, length, features], ids] = inputs;
    expectShape(inputs[0].length === 3 && ids.length === 2 && ids[0] === batch && ids[1] === length, operator, inputs);
    return [batch, features];
  },
  /** A search among the ids and a lookup; the gradient goes back to where the vector came from. */
  flops: (_operator, { inputs: [, ids] }) => ({ forward: elements(ids), inputGrad: [0, 0], weightGrad: 0 }),
  saved: nothingSaved,
  forward({ input, ids, token }, _shapes, graph) {
    const found = token === undefined ? graph.value(ids) : graph.node("Equal", [graph.value(ids), graph.constant("int64", [], [token])]);
    const position = graph.node("ArgMax", [graph.node("Cast", [found], { to: int32 })], { axis: 1, keepdims: 1 });
    return graph.node("GatherND", [graph.value(input), position], { batch_dims: 1 });
  },
};

/**
 * The bucket of the distance from one token to another: the sign takes one half of them, then each of the nearest has one of
 * its own, and the rest grow logarithmically (T5, arXiv 1910.10683, as transformers computes it). Distances of float32 precision.
 */
function bucketOf(distance: number, buckets: number, maxDistance: number): number {
  const half = Math.floor(buckets / 2);
  const near = Math.floor(half / 2);
  const offset = distance > 0 ? half : 0;
  const size = Math.abs(distance);
  if (size < near) return offset + size;
  const growth = Math.fround(Math.fround(Math.log(Math.fround(size / near))) / Math.log(maxDistance / near));
  return offset + Math.min(near + Math.trunc(Math.fround(growth * (half - near))), half - 1);
}

export const relativePositionBias: OperatorFamily<RelativePositionBias> = {
  inputs: ({ like }) => [like],
  shapeOnly: ({ like }) => [like],
  parameters: ({ buckets, heads }) => [{ name: "weight", shape: [buckets, heads] }],
  outputShape(operator, inputs) {
    expectShape(inputs[0].length === 3, operator, inputs);
    return [1, operator.heads, inputs[0][1], inputs[0][1]];
  },
  /** A lookup; its gradient adds up the numbers of each bucket. */
  flops: (_operator, { output }) => ({ forward: 0, inputGrad: [0], weightGrad: elements(output) }),
  saved: nothingSaved,
  /**
   * Buckets depend on the distance alone: a row of 2L of them (0 … L-1, one unused, -(L-1) … -1), read with a period of 2L-1, is a
   * row further back each time. That keeps L x L numbers out of the graph.
   */
  forward({ module, buckets, maxDistance }, { output: [, , length] }, graph) {
    const row = Array.from({ length: 2 * length }, (_, index) => bucketOf(index < length ? index : index - 2 * length, buckets, maxDistance));
    const repeated = graph.node("Tile", [graph.constant("int64", [2 * length], row), graph.integers([length])]);
    const cut = (value: string, end: number, axis: number) => graph.node("Slice", [value, graph.integers([0]), graph.integers([end]), graph.integers([axis])]);
    const table = cut(graph.reshape(cut(repeated, length * (2 * length - 1), 0), [length, 2 * length - 1]), length, 1);
    const values = graph.node("Gather", [graph.parameter(module, "weight"), table], { axis: 0 });
    return graph.node("Unsqueeze", [graph.node("Transpose", [values], { perm: [2, 0, 1] }), graph.integers([0])]);
  },
};

export const positionEmbedding: OperatorFamily<PositionEmbedding> = {
  inputs: (operator) => [operator.input],
  parameters: ({ positions, features }) => [{ name: "weight", shape: [positions, features] }],
  outputShape(operator, inputs) {
    const [, length, features] = inputs[0];
    expectShape(inputs[0].length === 3 && features === operator.features && length <= operator.positions, operator, inputs);
    return inputs[0];
  },
  flops: (_operator, { output }) => ({ forward: elements(output), inputGrad: [0], weightGrad: elements(output) }),
  saved: nothingSaved,
  forward({ module, input, positions }, { output: [, length] }, graph) {
    const table = graph.parameter(module, "weight");
    const rows = length === positions ? table : graph.node("Slice", [table, graph.integers([0]), graph.integers([length]), graph.integers([0])]);
    return graph.node("Add", [graph.value(input), rows]);
  },
};

export const learnedTensor: OperatorFamily<LearnedTensor> = {
  inputs: () => [],
  parameters: ({ shape }) => [{ name: "", shape }],
  outputShape(operator) {
    expectShape(elements(operator.shape) === elements(operator.as), operator, []);
    return operator.as;
  },
  flops: () => ({ forward: 0, inputGrad: [], weightGrad: 0 }),
  saved: nothingSaved,
  forward: ({ module, as }, _shapes, graph) => graph.reshape(graph.parameter(module), as),
};
