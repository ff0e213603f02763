/** Scaled dot-product attention, and the rotary position embedding of its queries and keys. */
import { elements, type Attention, type Rotary } from "../../model/operator";
import type { GraphBuilder } from "../builder";
import { broadcast } from "./elementwise";
import { expectShape, noParameters, type OperatorFamily } from "./family";

/** Operations of softmax and scale per score. */
const softmaxOperations = 6;

export const attention: OperatorFamily<Attention> = {
  inputs: ({ query, key, value, bias }) => [query, key, value, ...(bias === undefined ? [] : [bias])],
  parameters: noParameters,
  outputShape(operator, inputs) {
    const { heads, keyHeads = heads, causal } = operator;
    const [query, key, value, bias] = inputs;
    const size = query[2] / heads;
    const whole = Number.isInteger(size) && heads % keyHeads === 0 && key[2] === keyHeads * size && value[2] % keyHeads === 0;
    const rank3 = [query, key, value].every((shape) => shape.length === 3 && shape[0] === query[0]);
    expectShape(rank3 && whole && key[1] === value[1] && (!causal || query[1] === key[1]), operator, inputs);
    const scores = [query[0], heads, query[1], key[1]];
    if (operator.bias !== undefined) expectShape(elements(broadcast(scores, bias) ?? []) === elements(scores), operator, inputs);
    return [query[0], query[1], (value[2] / keyHeads) * heads];
  },
  /**
   * Two products forward, four backward (of the value, of the scores, of query and key). A causal mask or a window is not
   * counted as saved work: kernels without a fused mask compute the masked scores too.
   */
  flops({ heads, bias, softcap }, { inputs: [query, key], output }) {
    const [batch, length, features] = query;
    const positions = batch * heads * length * key[1];
    const scoreProduct = 2 * batch * length * key[1] * features;
    const valueProduct = 2 * batch * length * key[1] * output[2];
    const scores = positions * (softmaxOperations + (bias === undefined ? 0 : 1) + (softcap === undefined ? 0 : 3));
    const shared = valueProduct / 2 + scores / 2;
    return {
      forward: scoreProduct + valueProduct + scores,
      inputGrad: [scoreProduct + shared, scoreProduct + shared, valueProduct, ...(bias === undefined ? [] : [positions])],
      weightGrad: 0,
    };
  },
  /** A fused kernel keeps the output and one log-sum-exp per row and head, not the scores. */
  saved: ({ query, key, value, output, heads, bias }, { inputs: [shape] }) => ({
    forInputGrad: [query, key, value, output, ...(bias === undefined ? [] : [bias])],
    forWeightGrad: [],
    extraElements: heads * shape[0] * shape[1],
  }),
  forward(operator, { inputs: [queryShape, keyShape, valueShape], output }, graph) {
    const { heads, keyHeads = heads, causal, window, softcap } = operator;
    const [batch, length, features] = queryShape;
    const size = features / heads;
    const split = (name: string, tokens: number, count: number, each: number, perm: readonly number[]) =>
      graph.node("Transpose", [graph.reshape(graph.value(name), [batch, tokens, count, each])], { perm });
    const key = spread(graph, split(operator.key, keyShape[1], keyHeads, size, [0, 2, 3, 1]), [batch, keyHeads, size, keyShape[1]], heads);
    const valueSize = valueShape[2] / keyHeads;
    const value = spread(graph, split(operator.value, keyShape[1], keyHeads, valueSize, [0, 2, 1, 3]), [batch, keyHeads, keyShape[1], valueSize], heads);
    const query = graph.node("Mul", [split(operator.query, length, heads, size, [0, 2, 1, 3]), graph.float(operator.scale ?? 1 / Math.sqrt(size))]);
    let scores = graph.node("MatMul", [query, key]);
    if (softcap !== undefined) scores = graph.node("Mul", [graph.node("Tanh", [graph.node("Div", [scores, graph.float(softcap)])]), graph.float(softcap)]);
    if (operator.bias !== undefined) scores = graph.node("Add", [scores, graph.value(operator.bias)]);
    if (causal) scores = graph.node("Add", [scores, triangle(graph, length, 1, 1)]);
    if (causal && window !== undefined && window < length) scores = graph.node("Add", [scores, triangle(graph, length, -window, 0)]);
    const context = graph.node("MatMul", [graph.node("Softmax", [scores], { axis: -1 }), value]);
    return graph.reshape(graph.node("Transpose", [context], { perm: [0, 2, 1, 3] }), output);
  },
};

/** Each of a few key heads repeated for the query heads that it serves. */
function spread(graph: GraphBuilder, value: string, [batch, count, ...rest]: readonly number[], heads: number): string {
  if (count === heads) return value;
  const repeated = graph.node("Expand", [graph.reshape(value, [batch, count, 1, ...rest]), graph.integers([batch, count, heads / count, ...rest])]);
  return graph.reshape(repeated, [batch, heads, ...rest]);
}

/** -inf on and above (`upper`), or on and below, a diagonal; made in the graph: the runtime folds it, and the graph stays small. */
function triangle(graph: GraphBuilder, tokens: number, diagonal: number, upper: 0 | 1): string {
  const full = graph.node("Expand", [graph.float(-Infinity), graph.integers([tokens, tokens])]);
  return graph.node("Trilu", [full, graph.constant("int64", [], [diagonal])], { upper });
}

export const rotary: OperatorFamily<Rotary> = {
  inputs: ({ input, cos, sin }) => [input, cos, sin],
  shapeOnly: ({ cos, sin }) => [cos, sin],
  parameters: noParameters,
  outputShape(operator, inputs) {
    const [tokens, cos, sin] = inputs;
    const tables = [cos, sin].every((table) => table.length === 3 && (table[0] === 1 || table[0] === tokens[0]) && table[1] === tokens[1] && table[2] === cos[2]);
    expectShape(tokens.length === 3 && tables && tokens[2] % cos[2] === 0 && cos[2] % 2 === 0, operator, inputs);
    return tokens;
  },
  /** Two products and a sum per element; backward is the opposite rotation. */
  flops: (_operator, { output }) => ({ forward: 3 * elements(output), inputGrad: [3 * elements(output), 0, 0], weightGrad: 0 }),
  saved: ({ cos, sin }) => ({ forInputGrad: [cos, sin], forWeightGrad: [], extraElements: 0 }),
  forward({ input, cos, sin, layout }, { inputs: [, [tables, length, size]], output }, graph) {
    const heads = output[2] / size;
    const [batch] = output;
    const pairs = layout === "interleaved" ? [batch, length, heads, size / 2, 2] : [batch, length, heads, 2, size / 2];
    const axis = layout === "interleaved" ? 4 : 3;
    const split = graph.reshape(graph.value(input), pairs);
    const part = (index: number) => graph.node("Slice", [split, graph.integers([index]), graph.integers([index + 1]), graph.integers([axis])]);
    const turned = graph.node("Concat", [graph.node("Neg", [part(1)]), part(0)], { axis });
    const table = (name: string) => graph.reshape(graph.value(name), [tables, length, 1, size]);
    const whole = [batch, length, heads, size];
    const straight = graph.node("Mul", [graph.reshape(graph.value(input), whole), table(cos)]);
    return graph.reshape(graph.node("Add", [straight, graph.node("Mul", [graph.reshape(turned, whole), table(sin)])]), output);
  },
};
