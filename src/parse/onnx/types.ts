/** Element types of ONNX tensors (`TensorProto.DataType`), and tensors as shape inference knows them. */

const table = {
  1: ["float32", 4], 2: ["uint8", 1], 3: ["int8", 1], 4: ["uint16", 2], 5: ["int16", 2], 6: ["int32", 4], 7: ["int64", 8], 8: ["string", 0],
  9: ["bool", 1], 10: ["float16", 2], 11: ["float64", 8], 12: ["uint32", 4], 13: ["uint64", 8], 14: ["complex64", 8], 15: ["complex128", 16],
  16: ["bfloat16", 2], 17: ["float8e4m3fn", 1], 18: ["float8e4m3fnuz", 1], 19: ["float8e5m2", 1], 20: ["float8e5m2fnuz", 1],
  21: ["uint4", 0.5], 22: ["int4", 0.5], 23: ["float4e2m1", 0.5], 24: ["float8e8m0", 1], 25: ["uint2", 0.25], 26: ["int2", 0.25],
} as const;

export type ElementType = (typeof table)[keyof typeof table][0];

const byNumber: ReadonlyMap<number, readonly [ElementType, number]> = new Map(Object.entries(table).map(([number, entry]) => [Number(number), entry]));
const numbers: ReadonlyMap<ElementType, number> = new Map([...byNumber].map(([number, [name]]) => [name, number]));
const fileBytes: ReadonlyMap<ElementType, number> = new Map(byNumber.values());
const floats: ReadonlySet<ElementType> = new Set<ElementType>(["float32", "float16", "bfloat16", "float64"]);

/** Undefined for a number that is no type. */
export function elementType(number: number): ElementType | undefined {
  return byNumber.get(number)?.[0];
}

export function typeNumber(type: ElementType): number {
  return numbers.get(type) ?? 0;
}

/** Types that training computes in; a gradient flows through these. */
export function isFloat(type: ElementType): boolean {
  return floats.has(type);
}

/** Bytes of an element in a file; fractions where several share a byte, 0 for text. */
export function bytesInFile(type: ElementType): number {
  return fileBytes.get(type) ?? 0;
}

/** Bytes of an element as profiles count it: every float as float32; a profile in another precision scales them. */
export function bytesOfElement(type: ElementType): number {
  return isFloat(type) ? 4 : bytesInFile(type);
}

/** A tensor as far as it is known before anything runs. Flags are 0 and 1; integers beyond 2^53 are the nearest that a number can hold. */
export interface TensorInfo {
  readonly type: ElementType;
  readonly shape: readonly number[];
  /** Its elements, where they are few and follow from constants and shapes. */
  readonly value?: readonly number[];
}

export type AttributeValue =
  | { readonly kind: "int"; readonly value: number }
  | { readonly kind: "float"; readonly value: number }
  | { readonly kind: "text"; readonly value: string }
  | { readonly kind: "ints"; readonly value: readonly number[] }
  | { readonly kind: "floats"; readonly value: readonly number[] }
  | { readonly kind: "texts"; readonly value: readonly string[] }
  | { readonly kind: "tensor"; readonly value: TensorInfo }
  | { readonly kind: "graph" }
  | { readonly kind: "reference"; readonly value: string }
  /** Sparse tensors, types, lists of tensors or graphs, and values too long to be anything but weights. */
  | { readonly kind: "other" };

export type Attributes = ReadonlyMap<string, AttributeValue>;

export interface FileNode {
  readonly name: string;
  readonly op: string;
  /** "" is ONNX's own. */
  readonly domain: string;
  /** An empty name is an optional input or output left out. */
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: Attributes;
  /** Path of the module that made it, where the exporter says so. */
  readonly scope?: string;
}

/** A dimension of an input or of an intermediate value as the file gives it: a size, a name, or nothing. */
export type Dimension = number | string | undefined;

export interface DeclaredValue {
  readonly name: string;
  /** Undefined for sequences, maps and optionals, and where the file does not say. */
  readonly type?: ElementType;
  readonly shape?: readonly Dimension[];
}

export interface FileFunction {
  readonly name: string;
  readonly domain: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly nodes: readonly FileNode[];
  readonly defaults: Attributes;
}

/** The structure of an ONNX file. */
export interface OnnxFile {
  readonly path: string;
  readonly sha256: string;
  readonly name: string;
  readonly producer: string;
  /** Domain -> version. */
  readonly operatorSets: ReadonlyMap<string, number>;
  readonly nodes: readonly FileNode[];
  readonly initializers: ReadonlyMap<string, TensorInfo>;
  /** Those without an initializer. */
  readonly inputs: readonly DeclaredValue[];
  readonly outputs: readonly DeclaredValue[];
  readonly values: ReadonlyMap<string, DeclaredValue>;
  readonly functions: readonly FileFunction[];
}
