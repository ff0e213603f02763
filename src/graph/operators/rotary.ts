/** The rotary position embedding of queries and keys. */
import { elements, type Rotary } from "../../model/operator";
import type { GraphBuilder } from "../builder";
import { expectShape, noParameters, type OperatorFamily, type OperatorShapes } from "./family";

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
  forward(operator, shapes, graph) {
    const { byHead, table, turned } = rotaryParts(operator, shapes, graph);
    const value = byHead(graph.value(operator.input));
    return graph.reshape(graph.node("Add", [graph.multiply(value, table(operator.cos)), graph.multiply(turned(value), table(operator.sin))]), shapes.output);
  },
  /** The turn is its own transpose but for the sign. */
  inputGrad(operator, shapes, graph, gradient) {
    const { byHead, table, turned } = rotaryParts(operator, shapes, graph);
    const value = byHead(gradient);
    return [graph.reshape(graph.node("Sub", [graph.multiply(value, table(operator.cos)), turned(graph.multiply(value, table(operator.sin)))]), shapes.output), undefined, undefined];
  },
};

function rotaryParts({ layout }: Rotary, { inputs: [, [tables, length, size]], output: [batch, , features] }: OperatorShapes, graph: GraphBuilder) {
  const heads = features / size;
  const whole = [batch, length, heads, size];
  const pairs = layout === "interleaved" ? [batch, length, heads, size / 2, 2] : [batch, length, heads, 2, size / 2];
  const axis = layout === "interleaved" ? 4 : 3;
  return {
    byHead: (value: string) => graph.reshape(value, whole),
    table: (name: string) => graph.reshape(graph.value(name), [tables, length, 1, size]),
    /** Each pair (a, b) as (-b, a). */
    turned: (value: string) => {
      const split = graph.reshape(value, pairs);
      const part = (index: number) => graph.slice(split, axis, index, index + 1);
      return graph.reshape(graph.node("Concat", [graph.node("Neg", [part(1)]), part(0)], { axis }), whole);
    },
  };
}
