/** Writes ONNX files for tests, sound and unsound ones alike. Field numbers are those of onnx.proto. */
import { UserError } from "../../../../src/model/errors";
import type { Files } from "../../../../src/platform/files";

export type Dim = number | string | undefined;
export type Attribute = number | string | readonly number[] | { readonly float: number } | { readonly graph: Uint8Array } | { readonly tensor: Uint8Array };

export interface NodeSpec {
  readonly op: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly name?: string;
  readonly domain?: string;
  readonly attributes?: Readonly<Record<string, Attribute>>;
}

export interface TensorSpec {
  readonly name: string;
  readonly type?: number;
  readonly dims: readonly number[];
  readonly raw?: Uint8Array;
  readonly ints?: readonly number[];
  readonly external?: Readonly<Record<string, string>>;
}

export interface ValueSpec {
  readonly name: string;
  readonly type?: number;
  readonly dims?: readonly Dim[];
}

export interface GraphSpec {
  readonly nodes: readonly NodeSpec[];
  readonly initializers?: readonly TensorSpec[];
  readonly inputs?: readonly ValueSpec[];
  readonly outputs?: readonly (ValueSpec | string)[];
  readonly values?: readonly ValueSpec[];
}

const text = new TextEncoder();

function varint(value: number | bigint): number[] {
  const bytes: number[] = [];
  let rest = BigInt.asUintN(64, BigInt(value));
  while (rest >= 128n) {
    bytes.push(Number(rest & 127n) | 128);
    rest >>= 7n;
  }
  return [...bytes, Number(rest)];
}

/** One field: an integer as a varint, bytes and text with their length. */
export function field(number: number, value: number | bigint | string | Uint8Array): Uint8Array {
  if (typeof value === "number" || typeof value === "bigint") return Uint8Array.from([...varint(number * 8), ...varint(value)]);
  const bytes = typeof value === "string" ? text.encode(value) : value;
  return join([Uint8Array.from([...varint(number * 8 + 2), ...varint(bytes.length)]), bytes]);
}

export function join(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

export function tensorBytes({ name, type = 1, dims, raw, ints, external }: TensorSpec): Uint8Array {
  return join([
    ...dims.map((dim) => field(1, dim)),
    field(2, type),
    field(8, name),
    ...(ints ?? []).map((value) => field(7, value)),
    ...(raw ? [field(9, raw)] : []),
    ...Object.entries(external ?? {}).map(([key, value]) => field(13, join([field(1, key), field(2, value)]))),
    ...(external ? [field(14, 1)] : []),
  ]);
}

export function valueBytes({ name, type = 1, dims }: ValueSpec): Uint8Array {
  const shape = dims?.map((dim) => field(1, dim === undefined ? new Uint8Array() : typeof dim === "number" ? field(1, dim) : field(2, dim)));
  return join([field(1, name), field(2, field(1, join([field(1, type), ...(shape ? [field(2, join(shape))] : [])])))]);
}

function attributeBytes(name: string, value: Attribute): Uint8Array {
  if (typeof value === "number") return join([field(1, name), field(3, value), field(20, 2)]);
  if (typeof value === "string") return join([field(1, name), field(4, value), field(20, 3)]);
  if ("graph" in value) return join([field(1, name), field(6, value.graph), field(20, 5)]);
  if ("tensor" in value) return join([field(1, name), field(5, value.tensor), field(20, 4)]);
  if ("float" in value) return join([field(1, name), Uint8Array.from([2 * 8 + 5]), new Uint8Array(Float32Array.of(value.float).buffer), field(20, 1)]);
  return join([field(1, name), ...value.map((one) => field(8, one)), field(20, 7)]);
}

export function nodeBytes({ op, inputs, outputs, name = "", domain, attributes = {} }: NodeSpec): Uint8Array {
  return join([
    ...inputs.map((input) => field(1, input)),
    ...outputs.map((output) => field(2, output)),
    field(3, name),
    field(4, op),
    ...Object.entries(attributes).map(([key, value]) => field(5, attributeBytes(key, value))),
    ...(domain ? [field(7, domain)] : []),
  ]);
}

export function graphBytes({ nodes, initializers = [], inputs = [], outputs = [], values = [] }: GraphSpec): Uint8Array {
  return join([
    ...nodes.map((node) => field(1, nodeBytes(node))),
    field(2, "graph"),
    ...initializers.map((tensor) => field(5, tensorBytes(tensor))),
    ...inputs.map((value) => field(11, valueBytes(value))),
    ...outputs.map((value) => field(12, valueBytes(typeof value === "string" ? { name: value } : value))),
    ...values.map((value) => field(13, valueBytes(value))),
  ]);
}

export function modelBytes(graph: GraphSpec | Uint8Array, opset = 17, functions: readonly Uint8Array[] = []): Uint8Array {
  return join([field(1, 8), field(8, field(2, opset)), field(7, graph instanceof Uint8Array ? graph : graphBytes(graph)), ...functions.map((one) => field(25, one))]);
}

/** Files in memory; a file may have holes that read as zeros. Counts the bytes that are read. */
export class MemoryFiles implements Files {
  bytesRead = 0;

  constructor(private readonly contents: Readonly<Record<string, Uint8Array | { readonly size: number; readonly parts: readonly { readonly at: number; readonly bytes: Uint8Array }[] }>>, private readonly links: Readonly<Record<string, string>> = {}) {}

  read(): Promise<Uint8Array> {
    return Promise.reject(new Error("An ONNX file is never read whole."));
  }

  async readRange(path: string, offset: number, length: number): Promise<Uint8Array> {
    const file = this.contents[path];
    if (!file) throw new UserError("The file does not exist.", { file: path });
    const size = file instanceof Uint8Array ? file.length : file.size;
    const result = new Uint8Array(Math.max(0, Math.min(length, size - offset)));
    for (const { at, bytes } of file instanceof Uint8Array ? [{ at: 0, bytes: file }] : file.parts) {
      const from = Math.max(offset, at);
      const to = Math.min(offset + result.length, at + bytes.length);
      if (from < to) result.set(bytes.subarray(from - at, to - at), from - offset);
    }
    this.bytesRead += result.length;
    return result;
  }

  write(): Promise<void> {
    return Promise.reject(new Error("Nothing is written."));
  }

  async stat(path: string) {
    const file = this.contents[path];
    return file && { kind: "file" as const, bytes: file instanceof Uint8Array ? file.length : file.size, modifiedMs: 0 };
  }

  async realPath(path: string): Promise<string> {
    return this.links[path] ?? path;
  }

  list(): Promise<readonly string[]> {
    return Promise.resolve([]);
  }

  remove(): Promise<void> {
    return Promise.reject(new Error("Nothing is removed."));
  }
}
