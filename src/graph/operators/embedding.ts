/** Timesteps, tokens and positions as vectors. */
import { elements, type FourierEmbedding, type LearnedTensor, type PositionEmbedding, type RelativePositionBias, type SelectToken, type Shape, type TimestepEmbedding, type TokenEmbedding } from "../../model/operator";
import type { GraphBuilder } from "../builder";
import { expectShape, noParameters, nothingSaved, type OperatorFamily } from "./family";

const maxPeriod = 10000;
/** ONNX's numbers for the types. */
const float32 = 1;
const int32 = 6;

/** A table of zeros to which each row of `values` is added at its index, [rows, 1]. */
function addedRows(graph: GraphBuilder, indices: string, values: string, shape: Shape): string {
  return graph.node("ScatterND", [graph.filled(0, shape), indices, values], { reduction: "add" });
}

export const timestepEmbedding: OperatorFamily<TimestepEmbedding> = {
  inputs: (operator) => [operator.input],
  shapeOnly: (operator) => [operator.input],
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
    const angles = graph.multiply(timesteps, graph.constant("float32", [1, half], frequencies));
    const sines = graph.node("Sin", [angles]);
    const cosines = graph.node("Cos", [angles]);
    return graph.node("Concat", flipSinToCos ? [cosines, sines] : [sines, cosines], { axis: 1 });
  },
};

/** 2 pi times the timestep, or its logarithm: [N, 1]. */
function turns({ input, log }: FourierEmbedding, batch: number, graph: GraphBuilder): string {
  const floats = graph.node("Cast", [graph.value(input)], { to: float32 });
  return graph.multiply(graph.reshape(log ? graph.node("Log", [floats]) : floats, [batch, 1]), graph.float(2 * Math.PI));
}

export const fourierEmbedding: OperatorFamily<FourierEmbedding> = {
  inputs: (operator) => [operator.input],
  shapeOnly: (operator) => [operator.input],
  parameters: ({ frequencies }) => [{ name: "weight", shape: [frequencies] }],
  outputShape(operator, inputs) {
    expectShape(inputs[0].length === 1, operator, inputs);
    return [inputs[0][0], 2 * operator.frequencies];
  },
  flops: (_operator, { output }) => ({ forward: 2 * elements(output), inputGrad: [0], weightGrad: 2 * elements(output) }),
  saved: ({ input }) => ({ forInputGrad: [], forWeightGrad: [input], extraElements: 0 }),
  forward(operator, { inputs: [[batch]] }, graph) {
    const angles = graph.multiply(turns(operator, batch, graph), graph.parameter(operator.module, "weight"));
    const [sines, cosines] = [graph.node("Sin", [angles]), graph.node("Cos", [angles])];
    return graph.node("Concat", operator.flipSinToCos ? [cosines, sines] : [sines, cosines], { axis: 1 });
  },
  /** Of sin(a w): a cos(a w); of cos(a w): -a sin(a w); summed over the samples. */
  weightGrad(operator, { inputs: [[batch]] }, graph, gradient) {
    const slope = turns(operator, batch, graph);
    const angles = graph.multiply(slope, graph.parameter(operator.module, "weight"));
    const halves = graph.halves(gradient, operator.frequencies);
    const [ofSines, ofCosines] = operator.flipSinToCos ? [halves[1], halves[0]] : halves;
    const ofAngles = graph.node("Sub", [graph.multiply(ofSines, graph.node("Cos", [angles])), graph.multiply(ofCosines, graph.node("Sin", [angles]))]);
    return [graph.sum(graph.multiply(ofAngles, slope), [0], true)];
  },
};

export const tokenEmbedding: OperatorFamily<TokenEmbedding> = {
  inputs: (operator) => [operator.input],
  shapeOnly: (operator) => [operator.input],
  parameters: ({ vocabulary, features }) => [{ name: "weight", shape: [vocabulary, features] }],
  outputShape: (operator, inputs) => [...inputs[0], operator.features],
  /** A lookup; its gradient adds up the rows. */
  flops: (_operator, { output }) => ({ forward: 0, inputGrad: [0], weightGrad: elements(output) }),
  saved: ({ input }) => ({ forInputGrad: [], forWeightGrad: [input], extraElements: 0 }),
  forward: ({ module, input }, _shapes, graph) => graph.node("Gather", [graph.parameter(module, "weight"), graph.value(input)], { axis: 0 }),
  weightGrad({ input, vocabulary, features }, { inputs: [ids] }, graph, gradient) {
    const rows = graph.reshape(graph.value(input), [elements(ids), 1]);
    return [addedRows(graph, rows, graph.reshape(gradient, [elements(ids), features]), [vocabulary, features])];
  },
};

/** Which token of each text is taken: [N, 1]. */
function positionOf({ ids, token }: SelectToken, graph: GraphBuilder): string {
  const found = token === undefined ? graph.value(ids) : graph.node("Equal", [graph.value(ids), graph.constant("int64", [], [token])]);
  return graph.node("ArgMax", [graph.node("Cast", [found], { to: int32 })], { axis: 1, keepdims: 1 });
}

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
  saved: ({ ids }) => ({ forInputGrad: [ids], forWeightGrad: [], extraElements: 0 }),
  forward: (operator, _shapes, graph) => graph.node("GatherND", [graph.value(operator.input), positionOf(operator, graph)], { batch_dims: 1 }),
  inputGrad(operator, { inputs: [[batch, length, features]] }, graph, gradient) {
    const chosen = graph.node("OneHot", [graph.reshape(positionOf(operator, graph), [batch]), graph.integers([length]), graph.constant("float32", [2], [0, 1])]);
    return [graph.multiply(graph.reshape(chosen, [batch, length, 1]), graph.reshape(gradient, [batch, 1, features])), undefined];
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

/**
 * The bucket of each pair of tokens, [L, L]. Buckets depend on the distance alone: a row of 2L of them (0 … L-1, one unused,
 * -(L-1) … -1), read with a period of 2L-1, is a row further back each time. That keeps L x L numbers out of the graph.
 */
function bucketTable({ buckets, maxDistance }: RelativePositionBias, length: number, graph: GraphBuilder): string {
  const row = Array.from({ length: 2 * length }, (_, index) => bucketOf(index < length ? index : index - 2 * length, buckets, maxDistance));
  const repeated = graph.node("Tile", [graph.constant("int64", [2 * length], row), graph.integers([length])]);
  const periods = graph.reshape(graph.slice(repeated, 0, 0, length * (2 * length - 1)), [length, 2 * length - 1]);
  return graph.slice(periods, 1, 0, length);
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
  forward(operator, { output: [, , length] }, graph) {
    const values = graph.node("Gather", [graph.parameter(operator.module, "weight"), bucketTable(operator, length, graph)], { axis: 0 });
    return graph.node("Unsqueeze", [graph.transpose(values, [2, 0, 1]), graph.integers([0])]);
  },
  weightGrad(operator, { output: [, heads, length] }, graph, gradient) {
    const count = length * length;
    const indices = graph.reshape(bucketTable(operator, length, graph), [count, 1]);
    return [addedRows(graph, indices, graph.transpose(graph.reshape(gradient, [heads, count]), [1, 0]), [operator.buckets, heads])];
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
    return graph.node("Add", [graph.value(input), length === positions ? table : graph.slice(table, 0, 0, length)]);
  },
  inputGrad: (_operator, _shapes, _graph, gradient) => [gradient],
  /** Positions that no token has get nothing. */
  weightGrad: ({ positions }, { output: [, length] }, graph, gradient) => [graph.pad(graph.sum(gradient, [0], true), [0, 0], [positions - length, 0])],
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
  weightGrad: ({ shape }, _shapes, graph, gradient) => [graph.reshape(gradient, shape)],
};
