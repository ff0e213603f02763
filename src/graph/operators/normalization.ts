/** Normalisation, with a learned scale and shift where there is one. */
import { elements, type GroupNorm, type LayerNorm, type RmsNorm, type Shape } from "../../model/operator";
import type { GraphBuilder } from "../builder";
import { expectShape, type OperatorFamily, type OperatorFlops } from "./family";

/** Per element: mean (1), variance (3), normalise (2), scale and shift (2); backward as much again for x, two sums for the parameters. */
function normalizationFlops(count: number, learns: boolean): OperatorFlops {
  return { forward: 8 * count, inputGrad: [8 * count], weightGrad: learns ? 4 * count : 0 };
}

export const groupNorm: OperatorFamily<GroupNorm> = {
  inputs: (operator) => [operator.input],
  parameters: ({ channels }) => [
    { name: "weight", shape: [channels] },
    { name: "bias", shape: [channels] },
  ],
  outputShape(operator, inputs) {
    expectShape(inputs[0].length >= 2 && inputs[0][1] === operator.channels && operator.channels % operator.groups === 0, operator, inputs);
    return inputs[0];
  },
  flops: (_operator, { output }) => normalizationFlops(elements(output), true),
  saved: ({ input, groups }, { output }) => ({ forInputGrad: [input], forWeightGrad: [input], extraElements: 2 * groups * output[0] }),
  /** An instance normalisation over groups, then scale and shift per channel: opset 17 has no group normalisation. */
  forward({ module, input, groups, channels, epsilon }, { output }, graph) {
    const grouped = graph.reshape(graph.value(input), [output[0], groups, -1]);
    const ones = graph.constant("float32", [groups], new Array<number>(groups).fill(1));
    const zeros = graph.constant("float32", [groups], new Array<number>(groups).fill(0));
    const normalized = graph.reshape(graph.node("InstanceNormalization", [grouped, ones, zeros], { epsilon: { float: epsilon } }), output);
    const perChannel = [channels, ...new Array<number>(output.length - 2).fill(1)];
    const weight = graph.reshape(graph.parameter(module, "weight"), perChannel);
    const bias = graph.reshape(graph.parameter(module, "bias"), perChannel);
    return graph.node("Add", [graph.node("Mul", [normalized, weight]), bias]);
  },
};

const fitsFeatures = (features: number, shape: Shape) => shape.length >= 2 && shape[shape.length - 1] % features === 0;

/** Several heads in the last dimension get one of their own while `normalize` works. */
function perHead(graph: GraphBuilder, input: string, features: number, shape: Shape, normalize: (value: string) => string): string {
  const last = shape[shape.length - 1];
  if (last === features) return normalize(graph.value(input));
  const heads = graph.reshape(graph.value(input), [...shape.slice(0, -1), last / features, features]);
  return graph.reshape(normalize(heads), shape);
}

export const layerNorm: OperatorFamily<LayerNorm> = {
  inputs: (operator) => [operator.input],
  parameters: ({ features, affine }) => [
    ...(affine === "none" ? [] : [{ name: "weight", shape: [features] }]),
    ...(affine === "weight and bias" ? [{ name: "bias", shape: [features] }] : []),
  ],
  outputShape(operator, inputs) {
    expectShape(fitsFeatures(operator.features, inputs[0]), operator, inputs);
    return inputs[0];
  },
  flops: ({ affine }, { output }) => normalizationFlops(elements(output), affine !== "none"),
  saved: ({ input, features, affine }, { output }) => ({ forInputGrad: [input], forWeightGrad: affine === "none" ? [] : [input], extraElements: (2 * elements(output)) / features }),
  forward({ module, input, epsilon, features, affine }, { output }, graph) {
    const scale = affine === "none" ? graph.constant("float32", [features], new Array<number>(features).fill(1)) : graph.parameter(module, "weight");
    const bias = affine === "weight and bias" ? [graph.parameter(module, "bias")] : [];
    return perHead(graph, input, features, output, (value) => graph.node("LayerNormalization", [value, scale, ...bias], { axis: -1, epsilon: { float: epsilon } }));
  },
};

export const rmsNorm: OperatorFamily<RmsNorm> = {
  inputs: (operator) => [operator.input],
  parameters: ({ features, affine }) => (affine === "weight" ? [{ name: "weight", shape: [features] }] : []),
  outputShape(operator, inputs) {
    expectShape(operator.axis === 1 ? inputs[0][1] === operator.features : fitsFeatures(operator.features, inputs[0]), operator, inputs);
    return inputs[0];
  },
  /** Per element: square and mean (2), normalise (1), scale (1); backward twice that. */
  flops: ({ affine }, { output }) => ({ forward: 4 * elements(output), inputGrad: [8 * elements(output)], weightGrad: affine === "weight" ? 2 * elements(output) : 0 }),
  saved: ({ input, features, affine }, { output }) => ({ forInputGrad: [input], forWeightGrad: affine === "weight" ? [input] : [], extraElements: elements(output) / features }),
  forward({ module, input, epsilon, features, affine, offset, axis }, { output }, graph) {
    const normalize = (value: string) => {
      const mean = graph.node("ReduceMean", [graph.node("Mul", [value, value])], { axes: [axis ?? -1], keepdims: 1 });
      const normalized = graph.node("Div", [value, graph.node("Sqrt", [graph.node("Add", [mean, graph.float(epsilon)])])]);
      if (affine === "none") return normalized;
      const weight = graph.parameter(module, "weight");
      const factor = offset === 0 ? weight : graph.node("Add", [weight, graph.float(1)]);
      return graph.node("Mul", [normalized, axis === 1 ? graph.reshape(factor, [features, ...output.slice(2).map(() => 1)]) : factor]);
    };
    return axis === 1 ? normalize(graph.value(input)) : perHead(graph, input, features, output, normalize);
  },
};
