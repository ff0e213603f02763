/** Timesteps, tokens and positions as vectors. */
import { elements, type LearnedTensor, type PositionEmbedding, type TimestepEmbedding, type TokenEmbedding } from "../../model/operator";
import { expectShape, noParameters, nothingSaved, type OperatorFamily } from "./family";

const maxPeriod = 10000;

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
    const timesteps = graph.reshape(graph.node("Cast", [graph.value(input)], { to: 1 }), [batch, 1]);
    const angles = graph.node("Mul", [timesteps, graph.constant("float32", [1, half], frequencies)]);
    const sines = graph.node("Sin", [angles]);
    const cosines = graph.node("Cos", [angles]);
    return graph.node("Concat", flipSinToCos ? [cosines, sines] : [sines, cosines], { axis: 1 });
  },
};

export const tokenEmbedding: OperatorFamily<TokenEmbedding> = {
  inputs: (operator) => [operator.input],
  parameters: ({ vocabulary, features }) => [{ name: "weight", shape: [vocabulary, features] }],
  outputShape(operator, inputs) {
    expectShape(inputs[0].length === 2, operator, inputs);
    return [...inputs[0], operator.features];
  },
  /** A lookup; its gradient adds up the rows. */
  flops: (_operator, { output }) => ({ forward: 0, inputGrad: [0], weightGrad: elements(output) }),
  saved: ({ input }) => ({ forInputGrad: [], forWeightGrad: [input], extraElements: 0 }),
  forward: ({ module, input }, _shapes, graph) => graph.node("Gather", [graph.parameter(module, "weight"), graph.value(input)], { axis: 0 }),
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
