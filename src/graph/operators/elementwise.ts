/** Sums, products, quotients and constant factors; shapes broadcast as in NumPy. */
import { elements, type Add, type Divide, type Modulate, type Multiply, type Scale, type Shape } from "../../model/operator";
import type { GraphBuilder } from "../builder";
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

/** The gradient of an operand that was stretched from one shape to another: the sum over what it was repeated along. */
export function summedTo(graph: GraphBuilder, gradient: string, from: Shape, to: Shape): string {
  if (from.join() === to.join()) return gradient;
  const ahead = from.length - to.length;
  const axes = from.flatMap((size, axis) => (axis < ahead || (to[axis - ahead] === 1 && size > 1) ? [axis] : []));
  const sum = axes.every((axis) => from[axis] === 1) ? gradient : graph.sum(gradient, axes);
  return ahead === 0 ? sum : graph.reshape(sum, to);
}

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
  inputGrad: (_operator, { inputs, output }, graph, gradient, wanted) => inputs.map((shape, index) => (wanted[index] ? summedTo(graph, gradient, output, shape) : undefined)),
};

export const multiply: OperatorFamily<Multiply> = {
  ...binary,
  flops: (_operator, { inputs, output }) => ({ forward: elements(output), inputGrad: inputs.map((input) => elements(output) + summed(input, output)), weightGrad: 0 }),
  saved: ({ left, right }) => ({ forInputGrad: [left, right], forWeightGrad: [], extraElements: 0 }),
  forward: ({ left, right }, _shapes, graph) => graph.multiply(graph.value(left), graph.value(right)),
  inputGrad: ({ left, right }, { inputs, output }, graph, gradient, wanted) =>
    [right, left].map((other, index) => (wanted[index] ? summedTo(graph, graph.multiply(gradient, graph.value(other)), output, inputs[index]) : undefined)),
};

export const divide: OperatorFamily<Divide> = {
  ...binary,
  flops: (_operator, { inputs: [left, right], output }) => ({ forward: elements(output), inputGrad: [elements(output) + summed(left, output), 3 * elements(output) + summed(right, output)], weightGrad: 0 }),
  saved: ({ left, right }) => ({ forInputGrad: [left, right], forWeightGrad: [], extraElements: 0 }),
  forward: ({ left, right }, _shapes, graph) => graph.node("Div", [graph.value(left), graph.value(right)]),
  /** Of l / r: 1 / r, and -l / r^2. */
  inputGrad({ left, right }, { inputs, output }, graph, gradient, wanted) {
    const divided = graph.node("Div", [gradient, graph.value(right)]);
    const ofRight = () => graph.node("Neg", [graph.node("Div", [graph.multiply(divided, graph.value(left)), graph.value(right)])]);
    return [wanted[0] ? summedTo(graph, divided, output, inputs[0]) : undefined, wanted[1] ? summedTo(graph, ofRight(), output, inputs[1]) : undefined];
  },
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
    return graph.node("Add", [graph.multiply(graph.value(input), factor), graph.value(shift)]);
  },
  inputGrad({ input, scale }, { inputs, output }, graph, gradient, wanted) {
    return [
      wanted[0] ? summedTo(graph, graph.multiply(gradient, graph.node("Add", [graph.value(scale), graph.float(1)])), output, inputs[0]) : undefined,
      wanted[1] ? summedTo(graph, graph.multiply(gradient, graph.value(input)), output, inputs[1]) : undefined,
      wanted[2] ? summedTo(graph, gradient, output, inputs[2]) : undefined,
    ];
  },
};

export const scale: OperatorFamily<Scale> = {
  inputs: (operator) => [operator.input],
  parameters: noParameters,
  outputShape: (_operator, inputs) => inputs[0],
  flops: ({ offset = 0 }, { output }) => ({ forward: (offset === 0 ? 1 : 2) * elements(output), inputGrad: [elements(output)], weightGrad: 0 }),
  saved: nothingSaved,
  forward({ input, factor, offset = 0 }, _shapes, graph) {
    const scaled = graph.multiply(graph.value(input), graph.float(factor));
    return offset === 0 ? scaled : graph.node("Add", [scaled, graph.float(offset)]);
  },
  inputGrad: ({ factor }, _shapes, graph, gradient) => [graph.multiply(gradient, graph.float(factor))],
};
