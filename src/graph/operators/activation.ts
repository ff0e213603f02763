/** Elementwise non-linear functions and the gated unit made of one. */
import { elements, type Activation, type ActivationFunction, type Gated } from "../../model/operator";
import type { GraphBuilder } from "../builder";
import { expectShape, noParameters, type OperatorFamily } from "./family";

/** Operations per element, counted on the forms below; the derivative costs about twice the function. */
const operations: Readonly<Record<ActivationFunction, number>> = { silu: 4, gelu: 5, geluTanh: 8, quickGelu: 5, relu: 1, mish: 5 };

/** Forms that onnxruntime knows how to fuse, where it knows one. @returns The name of the result. */
function apply(name: ActivationFunction, x: string, graph: GraphBuilder): string {
  switch (name) {
    case "silu":
      return graph.node("Mul", [x, graph.node("Sigmoid", [x])]);
    case "quickGelu":
      return graph.node("Mul", [x, graph.node("Sigmoid", [graph.node("Mul", [x, graph.float(1.702)])])]);
    case "gelu": {
      const erf = graph.node("Erf", [graph.node("Div", [x, graph.float(Math.SQRT2)])]);
      return graph.node("Mul", [graph.node("Mul", [x, graph.node("Add", [erf, graph.float(1)])]), graph.float(0.5)]);
    }
    case "geluTanh": {
      const cube = graph.node("Mul", [graph.node("Mul", [x, x]), x]);
      const inner = graph.node("Add", [x, graph.node("Mul", [cube, graph.float(0.044715)])]);
      const tanh = graph.node("Tanh", [graph.node("Mul", [inner, graph.float(Math.sqrt(2 / Math.PI))])]);
      return graph.node("Mul", [graph.node("Mul", [x, graph.node("Add", [tanh, graph.float(1)])]), graph.float(0.5)]);
    }
    case "relu":
      return graph.node("Relu", [x]);
    case "mish":
      return graph.node("Mul", [x, graph.node("Tanh", [graph.node("Softplus", [x])])]);
  }
}

export const activation: OperatorFamily<Activation> = {
  inputs: (operator) => [operator.input],
  parameters: noParameters,
  outputShape: (_operator, inputs) => inputs[0],
  flops(operator, { output }) {
    const forward = operations[operator.function] * elements(output);
    return { forward, inputGrad: [2 * forward], weightGrad: 0 };
  },
  saved: ({ input }) => ({ forInputGrad: [input], forWeightGrad: [], extraElements: 0 }),
  forward: (operator, _shapes, graph) => apply(operator.function, graph.value(operator.input), graph),
};

export const gated: OperatorFamily<Gated> = {
  inputs: (operator) => [operator.input],
  parameters: noParameters,
  outputShape(operator, inputs) {
    const last = inputs[0].at(-1) ?? 0;
    expectShape(last > 0 && last % 2 === 0, operator, inputs);
    return [...inputs[0].slice(0, -1), last / 2];
  },
  flops(operator, { output }) {
    const forward = (operations[operator.function] + 1) * elements(output);
    return { forward, inputGrad: [2 * forward], weightGrad: 0 };
  },
  /** The gate's activation is kept beside the input: the product needs it. */
  saved: ({ input }, { output }) => ({ forInputGrad: [input], forWeightGrad: [], extraElements: elements(output) }),
  forward(operator, { output }, graph) {
    const [hidden, gate] = graph.halves(graph.value(operator.input), output.at(-1) ?? 0);
    return graph.node("Mul", [hidden, apply(operator.function, gate, graph)]);
  },
};
