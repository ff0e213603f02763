/** Sums, products, quotients and constant factors; shapes broadcast as in NumPy. */
import { elements, type Add, type Divide, type Modulate, type Multiply, type Scale, type Shape } from "../../model/operator";
import { expectShape, noParameters, nothingSaved, type OperatorFamily } from "./family";

/** NumPy's rule: sizes are compared from the end, and 1 stretches. Undefined where two sizes differ. */
export function broadcast(...shapes: readonly Shape[]): Shape | undefined {
  const rank = Math.max(...shapes.map((shape) => shape.length));
  const result: number[] = [];
  for (let fromEnd = 1; fromEnd <= rank; fromEnd++) {
    const sizes = new Set(shapes.flatMap((shape) => (shape.length >= fromEnd ? [shape[shape.length - fromEnd]] : [])).filter((size) => size !== 1));
    if (sizes.size > 1) return undefined;
    result.unshift([...sizes][0] ?? 1);
  }
  return result;
}

/** Summing a gradient down to a stretched operand costs an addition per element. */
const summed = (operand: Shape, output: Shape) => (elements(operand) < elements(output) ? elements(output) : 0);

/** What all operators on two values have in common. */
const binary: Pick<OperatorFamily<Add | Multiply | Divide>, "inputs" | "parameters" | "outputShape"> = {
  inputs: ({ left, right }) => [left, right],
  parameters: noParameters,
  outputShape(operator, inputs) {
    const shape = broadcast(...inputs);
    expectShape(shape !== undefined, operator, inputs);
    return shape;
  },
};

export const add: OperatorFamily<Add> = {
  ...binary,
  flops: (_operator, { inputs, output }) => ({ forward: elements(output), inputGrad: inputs.map((input) => summed(input, output)), weightGrad: 0 }),
  saved: nothingSaved,
  forward: ({ left, right }, _shapes, graph) => graph.node("Add", [graph.value(left), graph.value(right)]),
};

export const multiply: OperatorFamily<Multiply> = {
  ...binary,
  flops: (_operator, { inputs, output }) => ({ forward: elements(output), inputGrad: inputs.map((input) => elements(output) + summed(input, output)), weightGrad: 0 }),
  saved: ({ left, right }) => ({ forInputGrad: [left, right], forWeightGrad: [], extraElements: 0 }),
  forward: ({ left, right }, _shapes, graph) => graph.node("Mul", [graph.value(left), graph.value(right)]),
};

export const divide: OperatorFamily<Divide> = {
  ...binary,
  flops: (_operator, { inputs: [left, right], output }) => ({ forward: elements(output), inputGrad: [elements(output) + summed(left, output), 3 * elements(output) + summed(right, output)], weightGrad: 0 }),
  saved: ({ left, right }) => ({ forInputGrad: [left, right], forWeightGrad: [], extraElements: 0 }),
  forward: ({ left, right }, _shapes, graph) => graph.node("Div", [graph.value(left), graph.value(right)]),
};

export const modulate: OperatorFamily<Modulate> = {
  inputs: ({ input, scale, shift }) => [input, scale, shift],
  parameters: noParameters,
  outputShape(operator, inputs) {
    const shape = broadcast(...inputs);
    expectShape(shape !== undefined && elements(shape) === elements(inputs[0]), operator, inputs);
    return shape;
  },
  flops: (_operator, { inputs: [, scale, shift], output }) => ({
    forward: 2 * elements(output) + elements(scale),
    inputGrad: [elements(output), elements(output) + summed(scale, output), summed(shift, output)],
    weightGrad: 0,
  }),
  saved: ({ input, scale }) => ({ forInputGrad: [input, scale], forWeightGrad: [], extraElements: 0 }),
  forward({ input, scale, shift }, _shapes, graph) {
    const factor = graph.node("Add", [graph.value(scale), graph.float(1)]);
    return graph.node("Add", [graph.node("Mul", [graph.value(input), factor]), graph.value(shift)]);
  },
};

export const scale: OperatorFamily<Scale> = {
  inputs: (operator) => [operator.input],
  parameters: noParameters,
  outputShape: (_operator, inputs) => inputs[0],
  flops: ({ offset = 0 }, { output }) => ({ forward: (offset === 0 ? 1 : 2) * elements(output), inputGrad: [elements(output)], weightGrad: 0 }),
  saved: nothingSaved,
  forward({ input, factor, offset = 0 }, _shapes, graph) {
    const scaled = graph.node("Mul", [graph.value(input), graph.float(factor)]);
    return offset === 0 ? scaled : graph.node("Add", [scaled, graph.float(offset)]);
  },
};
