/** Elementwise non-linear functions and the gated unit made of one. */
import { elements, type Activation, type ActivationFunction, type Gated } from "../../model/operator";
import type { GraphBuilder } from "../builder";
import { expectShape, noParameters, type OperatorFamily } from "./family";

/** Operations per element, counted on the forms below; the derivative costs about twice the function. */
const operations: Readonly<Record<ActivationFunction, number>> = { silu: 4, gelu: 5, geluTanh: 8, quickGelu: 5, relu: 1, mish: 5 };

const one = (graph: GraphBuilder) => graph.float(1);
/** Of the tanh form: tanh(sqrt(2/pi) (x + cubic x^3)). */
const cubic = 0.044715;
const tanhScale = Math.sqrt(2 / Math.PI);
const quickSlope = 1.702;

function tanhOfGelu(x: string, graph: GraphBuilder): string {
  const cube = graph.multiply(graph.multiply(x, x), x);
  const inner = graph.node("Add", [x, graph.multiply(cube, graph.float(cubic))]);
  return graph.node("Tanh", [graph.multiply(inner, graph.float(tanhScale))]);
}

const onePlusErf = (x: string, graph: GraphBuilder) => graph.node("Add", [graph.node("Erf", [graph.node("Div", [x, graph.float(Math.SQRT2)])]), one(graph)]);

/** Forms that onnxruntime knows how to fuse, where it knows one. @returns The name of the result. */
function apply(name: ActivationFunction, x: string, graph: GraphBuilder): string {
  switch (name) {
    case "silu":
      return graph.multiply(x, graph.node("Sigmoid", [x]));
    case "quickGelu":
      return graph.multiply(x, graph.node("Sigmoid", [graph.multiply(x, graph.float(quickSlope))]));
    case "gelu":
      return graph.multiply(graph.multiply(x, onePlusErf(x, graph)), graph.float(0.5));
    case "geluTanh":
      return graph.multiply(graph.multiply(x, graph.node("Add", [tanhOfGelu(x, graph), one(graph)])), graph.float(0.5));
    case "relu":
      return graph.node("Relu", [x]);
    case "mish":
      return graph.multiply(x, graph.node("Tanh", [graph.node("Softplus", [x])]));
  }
}

/** The derivative at x. */
function derivative(name: ActivationFunction, x: string, graph: GraphBuilder): string {
  const add = (left: string, right: string) => graph.node("Add", [left, right]);
  /** 1 - value. */
  const complement = (value: string) => graph.node("Sub", [one(graph), value]);
  switch (name) {
    /** s (1 + x (1 - s)) with s = sigmoid(x). */
    case "silu": {
      const s = graph.node("Sigmoid", [x]);
      return graph.multiply(s, add(graph.multiply(x, complement(s)), one(graph)));
    }
    /** s (1 + c x (1 - s)) with s = sigmoid(c x). */
    case "quickGelu": {
      const scaled = graph.multiply(x, graph.float(quickSlope));
      const s = graph.node("Sigmoid", [scaled]);
      return graph.multiply(s, add(graph.multiply(scaled, complement(s)), one(graph)));
    }
    /** (1 + erf(x / sqrt 2)) / 2 + x exp(-x^2 / 2) / sqrt(2 pi). */
    case "gelu": {
      const density = graph.node("Exp", [graph.multiply(graph.multiply(x, x), graph.float(-0.5))]);
      const slope = graph.multiply(graph.multiply(x, density), graph.float(1 / Math.sqrt(2 * Math.PI)));
      return add(graph.multiply(onePlusErf(x, graph), graph.float(0.5)), slope);
    }
    /** (1 + t) / 2 + x (1 - t^2) u' / 2 with t = tanh(u), u' = sqrt(2/pi) (1 + 3 cubic x^2). */
    case "geluTanh": {
      const t = tanhOfGelu(x, graph);
      const inner = add(graph.multiply(graph.multiply(x, x), graph.float(3 * cubic * tanhScale)), graph.float(tanhScale));
      const steep = graph.multiply(graph.multiply(x, complement(graph.multiply(t, t))), inner);
      return graph.multiply(add(add(t, one(graph)), steep), graph.float(0.5));
    }
    case "relu":
      return graph.node("Cast", [graph.node("Greater", [x, graph.float(0)])], { to: 1 });
    /** t + x (1 - t^2) sigmoid(x) with t = tanh(softplus(x)). */
    case "mish": {
      const t = graph.node("Tanh", [graph.node("Softplus", [x])]);
      return add(t, graph.multiply(graph.multiply(x, complement(graph.multiply(t, t))), graph.node("Sigmoid", [x])));
    }
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
  inputGrad: (operator, _shapes, graph, gradient) => [graph.multiply(gradient, derivative(operator.function, graph.value(operator.input), graph))],
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
    return graph.multiply(hidden, apply(operator.function, gate, graph));
  },
  inputGrad(operator, { output }, graph, gradient) {
    const [hidden, gate] = graph.halves(graph.value(operator.input), output.at(-1) ?? 0);
    const ofHidden = graph.multiply(gradient, apply(operator.function, gate, graph));
    const ofGate = graph.multiply(graph.multiply(gradient, hidden), derivative(operator.function, gate, graph));
    return [graph.node("Concat", [ofHidden, ofGate], { axis: -1 })];
  },
};
