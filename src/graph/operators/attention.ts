/** Scaled dot-product attention. */
import { elements, type Attention, type Shape } from "../../model/operator";
import type { GraphBuilder } from "../builder";
import { broadcast, summedTo } from "./elementwise";
import { expectShape, noParameters, type OperatorFamily, type OperatorShapes } from "./family";

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
  forward(operator, shapes, graph) {
    if (graph.options.fusedAttention && isPlain(operator, shapes)) {
      const { query, key, value, heads, scale = 1 / Math.sqrt(shapes.inputs[0][2] / heads) } = operator;
      return graph.contributed("MultiHeadAttention", [query, key, value].map((name) => graph.value(name)), { num_heads: heads, scale: { float: scale } });
    }
    const heads = headsOf(operator, shapes, graph);
    const context = graph.node("MatMul", [probabilities(operator, shapes, heads, graph).values, heads.value()]);
    return heads.merged(context, shapes.output);
  },
  /**
   * With P the probabilities, made again from query and key: dV = P^T dO; dP = dO V^T; dS = P (dP - sum(dO O)); dQ = scale dS K;
   * dK = scale dS^T Q. The sum over a row of P dP is one of dO O over the few features of a head.
   */
  inputGrad(operator, shapes, graph, gradient, wanted) {
    const { inputs, output: outputShape } = shapes;
    const heads = headsOf(operator, shapes, graph);
    const towards = heads.split(gradient, outputShape, operator.heads);
    const { values, slope } = probabilities(operator, shapes, heads, graph);
    const turned = (value: string) => graph.transpose(value, [0, 1, 3, 2]);
    const ofValue = () => heads.merged(gathered(graph, graph.node("MatMul", [turned(values), towards]), heads.valueShape, heads.groups), inputs[2]);
    if (!wanted[0] && !wanted[1] && !wanted[3]) return [undefined, undefined, wanted[2] ? ofValue() : undefined];

    const rows = graph.sum(graph.multiply(towards, heads.split(graph.value(operator.output), outputShape, operator.heads)), [-1]);
    const ofProbabilities = graph.node("Sub", [graph.node("MatMul", [towards, turned(heads.value())]), rows]);
    const ofBiased = graph.multiply(values, ofProbabilities);
    const ofScores = slope === undefined ? ofBiased : graph.multiply(ofBiased, slope);
    const scaled = (value: string) => graph.multiply(value, graph.float(heads.scale));
    return [
      wanted[0] ? heads.merged(scaled(graph.node("MatMul", [ofScores, heads.key()])), inputs[0]) : undefined,
      wanted[1] ? heads.merged(gathered(graph, graph.node("MatMul", [turned(ofScores), heads.scaledQuery()]), heads.keyShape, heads.groups), inputs[1]) : undefined,
      wanted[2] ? ofValue() : undefined,
      ...(operator.bias === undefined ? [] : [wanted[3] ? summedTo(graph, ofBiased, [inputs[0][0], operator.heads, inputs[0][1], inputs[1][1]], inputs[3]) : undefined]),
    ];
  },
};

/** Without masks, biases and shared keys, and of one size: what every provider that has the fused operator runs. */
function isPlain({ heads, keyHeads = heads, causal, bias, softcap }: Attention, { inputs: [query, key, value] }: OperatorShapes): boolean {
  return !causal && bias === undefined && softcap === undefined && keyHeads === heads && query[2] === key[2] && key[2] === value[2];
}

/** Queries, keys and values as [N, heads, tokens, size], each key head repeated for the query heads that it serves. */
interface Heads {
  readonly scale: number;
  /** Query heads for each key head. */
  readonly groups: number;
  /** [N, heads, tokens, size] of repeated keys and values. */
  readonly keyShape: Shape;
  readonly valueShape: Shape;
  /** The query times the scale, once: cheaper than scaling the scores. */
  scaledQuery(): string;
  key(): string;
  /** With its last two axes exchanged, as the scores need it. */
  turnedKey(): string;
  value(): string;
  split(value: string, shape: Shape, count: number): string;
  /** [N, heads, tokens, size] -> [N, tokens, heads * size]. */
  merged(value: string, shape: Shape): string;
}

function headsOf(operator: Attention, { inputs: [query, key, value] }: OperatorShapes, graph: GraphBuilder): Heads {
  const { heads, keyHeads = heads } = operator;
  const [batch, length, features] = query;
  const [, keyLength] = key;
  const size = features / heads;
  const valueSize = value[2] / keyHeads;
  const scale = operator.scale ?? 1 / Math.sqrt(size);
  const inHeads = (name: string, tokens: number, count: number, each: number, perm: readonly number[]) => graph.transpose(graph.reshape(name, [batch, tokens, count, each]), perm);
  return {
    scale,
    groups: heads / keyHeads,
    keyShape: [batch, heads, keyLength, size],
    valueShape: [batch, heads, keyLength, valueSize],
    scaledQuery: () => graph.multiply(inHeads(graph.value(operator.query), length, heads, size, [0, 2, 1, 3]), graph.float(scale)),
    key: () => spread(graph, inHeads(graph.value(operator.key), keyLength, keyHeads, size, [0, 2, 1, 3]), [batch, keyHeads, keyLength, size], heads),
    turnedKey: () => spread(graph, inHeads(graph.value(operator.key), keyLength, keyHeads, size, [0, 2, 3, 1]), [batch, keyHeads, size, keyLength], heads),
    value: () => spread(graph, inHeads(graph.value(operator.value), keyLength, keyHeads, valueSize, [0, 2, 1, 3]), [batch, keyHeads, keyLength, valueSize], heads),
    split: (name, shape, count) => inHeads(name, shape[1], count, shape[2] / count, [0, 2, 1, 3]),
    merged: (name, shape) => graph.reshape(graph.transpose(name, [0, 2, 1, 3]), shape),
  };
}

/** The softmax of the scores, and, with a soft cap, the slope of the capped scores. */
function probabilities(operator: Attention, { inputs: [query] }: OperatorShapes, heads: Heads, graph: GraphBuilder): { readonly values: string; readonly slope?: string } {
  const { causal, window, softcap } = operator;
  const [, length] = query;
  let scores = graph.node("MatMul", [heads.scaledQuery(), heads.turnedKey()]);
  let slope: string | undefined;
  if (softcap !== undefined) {
    const squashed = graph.node("Tanh", [graph.node("Div", [scores, graph.float(softcap)])]);
    scores = graph.multiply(squashed, graph.float(softcap));
    slope = graph.node("Sub", [graph.float(1), graph.multiply(squashed, squashed)]);
  }
  if (operator.bias !== undefined) scores = graph.node("Add", [scores, graph.value(operator.bias)]);
  if (causal) scores = graph.node("Add", [scores, triangle(graph, length, 1, 1)]);
  if (causal && window !== undefined && window < length) scores = graph.node("Add", [scores, triangle(graph, length, -window, 0)]);
  return { values: graph.node("Softmax", [scores], { axis: -1 }), slope };
}

/** Each of a few key heads repeated for the query heads that it serves. */
function spread(graph: GraphBuilder, value: string, [batch, count, ...rest]: readonly number[], heads: number): string {
  if (count === heads) return value;
  const repeated = graph.node("Expand", [graph.reshape(value, [batch, count, 1, ...rest]), graph.integers([batch, count, heads / count, ...rest])]);
  return graph.reshape(repeated, [batch, heads, ...rest]);
}

/** The gradient of key heads from that of their repetitions: summed over the query heads that each serves. */
function gathered(graph: GraphBuilder, gradient: string, [batch, heads, ...rest]: Shape, groups: number): string {
  return groups === 1 ? gradient : graph.sum(graph.reshape(gradient, [batch, heads / groups, groups, ...rest]), [2], true);
}

/** -inf on and above (`upper`), or on and below, a diagonal; made in the graph: the runtime folds it, and the graph stays small. */
function triangle(graph: GraphBuilder, tokens: number, diagonal: number, upper: 0 | 1): string {
  return graph.node("Trilu", [graph.filled(-Infinity, [tokens, tokens]), graph.constant("int64", [], [diagonal])], { upper });
}
