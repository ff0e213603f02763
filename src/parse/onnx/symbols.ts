/** The sizes that a file leaves open, and what they are by their names: batch, height, width, tokens, frames, or just names. */
import { UserError } from "../../model/errors";
import type { Bindings } from "../../model/profile";
import type { NodeGraph } from "./graph";
import type { DeclaredValue, Dimension, ElementType, OnnxFile, TensorInfo } from "./types";

type SizeRole = "height" | "width" | "sequenceLength" | "frames";

/** Where two names of a file could have one role, the first has it. */
const roleNames: readonly (readonly [SizeRole, RegExp])[] = [
  ["height", /^((image|sample|latent|latents)_)?(height|h)$/i],
  ["width", /^((image|sample|latent|latents)_)?(width|w)$/i],
  ["sequenceLength", /^((encoder|text|token|input|max)_)?(seq|seq_?len(gth)?|sequence|sequence_?length|tokens|num_tokens|text_length)$/i],
  ["frames", /^((num|sample|latent)_)?frames$/i],
];
const batchName = /^([a-z_]*batch[a-z_]*|bs?|n)$/i;

export interface GraphInput {
  readonly name: string;
  readonly type: ElementType;
  readonly shape: readonly (number | string)[];
}

export interface Sizes {
  readonly inputs: readonly GraphInput[];
  /** Names that are the batch size. */
  readonly batch: ReadonlySet<string>;
  readonly roles: ReadonlyMap<string, SizeRole>;
  /** Names without a role. */
  readonly symbols: readonly string[];
  /** Where the file fixes the batch: the first dimension of these inputs has this size. */
  readonly fixedBatch?: { readonly size: number; readonly inputs: ReadonlySet<string> };
  readonly defaults: Bindings;
  /** For models that the usual defaults are too large for. */
  readonly smallDefaults: Bindings;
}

/** @throws UserError naming the input for one that is no tensor. */
export function sizesOf(graph: NodeGraph): Sizes {
  const { file } = graph;
  const inputs = file.inputs.map((input) => graphInput(input, file));
  const names = [...new Set(inputs.flatMap(({ shape }) => shape.filter((size) => typeof size === "string")))];
  const batch = batchNames(inputs, names);
  const roles = new Map<string, SizeRole>();
  for (const [role, pattern] of roleNames) {
    const name = names.find((candidate) => !batch.has(candidate) && pattern.test(candidate));
    if (name !== undefined) roles.set(name, role);
  }
  const symbols = names.filter((name) => !batch.has(name) && !roles.has(name));
  const fixedBatch = batch.size === 0 ? fixedBatchOf(inputs) : undefined;
  return { inputs, batch, roles, symbols, ...(fixedBatch && { fixedBatch }), defaults: defaultsOf(graph, inputs, roles, symbols, usual), smallDefaults: defaultsOf(graph, inputs, roles, symbols, small) };
}

function graphInput({ name, type, shape }: DeclaredValue, file: OnnxFile): GraphInput {
  if (!type || !shape) throw new UserError("The input is no tensor with a shape; only such are supported.", { file: file.path, field: name.slice(0, 200) });
  // A size without a name gets one, so that it can be bound.
  return { name, type, shape: shape.map((size: Dimension, axis) => size ?? `${name}.${axis}`) };
}

/** By name; where no name says so, first dimensions that are open are the batch. */
function batchNames(inputs: readonly GraphInput[], names: readonly string[]): ReadonlySet<string> {
  const named = names.filter((name) => batchName.test(name));
  if (named.length > 0) return new Set(named);
  const isRole = (name: string) => roleNames.some(([, pattern]) => pattern.test(name));
  return new Set(inputs.flatMap(({ shape: [first] }) => (typeof first === "string" && !isRole(first) ? [first] : [])));
}

function fixedBatchOf(inputs: readonly GraphInput[]): Sizes["fixedBatch"] {
  const sizes = new Set(inputs.filter(({ shape }) => shape.length > 1).map(({ shape }) => shape[0]));
  const [size] = sizes;
  if (sizes.size !== 1 || typeof size !== "number" || size < 1) return undefined;
  return { size, inputs: new Set(inputs.filter(({ shape }) => shape[0] === size).map(({ name }) => name)) };
}

const usual = { pixels: 512, latents: 64, sequenceLength: 77, frames: 16, other: 64 };
const small: typeof usual = { pixels: 64, latents: 16, sequenceLength: 16, frames: 4, other: 16 };

/** Sizes that the file fixes, those that its weights tell, or usual ones. */
function defaultsOf(graph: NodeGraph, inputs: readonly GraphInput[], roles: ReadonlyMap<string, SizeRole>, symbols: readonly string[], sizes: typeof usual): Bindings {
  const image = inputs.find(({ shape }) => shape.length >= 4);
  const isPixels = image !== undefined && (image.shape[1] === 1 || image.shape[1] === 3);
  const hasRole = new Set(roles.values());
  const side = (role: "height" | "width", axis: number) => {
    if (hasRole.has(role)) return isPixels ? sizes.pixels : sizes.latents;
    const fixed = image?.shape.at(axis);
    return typeof fixed === "number" && fixed > 0 ? fixed : 1;
  };
  return {
    height: side("height", -2),
    width: side("width", -1),
    sequenceLength: hasRole.has("sequenceLength") ? sizes.sequenceLength : 1,
    ...(hasRole.has("frames") && { frames: sizes.frames }),
    ...(symbols.length > 0 && { symbols: Object.fromEntries(symbols.map((name) => [name, toldByWeights(graph, inputs, name) ?? sizes.other])) }),
  };
}

/** The size of a dimension that a convolution or a product takes in directly. */
function toldByWeights({ file, nodes, consumers }: NodeGraph, inputs: readonly GraphInput[], name: string): number | undefined {
  for (const input of inputs) {
    for (const index of consumers.get(input.name) ?? []) {
      const { op, inputs: used, attributes } = nodes[index];
      const weight = used[0] === input.name ? file.initializers.get(used[1])?.shape : undefined;
      if (!weight) continue;
      const group = attributes.get("group");
      if (op === "Conv" && input.shape[1] === name) return (weight[1] ?? 1) * (group?.kind === "int" ? group.value : 1);
      if (op === "MatMul" && input.shape.at(-1) === name && weight.length > 1) return weight.at(-2);
      if (op === "Gemm" && input.shape.at(-1) === name) return attributes.get("transB")?.kind === "int" ? weight[1] : weight[0];
    }
  }
  return undefined;
}

/** @throws UserError naming the binding that is no size, or that the file fixes otherwise. */
export function checkSizes(sizes: Sizes, bindings: Bindings): void {
  const hasRole = new Set(sizes.roles.values());
  for (const role of ["height", "width", "sequenceLength", "frames"] as const) {
    const value = bindings[role];
    if (value === undefined) continue;
    checkSize(value, role);
    if (!hasRole.has(role) && value !== (sizes.defaults[role] ?? 1)) throw new UserError(`The file fixes this size at ${sizes.defaults[role] ?? 1}, found ${value}.`, { field: role, hint: "Export the model with this dimension left open to change it." });
  }
  for (const [name, value] of Object.entries(bindings.symbols ?? {})) {
    if (!sizes.symbols.includes(name)) throw new UserError("No input of the file has a dimension of this name.", { field: name.slice(0, 100), hint: `Names: ${sizes.symbols.join(", ").slice(0, 500) || "none"}.` });
    checkSize(value, name);
  }
}

function checkSize(value: number, field: string): void {
  if (!Number.isSafeInteger(value) || value < 1) throw new UserError(`Expected a whole number of at least 1, found ${String(value)}.`, { field: field.slice(0, 100) });
}

/** The size that a name has at these bindings. Undefined for a name that no input has. */
export function sizeNamed(sizes: Sizes, name: string, bindings: Bindings, batch: number): number | undefined {
  if (sizes.batch.has(name)) return batch;
  const role = sizes.roles.get(name);
  if (role) return bindings[role] ?? sizes.defaults[role];
  return bindings.symbols?.[name] ?? sizes.defaults.symbols?.[name];
}

/** The file's inputs at a batch size. @param batch Samples; where the file fixes them, another number replaces the fixed one. */
export function boundInputs(sizes: Sizes, bindings: Bindings, batch: number): ReadonlyMap<string, TensorInfo> {
  return new Map(sizes.inputs.map(({ name, type, shape }) => [
    name,
    { type, shape: shape.map((size, axis) => (axis === 0 && sizes.fixedBatch?.inputs.has(name) ? batch : typeof size === "number" ? size : (sizeNamed(sizes, size, bindings, batch) ?? 1))) },
  ]));
}
