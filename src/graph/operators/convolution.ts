/** Convolutions, and the nearest-neighbour upsampling that stands before some of them. */
import { elements, type Conv2d, type UpsampleNearest2x } from "../../model/operator";
import { expectShape, noParameters, nothingSaved, type OperatorFamily } from "./family";

function outputSize(operator: Conv2d, size: number): number {
  return Math.floor((size + operator.paddingBefore + operator.paddingAfter - operator.kernel) / operator.stride) + 1;
}

export const conv2d: OperatorFamily<Conv2d> = {
  inputs: (operator) => [operator.input],
  parameters: ({ inChannels, outChannels, kernel }) => [
    { name: "weight", shape: [outChannels, inChannels, kernel, kernel] },
    { name: "bias", shape: [outChannels] },
  ],
  outputShape(operator, inputs) {
    const [batch, channels, height, width] = inputs[0];
    const shape = [batch, operator.outChannels, outputSize(operator, height), outputSize(operator, width)];
    expectShape(inputs[0].length === 4 && channels === operator.inChannels && shape.every((size) => size > 0), operator, inputs);
    return shape;
  },
  /** Both gradients are products of the same size as the forward one. */
  flops({ inChannels, kernel }, { output }) {
    const product = 2 * elements(output) * inChannels * kernel * kernel;
    return { forward: product + elements(output), inputGrad: [product], weightGrad: product + elements(output) };
  },
  saved: ({ input }) => ({ forInputGrad: [], forWeightGrad: [input], extraElements: 0 }),
  forward({ module, input, kernel, stride, paddingBefore, paddingAfter }, _shapes, graph) {
    return graph.node("Conv", [graph.value(input), graph.parameter(module, "weight"), graph.parameter(module, "bias")], {
      kernel_shape: [kernel, kernel],
      strides: [stride, stride],
      pads: [paddingBefore, paddingBefore, paddingAfter, paddingAfter],
    });
  },
};

export const upsampleNearest2x: OperatorFamily<UpsampleNearest2x> = {
  inputs: (operator) => [operator.input],
  parameters: noParameters,
  outputShape(operator, inputs) {
    expectShape(inputs[0].length === 4, operator, inputs);
    const [batch, channels, height, width] = inputs[0];
    return [batch, channels, 2 * height, 2 * width];
  },
  flops: (_operator, { output }) => ({ forward: 0, inputGrad: [elements(output)], weightGrad: 0 }),
  saved: nothingSaved,
  forward({ input }, _shapes, graph) {
    return graph.node("Resize", [graph.value(input), "", graph.constant("float32", [4], [1, 1, 2, 2])], {
      mode: "nearest",
      coordinate_transformation_mode: "asymmetric",
      nearest_mode: "floor",
    });
  },
};
