/** Sums and constant factors. */
import { elements, type Add, type AddChannelBias, type Scale } from "../../model/operator";
import { expectShape, noParameters, nothingSaved, type OperatorFamily } from "./family";

export const add: OperatorFamily<Add> = {
  inputs: ({ left, right }) => [left, right],
  parameters: noParameters,
  outputShape(operator, inputs) {
    const [left, right] = inputs;
    expectShape(left.length === right.length && left.every((size, axis) => size === right[axis]), operator, inputs);
    return left;
  },
  flops: (_operator, { output }) => ({ forward: elements(output), inputGrad: [0, 0], weightGrad: 0 }),
  saved: nothingSaved,
  forward: ({ left, right }, _shapes, graph) => graph.node("Add", [graph.value(left), graph.value(right)]),
};

export const addChannelBias: OperatorFamily<AddChannelBias> = {
  inputs: ({ input, bias }) => [input, bias],
  parameters: noParameters,
  outputShape(operator, inputs) {
    const [image, bias] = inputs;
    expectShape(image.length === 4 && bias.length === 2 && image[0] === bias[0] && image[1] === bias[1], operator, inputs);
    return image;
  },
  flops: (_operator, { output }) => ({ forward: elements(output), inputGrad: [0, elements(output)], weightGrad: 0 }),
  saved: nothingSaved,
  forward({ input, bias }, { inputs }, graph) {
    return graph.node("Add", [graph.value(input), graph.reshape(graph.value(bias), [...inputs[1], 1, 1])]);
  },
};

export const scale: OperatorFamily<Scale> = {
  inputs: (operator) => [operator.input],
  parameters: noParameters,
  outputShape: (_operator, inputs) => inputs[0],
  flops: (_operator, { output }) => ({ forward: elements(output), inputGrad: [elements(output)], weightGrad: 0 }),
  saved: nothingSaved,
  forward: ({ input, factor }, _shapes, graph) => graph.node("Mul", [graph.value(input), graph.float(factor)]),
};
