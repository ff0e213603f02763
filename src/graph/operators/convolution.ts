/** Convolutions, the resampling that stands before or after some of them, and means. */
import { elements, type AveragePool, type Convolution, type Mean, type UpsampleNearest } from "../../model/operator";
import type { GraphBuilder } from "../builder";
import { inputGradient, weightGradient } from "./convolutionGradient";
import { expectShape, noParameters, nothingSaved, type OperatorFamily } from "./family";

function outputSize({ kernel, stride, paddingBefore, paddingAfter }: Convolution, size: number, axis: number): number {
  return Math.floor((size + paddingBefore[axis] + paddingAfter[axis] - kernel[axis]) / stride[axis]) + 1;
}

export const convolution: OperatorFamily<Convolution> = {
  inputs: (operator) => [operator.input],
  parameters: ({ inChannels, outChannels, kernel, groups = 1, bias }) => [
    { name: "weight", shape: [outChannels, inChannels / groups, ...kernel] },
    ...(bias ? [{ name: "bias", shape: [outChannels] }] : []),
  ],
  outputShape(operator, inputs) {
    const [[batch, channels, ...spatial]] = inputs;
    const shape = [batch, operator.outChannels, ...spatial.map((size, axis) => outputSize(operator, size, axis))];
    expectShape(spatial.length === operator.kernel.length && channels === operator.inChannels && shape.every((size) => size > 0), operator, inputs);
    return shape;
  },
  /** Both gradients are products of the same size as the forward one. */
  flops({ inChannels, kernel, groups = 1, bias }, { output }) {
    const product = (2 * elements(output) * inChannels * elements(kernel)) / groups;
    const biased = product + (bias ? elements(output) : 0);
    return { forward: biased, inputGrad: [product], weightGrad: biased };
  },
  saved: ({ input }) => ({ forInputGrad: [], forWeightGrad: [input], extraElements: 0 }),
  forward({ module, input, kernel, stride, paddingBefore, paddingAfter, groups = 1, bias }, _shapes, graph) {
    return graph.node("Conv", [graph.value(input), graph.parameter(module, "weight"), ...(bias ? [graph.parameter(module, "bias")] : [])], {
      kernel_shape: kernel,
      strides: stride,
      pads: [...paddingBefore, ...paddingAfter],
      group: groups,
    });
  },
  inputGrad: (operator, shapes, graph, gradient) => [inputGradient(operator, shapes, graph, gradient)],
  weightGrad(operator, shapes, graph, gradient) {
    const weight = weightGradient(operator, shapes, graph, gradient);
    const allButChannels = shapes.output.flatMap((_, axis) => (axis === 1 ? [] : [axis]));
    return operator.bias ? [weight, graph.sum(gradient, allButChannels, true)] : [weight];
  },
};

/** Each element repeated along the spatial axes. */
function repeatedPixels(graph: GraphBuilder, value: string, factors: readonly number[]): string {
  return graph.node("Resize", [value, "", graph.constant("float32", [factors.length + 2], [1, 1, ...factors])], {
    mode: "nearest",
    coordinate_transformation_mode: "asymmetric",
    nearest_mode: "floor",
  });
}

const poolOf = (graph: GraphBuilder, value: string, kernel: readonly number[]) => graph.node("AveragePool", [value], { kernel_shape: kernel, strides: kernel });

export const upsampleNearest: OperatorFamily<UpsampleNearest> = {
  inputs: (operator) => [operator.input],
  parameters: noParameters,
  outputShape(operator, inputs) {
    const [[batch, channels, ...spatial]] = inputs;
    expectShape(spatial.length === operator.factors.length, operator, inputs);
    return [batch, channels, ...spatial.map((size, axis) => size * operator.factors[axis])];
  },
  flops: (_operator, { output }) => ({ forward: 0, inputGrad: [elements(output)], weightGrad: 0 }),
  saved: nothingSaved,
  forward: ({ input, factors }, _shapes, graph) => repeatedPixels(graph, graph.value(input), factors),
  /** The sum over each pixel's copies: their mean times their number. */
  inputGrad: ({ factors }, _shapes, graph, gradient) => [graph.multiply(poolOf(graph, gradient, factors), graph.float(elements(factors)))],
};

export const averagePool: OperatorFamily<AveragePool> = {
  inputs: (operator) => [operator.input],
  parameters: noParameters,
  outputShape(operator, inputs) {
    const [[batch, channels, ...spatial]] = inputs;
    const shape = [batch, channels, ...spatial.map((size, axis) => Math.floor(size / operator.kernel[axis]))];
    expectShape(spatial.length === operator.kernel.length && shape.every((size) => size > 0), operator, inputs);
    return shape;
  },
  flops: (_operator, { inputs: [input] }) => ({ forward: elements(input), inputGrad: [elements(input)], weightGrad: 0 }),
  saved: nothingSaved,
  forward: ({ input, kernel }, _shapes, graph) => poolOf(graph, graph.value(input), kernel),
  /** Spread evenly over each window; rows and columns beyond the last window get nothing. */
  inputGrad({ kernel }, { inputs: [input], output }, graph, gradient) {
    const shared = repeatedPixels(graph, graph.multiply(gradient, graph.float(1 / elements(kernel))), kernel);
    const beyond = input.map((size, axis) => (axis < 2 ? 0 : size - output[axis] * kernel[axis - 2]));
    return [graph.pad(shared, beyond.map(() => 0), beyond)];
  },
};

export const mean: OperatorFamily<Mean> = {
  inputs: (operator) => [operator.input],
  parameters: noParameters,
  outputShape(operator, inputs) {
    expectShape(operator.axis > 0 && operator.axis < inputs[0].length, operator, inputs);
    return inputs[0].map((size, axis) => (axis === operator.axis ? 1 : size));
  },
  flops: (_operator, { inputs: [input] }) => ({ forward: elements(input), inputGrad: [elements(input)], weightGrad: 0 }),
  saved: nothingSaved,
  forward: ({ input, axis }, _shapes, graph) => graph.mean(graph.value(input), [axis]),
  inputGrad: ({ axis }, { inputs: [input] }, graph, gradient) => [graph.node("Expand", [graph.multiply(gradient, graph.float(1 / input[axis])), graph.integers(input)])],
};
