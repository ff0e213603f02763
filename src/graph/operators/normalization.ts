/** Normalisation with a learned scale and shift. */
import { elements, type GroupNorm, type LayerNorm } from "../../model/operator";
import { expectShape, type OperatorFamily, type OperatorFlops } from "./family";

/** Per element: mean (1), variance (3), normalise (2), scale and shift (2); backward as much again for x, two sums for the parameters. */
function normalizationFlops(count: number): OperatorFlops {
  return { forward: 8 * count, inputGrad: [8 * count], weightGrad: 4 * count };
}

export const groupNorm: OperatorFamily<GroupNorm> = {
  inputs: (operator) => [operator.input],
  parameters: ({ channels }) => [
    { name: "weight", shape: [channels] },
    { name: "bias", shape: [channels] },
  ],
  outputShape(operator, inputs) {
    expectShape(inputs[0].length === 4 && inputs[0][1] === operator.channels && operator.channels % operator.groups === 0, operator, inputs);
    return inputs[0];
  },
  flops: (_operator, { output }) => normalizationFlops(elements(output)),
  saved: ({ input, groups }, { output }) => ({ forInputGrad: [input], forWeightGrad: [input], extraElements: 2 * groups * output[0] }),
  /** An instance normalisation over groups, then scale and shift per channel: opset 17 has no group normalisation. */
  forward({ module, input, groups, channels, epsilon }, { output }, graph) {
    const grouped = graph.reshape(graph.value(input), [output[0], groups, -1]);
    const ones = graph.constant("float32", [groups], new Array<number>(groups).fill(1));
    const zeros = graph.constant("float32", [groups], new Array<number>(groups).fill(0));
    const normalized = graph.reshape(graph.node("InstanceNormalization", [grouped, ones, zeros], { epsilon: { float: epsilon } }), output);
    const weight = graph.reshape(graph.parameter(module, "weight"), [channels, 1, 1]);
    const bias = graph.reshape(graph.parameter(module, "bias"), [channels, 1, 1]);
    return graph.node("Add", [graph.node("Mul", [normalized, weight]), bias]);
  },
};

export const layerNorm: OperatorFamily<LayerNorm> = {
  inputs: (operator) => [operator.input],
  parameters: ({ features }) => [
    { name: "weight", shape: [features] },
    { name: "bias", shape: [features] },
  ],
  outputShape(operator, inputs) {
    expectShape(inputs[0].at(-1) === operator.features, operator, inputs);
    return inputs[0];
  },
  flops: (_operator, { output }) => normalizationFlops(elements(output)),
  saved: ({ input, features }, { output }) => ({ forInputGrad: [input], forWeightGrad: [input], extraElements: (2 * elements(output)) / features }),
  forward({ module, input, epsilon }, _shapes, graph) {
    return graph.node("LayerNormalization", [graph.value(input), graph.parameter(module, "weight"), graph.parameter(module, "bias")], {
      axis: -1,
      epsilon: { float: epsilon },
    });
  },
};
