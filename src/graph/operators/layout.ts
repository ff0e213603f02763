/** Operators that move values without computing: concatenation, images as tokens and back. */
import type { Concat, ImageToTokens, TokensToImage } from "../../model/operator";
import { expectShape, noParameters, nothingSaved, type OperatorFamily, type OperatorFlops } from "./family";

const noFlops = (count: number): OperatorFlops => ({ forward: 0, inputGrad: new Array<number>(count).fill(0), weightGrad: 0 });

export const concat: OperatorFamily<Concat> = {
  inputs: (operator) => operator.inputs,
  parameters: noParameters,
  outputShape(operator, inputs) {
    const [first] = inputs;
    expectShape(first.length >= 2 && inputs.every((shape) => shape.length === first.length && shape.every((size, axis) => axis === 1 || size === first[axis])), operator, inputs);
    return first.map((size, axis) => (axis === 1 ? inputs.reduce((sum, shape) => sum + shape[1], 0) : size));
  },
  flops: (operator) => noFlops(operator.inputs.length),
  saved: nothingSaved,
  forward: ({ inputs }, _shapes, graph) => graph.node("Concat", inputs.map((name) => graph.value(name)), { axis: 1 }),
};

export const imageToTokens: OperatorFamily<ImageToTokens> = {
  inputs: (operator) => [operator.input],
  parameters: noParameters,
  outputShape(operator, inputs) {
    expectShape(inputs[0].length === 4, operator, inputs);
    const [batch, channels, height, width] = inputs[0];
    return [batch, height * width, channels];
  },
  flops: () => noFlops(1),
  saved: nothingSaved,
  forward({ input }, { output: [batch, tokens, channels] }, graph) {
    return graph.node("Transpose", [graph.reshape(graph.value(input), [batch, channels, tokens])], { perm: [0, 2, 1] });
  },
};

export const tokensToImage: OperatorFamily<TokensToImage> = {
  inputs: ({ input, like }) => [input, like],
  parameters: noParameters,
  outputShape(operator, inputs) {
    const [tokens, like] = inputs;
    expectShape(tokens.length === 3 && like.length === 4 && tokens[1] === like[2] * like[3], operator, inputs);
    return [tokens[0], tokens[2], like[2], like[3]];
  },
  flops: () => noFlops(2),
  saved: nothingSaved,
  forward({ input }, { output }, graph) {
    return graph.reshape(graph.node("Transpose", [graph.value(input)], { perm: [0, 2, 1] }), output);
  },
};
