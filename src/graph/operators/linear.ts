/** Matrix products with a learned matrix. */
import { elements, type Linear } from "../../model/operator";
import { expectShape, type OperatorFamily } from "./family";

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
  forward({ module, input, inFeatures, bias }, { inputs, output }, graph) {
    const parameters = [graph.parameter(module, "weight"), ...(bias ? [graph.parameter(module, "bias")] : [])];
    const flat = inputs[0].length === 2;
    const rows = flat ? graph.value(input) : graph.reshape(graph.value(input), [elements(inputs[0]) / inFeatures, inFeatures]);
    const product = graph.node("Gemm", [rows, ...parameters], { transB: 1 });
    return flat ? product : graph.reshape(product, output);
  },
};
