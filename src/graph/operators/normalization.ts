/** Normalisation, with a learned scale and shift where there is one. */
import { elements, type GroupNorm, type LayerNorm, type RmsNorm, type Shape } from "../../model/operator";
import type { GraphBuilder } from "../builder";
import { expectShape, type OperatorFamily, type OperatorFlops } from "./family";

/** Per element: mean (1), variance (3), normalise (2), scale and shift (2); backward as much again for x, two sums for the parameters. */
function normalizationFlops(count: number, learns: boolean): OperatorFlops {
  return { forward: 8 * count, inputGrad: [8 * count], weightGrad: learns ? 4 * count : 0 };
}

interface Normalized {
  /** (x - mean) / sigma. */
  readonly value: string;
  /** 1 / sigma, with one element in each normalised axis. */
  readonly inverse: string;
}

/** Over the last axis, of `count` elements. A backward pass has it computed again: one kernel gives value and statistics. */
function normalized(graph: GraphBuilder, rows: string, count: number, epsilon: number): Normalized {
  const [value, , inverse] = graph.add("LayerNormalization", [rows, graph.filled(1, [count])], 3, { axis: -1, epsilon: { float: epsilon } });
  return { value, inverse };
}

const perChannel = (channels: number, rank: number) => [channels, ...new Array<number>(rank - 2).fill(1)];
const spatialAxes = (shape: Shape) => shape.slice(2).map((_, axis) => axis + 2);

/** The input normalised in its groups, [N, groups, elements of a group]. */
const normalizedGroups = (graph: GraphBuilder, { input, groups, epsilon }: GroupNorm, shape: Shape) =>
  normalized(graph, graph.reshape(graph.value(input), [shape[0], groups, -1]), elements(shape) / shape[0] / groups, epsilon);

/** Sums over the spatial axes, [N, C]: of dy, and of dy times the normalised input. Both gradients are made of them. */
function channelSums(graph: GraphBuilder, gradient: string, value: string, shape: Shape): readonly [ofGradient: string, ofProduct: string] {
  const product = graph.multiply(gradient, graph.reshape(value, shape));
  const axes = spatialAxes(shape);
  return axes.length === 0 ? [gradient, product] : [graph.sum(gradient, axes, true), graph.sum(product, axes, true)];
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
    const whole = graph.reshape(graph.node("InstanceNormalization", [grouped, ones, zeros], { epsilon: { float: epsilon } }), output);
    const shape = perChannel(channels, output.length);
    const weight = graph.reshape(graph.parameter(module, "weight"), shape);
    const bias = graph.reshape(graph.parameter(module, "bias"), shape);
    return graph.node("Add", [graph.multiply(whole, weight), bias]);
  },
  /** dx = (w dy - mean(w dy) - v mean(w dy v)) / sigma with v the normalised input and means over a group. */
  inputGrad(operator, { output }, graph, gradient) {
    const { module, channels, groups } = operator;
    const [batch] = output;
    const { value, inverse } = normalizedGroups(graph, operator, output);
    const weight = graph.parameter(module, "weight");
    const size = elements(output) / batch / groups;
    /** Over a group, from sums over its channels: [N, groups, 1], divided by -sigma. */
    const [ofGradient, ofProduct] = channelSums(graph, gradient, value, output).map((sums) => {
      const total = graph.sum(graph.reshape(graph.multiply(sums, weight), [batch, groups, -1]), [2]);
      return graph.multiply(graph.multiply(total, graph.float(-1 / size)), inverse);
    });
    const towards = graph.node("Add", [graph.multiply(value, ofProduct), ofGradient]);
    const factor = graph.reshape(graph.multiply(graph.reshape(weight, [groups, channels / groups]), inverse), [batch, ...perChannel(channels, output.length)]);
    return [graph.node("Add", [graph.multiply(gradient, factor), graph.reshape(towards, output)])];
  },
  weightGrad(operator, { output }, graph, gradient) {
    const [ofGradient, ofProduct] = channelSums(graph, gradient, normalizedGroups(graph, operator, output).value, output);
    return [graph.sum(ofProduct, [0], true), graph.sum(ofGradient, [0], true)];
  },
};

const fitsFeatures = (features: number, shape: Shape) => shape.length >= 2 && shape[shape.length - 1] % features === 0;

/** The shape in which the last dimension is what is normalised: several heads get a dimension of their own. */
const perHead = (features: number, shape: Shape): Shape => (shape[shape.length - 1] === features ? shape : [...shape.slice(0, -1), shape[shape.length - 1] / features, features]);

/** All axes but the last. */
const rowAxes = (shape: Shape) => shape.slice(1).map((_, axis) => axis);

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
    const heads = perHead(features, output);
    const value = graph.node("LayerNormalization", [graph.reshaped(graph.value(input), output, heads), scale, ...bias], { axis: -1, epsilon: { float: epsilon } });
    return graph.reshaped(value, heads, output);
  },
  /** As of a group normalisation of one group. */
  inputGrad({ module, input, epsilon, features, affine }, { output }, graph, gradient) {
    const heads = perHead(features, output);
    const { value, inverse } = normalized(graph, graph.reshaped(graph.value(input), output, heads), features, epsilon);
    const plain = graph.reshaped(gradient, output, heads);
    const scaled = affine === "none" ? plain : graph.multiply(plain, graph.parameter(module, "weight"));
    const centred = graph.node("Sub", [scaled, graph.mean(scaled, [-1])]);
    const product = graph.mean(graph.multiply(scaled, value), [-1]);
    return [graph.reshaped(graph.multiply(graph.node("Sub", [centred, graph.multiply(value, product)]), inverse), heads, output)];
  },
  weightGrad({ input, epsilon, features, affine }, { output }, graph, gradient) {
    const heads = perHead(features, output);
    const { value } = normalized(graph, graph.reshaped(graph.value(input), output, heads), features, epsilon);
    const plain = graph.reshaped(gradient, output, heads);
    const weight = graph.sum(graph.multiply(plain, value), rowAxes(heads), true);
    return affine === "weight and bias" ? [weight, graph.sum(plain, rowAxes(heads), true)] : [weight];
  },
};

/** An RMS normalisation with its input, gradient and weight in the shapes that it works on. */
interface RmsParts {
  readonly heads: Shape;
  readonly axis: number;
  /** 1 / sqrt(mean(x^2) + epsilon). */
  inverse(value: string): string;
  /** What the normalised value is multiplied with, if anything. */
  factor(): string | undefined;
}

function rmsParts({ module, features, epsilon, affine, offset, axis }: RmsNorm, shape: Shape, graph: GraphBuilder): RmsParts {
  return {
    heads: axis === 1 ? shape : perHead(features, shape),
    axis: axis ?? -1,
    inverse: (value) => {
      const mean = graph.mean(graph.multiply(value, value), [axis ?? -1]);
      return graph.node("Reciprocal", [graph.node("Sqrt", [graph.node("Add", [mean, graph.float(epsilon)])])]);
    },
    factor: () => {
      if (affine === "none") return undefined;
      const weight = graph.parameter(module, "weight");
      const factor = offset === 0 ? weight : graph.node("Add", [weight, graph.float(1)]);
      return axis === 1 ? graph.reshape(factor, perChannel(features, shape.length)) : factor;
    },
  };
}

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
  /** In the form that onnxruntime fuses: x / sqrt(mean(x^2) + epsilon) * factor. */
  forward(operator, { output }, graph) {
    const { heads, axis, factor } = rmsParts(operator, output, graph);
    const value = graph.reshaped(graph.value(operator.input), output, heads);
    const mean = graph.mean(graph.node("Pow", [value, graph.float(2)]), [axis]);
    const normal = graph.node("Div", [value, graph.node("Sqrt", [graph.node("Add", [mean, graph.float(operator.epsilon)])])]);
    const scale = factor();
    return graph.reshaped(scale === undefined ? normal : graph.multiply(normal, scale), heads, output);
  },
  /** dx = (g - v mean(g v)) / rms with g = factor dy and v = x / rms. */
  inputGrad(operator, { output }, graph, gradient) {
    const { heads, axis, inverse, factor } = rmsParts(operator, output, graph);
    const value = graph.reshaped(graph.value(operator.input), output, heads);
    const plain = graph.reshaped(gradient, output, heads);
    const scale = factor();
    const scaled = scale === undefined ? plain : graph.multiply(plain, scale);
    const byRms = inverse(value);
    const normal = graph.multiply(value, byRms);
    const towards = graph.multiply(normal, graph.mean(graph.multiply(scaled, normal), [axis]));
    return [graph.reshaped(graph.multiply(graph.node("Sub", [scaled, towards]), byRms), heads, output)];
  },
  weightGrad(operator, { output }, graph, gradient) {
    const { heads, inverse } = rmsParts(operator, output, graph);
    const value = graph.reshaped(graph.value(operator.input), output, heads);
    const product = graph.multiply(graph.multiply(graph.reshaped(gradient, output, heads), value), inverse(value));
    const axes = operator.axis === 1 ? output.flatMap((_, axis) => (axis === 1 ? [] : [axis])) : rowAxes(heads);
    return [graph.sum(product, axes, true)];
  },
};
