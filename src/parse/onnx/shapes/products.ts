/** Matrix products, attention, and Einstein sums. */
import type { TensorInfo } from "../types";
import { broadcast, sizeOf, tensor, type Call, type Infer, type Operators, type Shape } from "./call";

/** NumPy's matmul. */
export function productShape(call: Call, left: Shape, right: Shape): Shape {
  if (left.length === 0 || right.length === 0) call.fail("A number is no matrix.");
  const [a, b] = [left.length === 1 ? [1, ...left] : left, right.length === 1 ? [...right, 1] : right];
  if (a.at(-1) !== b.at(-2)) call.fail(`[${left.join(", ")}] cannot be multiplied by [${right.join(", ")}].`);
  const rows = left.length === 1 ? [] : [a.at(-2)!];
  const columns = right.length === 1 ? [] : [b.at(-1)!];
  return [...broadcast(call, [a.slice(0, -2), b.slice(0, -2)]), ...rows, ...columns];
}

const gemm: Infer = (call) => {
  const [left, right] = [call.shape(0), call.shape(1)];
  if (left.length !== 2 || right.length !== 2) call.fail("Expected two matrices.");
  const [m, k] = call.int("transA", 0) ? [left[1], left[0]] : left;
  const [k2, n] = call.int("transB", 0) ? [right[1], right[0]] : right;
  if (k !== k2) call.fail(`[${left.join(", ")}] cannot be multiplied by [${right.join(", ")}].`);
  return [tensor(call.type(0), [m, n])];
};

/** The sizes of all letters, the inputs' terms and the result's; dots stand for the dimensions that are broadcast. */
export function einsumTerms(call: Call): { readonly sizes: ReadonlyMap<string, number>; readonly inputs: readonly (readonly string[])[]; readonly output: readonly string[] } {
  const equation = (call.text("equation") ?? call.fail("The equation is missing.")).replace(/\s/g, "");
  const [left, right] = equation.split("->");
  const terms = left.split(",");
  if (terms.length !== call.node.inputs.length || !/^[A-Za-z,.>-]*$/.test(equation)) call.fail(`The equation "${equation.slice(0, 80)}" does not fit its inputs.`);
  const sizes = new Map<string, number>();
  let dots = 0;
  const inputs = terms.map((term, index) => {
    const shape = call.shape(index);
    const hidden = shape.length - term.replace("...", "").length;
    if (hidden < 0 || (hidden > 0 && !term.includes("..."))) call.fail(`"${term}" does not fit [${shape.join(", ")}].`);
    dots = Math.max(dots, term.includes("...") ? hidden : 0);
    const [before, after = ""] = term.split("...");
    const names = term.includes("...") ? [...before, ...Array.from({ length: hidden }, (_, i) => `.${hidden - i}`), ...after] : [...before];
    for (const [axis, name] of names.entries()) {
      const known = sizes.get(name);
      if (known !== undefined && known !== shape[axis] && known !== 1 && shape[axis] !== 1) call.fail(`"${name}" is both ${known} and ${shape[axis]}.`);
      if (known === undefined || known === 1) sizes.set(name, shape[axis]);
    }
    return names;
  });
  const ellipsis = Array.from({ length: dots }, (_, i) => `.${dots - i}`);
  const count = (name: string) => inputs.flat().filter((other) => other === name).length;
  const implicit = () => [...ellipsis, ...[...sizes.keys()].filter((name) => !name.startsWith(".") && count(name) === 1).sort()];
  const output = right === undefined ? implicit() : right.split("...").flatMap((part, i) => [...(i > 0 ? ellipsis : []), ...part]);
  if (output.some((name) => !sizes.has(name))) call.fail(`The result "${right}" has a letter that no input has.`);
  return { sizes, inputs, output };
}

const einsum: Infer = (call) => {
  const { sizes, output } = einsumTerms(call);
  return [tensor(call.type(0), output.map((name) => sizes.get(name)!))];
};

/** [N, L, heads * D] or [N, heads, L, D], as the operator takes both. */
export function attentionSizes(call: Call) {
  const [query, key, value] = [call.shape(0), call.shape(1), call.shape(2)];
  const flat = query.length === 3;
  const heads = flat ? (call.int("q_num_heads") ?? call.fail("The number of heads is missing.")) : query[1];
  const keyHeads = flat ? (call.int("kv_num_heads") ?? call.fail("The number of heads is missing.")) : key[1];
  if (query.length < 3 || key.length !== query.length || value.length !== query.length) call.fail("Query, key and value do not fit each other.");
  const past = call.has(4) ? call.shape(4)[2] : 0;
  return {
    flat, batch: query[0], heads, keyHeads, past,
    queries: flat ? query[1] : query[2],
    keys: past + (flat ? key[1] : key[2]),
    keyFeatures: flat ? key[2] / keyHeads : key[3],
    valueFeatures: flat ? value[2] / keyHeads : value[3],
  };
}

const attention: Infer = (call) => {
  const { flat, batch, heads, keyHeads, queries, keys, keyFeatures, valueFeatures } = attentionSizes(call);
  const type = call.type(0);
  const outputs: TensorInfo[] = [
    tensor(type, flat ? [batch, queries, heads * valueFeatures] : [batch, heads, queries, valueFeatures]),
    tensor(call.type(1), [batch, keyHeads, keys, keyFeatures]),
    tensor(call.type(2), [batch, keyHeads, keys, valueFeatures]),
    tensor(type, [batch, heads, queries, keys]),
  ];
  return outputs;
};

const likeFirst: Infer = (call) => [tensor(call.type(0), call.shape(0))];

export const products: Operators = {
  MatMul: (call) => [tensor(call.type(0), productShape(call, call.shape(0), call.shape(1)))],
  MatMulInteger: (call) => [tensor("int32", productShape(call, call.shape(0), call.shape(1)))],
  QLinearMatMul: (call) => [tensor(call.type(7), productShape(call, call.shape(0), call.shape(3)))],
  Gemm: gemm, Einsum: einsum, Attention: attention, RotaryEmbedding: likeFirst,
  Det: (call) => [tensor(call.type(0), call.shape(0).slice(0, -2))],
};

/** Multiplications of an Einstein sum done naively, each with an addition. */
export function einsumWork(call: Call): number {
  return 2 * sizeOf([...einsumTerms(call).sizes.values()]);
}
