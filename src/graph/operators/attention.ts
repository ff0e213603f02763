/** Scaled dot-product attention. */
import type { Attention } from "../../model/operator";
import { expectShape, noParameters, type OperatorFamily } from "./family";

/** Operations of softmax and scale per score. */
const softmaxOperations = 6;

export const attention: OperatorFamily<Attention> = {
  inputs: ({ query, key, value }) => [query, key, value],
  parameters: noParameters,
  outputShape(operator, inputs) {
    const [query, key, value] = inputs;
    const rank3 = inputs.every((shape) => shape.length === 3 && shape[0] === query[0] && shape[2] === query[2]);
    expectShape(rank3 && key[1] === value[1] && query[2] % operator.heads === 0 && (!operator.causal || query[1] === key[1]), operator, inputs);
    return query;
  },
  /**
   * Two products forward, four backward (of the value, of the scores, of query and key). A causal mask is not counted as
   * saved work: kernels without a fused mask compute the masked scores too.
   */
  flops({ heads }, { inputs: [query, key] }) {
    const [batch, length, features] = query;
    const product = 2 * batch * length * key[1] * features;
    const scores = batch * heads * length * key[1] * softmaxOperations;
    return { forward: 2 * product + scores, inputGrad: [1.5 * product + scores / 2, 1.5 * product + scores / 2, product], weightGrad: 0 };
  },
  /** A fused kernel keeps the output and one log-sum-exp per row and head, not the scores. */
  saved: ({ query, key, value, output, heads }, { inputs: [shape] }) => ({
    forInputGrad: [query, key, value, output],
    forWeightGrad: [],
    extraElements: heads * shape[0] * shape[1],
  }),
  forward({ query, key, value, heads, causal }, { inputs: [queryShape, keyShape], output }, graph) {
    const [batch, length, features] = queryShape;
    const size = features / heads;
    const split = (name: string, tokens: number, perm: readonly number[]) =>
      graph.node("Transpose", [graph.reshape(graph.value(name), [batch, tokens, heads, size])], { perm });
    const q = graph.node("Mul", [split(query, length, [0, 2, 1, 3]), graph.float(1 / Math.sqrt(size))]);
    const scores = graph.node("MatMul", [q, split(key, keyShape[1], [0, 2, 3, 1])]);
    const masked = causal ? graph.node("Add", [scores, causalMask(length)]) : scores;
    const context = graph.node("MatMul", [graph.node("Softmax", [masked], { axis: -1 }), split(value, keyShape[1], [0, 2, 1, 3])]);
    return graph.reshape(graph.node("Transpose", [context], { perm: [0, 2, 1, 3] }), output);

    /** -inf above the diagonal, made in the graph: the runtime folds it, and the graph stays small for long texts. */
    function causalMask(tokens: number): string {
      const full = graph.node("Expand", [graph.float(-Infinity), graph.integers([tokens, tokens])]);
      return graph.node("Trilu", [full, graph.constant("int64", [], [1])], { upper: 1 });
    }
  },
};
