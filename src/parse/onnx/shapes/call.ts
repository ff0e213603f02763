/** What shape inference of one node sees: its inputs as far as they are known, its attributes, and the version of its operator set. */
import { mostElements } from "../tensors";
import type { ElementType, FileNode, TensorInfo } from "../types";

/** Why a node's outputs are not known; the walk over the graph adds which node it is. */
export class ShapeFailure extends Error {
  override readonly name = "ShapeFailure";
}

interface AttributeKinds {
  int: number;
  float: number;
  text: string;
  ints: readonly number[];
  floats: readonly number[];
  texts: readonly string[];
  tensor: TensorInfo;
}

export type Shape = readonly number[];

/** One for each output that can be told, in order. @throws ShapeFailure */
export type Infer = (call: Call) => readonly TensorInfo[];

export type Operators = Readonly<Record<string, Infer>>;

export class Call {
  constructor(
    readonly node: FileNode,
    readonly version: number,
    readonly inputs: readonly (TensorInfo | undefined)[],
  ) {}

  fail(why: string): never {
    throw new ShapeFailure(why);
  }

  has(index: number): boolean {
    return this.inputs[index] !== undefined;
  }

  input(index: number): TensorInfo {
    return this.inputs[index] ?? this.fail(`Input ${index + 1} is missing.`);
  }

  shape(index: number): Shape {
    return this.input(index).shape;
  }

  type(index: number): ElementType {
    return this.input(index).type;
  }

  /** The elements of an input that decide the output's shape. @throws ShapeFailure where they are known only when the graph runs. */
  value(index: number): readonly number[] {
    return this.input(index).value ?? this.fail(`The shape depends on the values of "${this.node.inputs[index]}", which are not known before the graph runs.`);
  }

  /** A list of integers that newer versions take as an input and older ones as an attribute; undefined where there is neither. */
  integers(attribute: string, index: number): readonly number[] | undefined {
    if (this.has(index)) return this.value(index);
    return this.ints(attribute);
  }

  private attribute<K extends keyof AttributeKinds>(name: string, kind: K): AttributeKinds[K] | undefined {
    const found = this.node.attributes.get(name);
    if (!found) return undefined;
    if (found.kind !== kind) return this.fail(`The attribute "${name}" is not of the kind that the operator expects.`);
    return found.value as AttributeKinds[K];
  }

  hasAttribute(name: string): boolean {
    return this.node.attributes.has(name);
  }

  int(name: string): number | undefined;
  int(name: string, otherwise: number): number;
  int(name: string, otherwise?: number): number | undefined {
    return this.attribute(name, "int") ?? otherwise;
  }

  float(name: string): number | undefined {
    return this.attribute(name, "float");
  }

  ints(name: string): readonly number[] | undefined {
    return this.attribute(name, "ints");
  }

  floats(name: string): readonly number[] | undefined {
    return this.attribute(name, "floats");
  }

  text(name: string): string | undefined {
    return this.attribute(name, "text");
  }

  texts(name: string): readonly string[] | undefined {
    return this.attribute(name, "texts");
  }

  tensor(name: string): TensorInfo | undefined {
    return this.attribute(name, "tensor");
  }

  /** An axis counted from the front. */
  axis(axis: number, rank: number): number {
    const counted = axis < 0 ? axis + rank : axis;
    if (!Number.isInteger(counted) || counted < 0 || counted >= rank) this.fail(`There is no axis ${axis} among ${rank} dimensions.`);
    return counted;
  }

  expectRank(index: number, least: number): void {
    if (this.shape(index).length < least) this.fail(`Input ${index + 1} has shape [${this.shape(index).join(", ")}]; the operator needs at least ${least} dimensions.`);
  }
}

export function sizeOf(shape: Shape): number {
  return shape.reduce((product, size) => product * size, 1);
}

export function tensor(type: ElementType, shape: Shape, value?: readonly number[]): TensorInfo {
  return value && value.length <= mostElements && value.length === sizeOf(shape) ? { type, shape, value } : { type, shape };
}

/** NumPy's broadcasting, as ONNX defines it. */
export function broadcast(call: Call, shapes: readonly Shape[]): Shape {
  const rank = Math.max(...shapes.map(({ length }) => length));
  return Array.from({ length: rank }, (_, axis) => {
    const sizes = shapes.map((shape) => shape[axis - rank + shape.length] ?? 1);
    const size = sizes.find((one) => one !== 1) ?? 1;
    if (sizes.some((one) => one !== 1 && one !== size)) call.fail(`The shapes ${shapes.map((shape) => `[${shape.join(", ")}]`).join(" and ")} cannot be broadcast together.`);
    return size;
  });
}

/** For each element of `to`, in order, the index of the element of `from` that is broadcast there. */
export function broadcastIndices(from: Shape, to: Shape): readonly number[] {
  const strides = stridesOf(from);
  return positions(to).map((position) =>
    position.reduce((index, at, axis) => {
      const own = axis - to.length + from.length;
      return own < 0 || from[own] === 1 ? index : index + at * strides[own];
    }, 0),
  );
}

export function stridesOf(shape: Shape): readonly number[] {
  return shape.map((_, axis) => sizeOf(shape.slice(axis + 1)));
}

/** All positions in a small tensor, row by row. */
export function positions(shape: Shape): readonly Shape[] {
  const strides = stridesOf(shape);
  return Array.from({ length: sizeOf(shape) }, (_, index) => shape.map((size, axis) => Math.floor(index / strides[axis]) % size));
}

export function isSmall(shape: Shape): boolean {
  return sizeOf(shape) <= mostElements;
}
