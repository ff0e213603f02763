/** Matrix products with a learned matrix. */
import { elements, type Linear, type Shape } from "../../model/operator";
import type { GraphBuilder } from "../builder";
import { expectShape, type OperatorFamily } from "./family";

/** A value with all but its last dimension as rows. */
const rowsOf = (graph: GraphBuilder, value: string, shape: Shape) => (shape.length === 2 ? value : graph.reshape(value, [elements(shape.slice(0, -1)), shape[shape.length - 1]]));

export const linear: OperatorFamily<Linear> = {
  inputs: (operator) => [operator.input],
  parameters: ({ inFeatures, outFeatures, bias }) => [
    { name: "weight", shape: [outFeatures, inFeatures] },
    ...(bias ? [{ name: "bias", shape: [outFeatures] }] : []),
  ],
  outputShape(operator, inputs) {
    expectShape(inputs[0].length >= 2 && inputs[0].at(-1) === operator.inFeatures, operator, inputs);
    return [...inputs[0].slice(0, -1), operator.outFeatures];
  },
  /** Both gradients are products of the same size as the forward one. */
  flops({ inFeatures, bias }, { output }) {
    const product = 2 * elements(output) * inFeatures;
    const biased = product + (bias ? elements(output) : 0);
    return { forward: biased, inputGrad: [product], weightGrad: biased };
  },
  saved: ({ input }) => ({ forInputGrad: [], forWeightGrad: [input], extraElements: 0 }),
  /** Gemm takes the weight as the state dict has it; MatMul would need a transposed copy of it. */
  forward({ module, input, bias }, { inputs, output }, graph) {
    const parameters = [graph.parameter(module, "weight"), ...(bias ? [graph.parameter(module, "bias")] : [])];
    const product = graph.node("Gemm", [rowsOf(graph, graph.value(input), inputs[0]), ...parameters], { transB: 1 });
    return inputs[0].length === 2 ? product : graph.reshape(product, output);
  },
  /** dx = dy W. */
  inputGrad({ module }, { inputs, output }, graph, gradient) {
    const product = graph.node("Gemm", [rowsOf(graph, gradient, output), graph.parameter(module, "weight")]);
    return [inputs[0].length === 2 ? product : graph.reshape(product, inputs[0])];
  },
  /** dW = dy^T x; db is the sum of dy over rows. */
  weightGrad({ input, bias }, { inputs, output }, graph, gradient) {
    const rows = rowsOf(graph, gradient, output);
    const weight = graph.node("Gemm", [rows, rowsOf(graph, graph.value(input), inputs[0])], { transA: 1 });
    return bias ? [weight, graph.sum(rows, [0], true)] : [weight];
  },
};
