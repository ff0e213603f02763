/** Values for a graph's inputs and parameters when it is timed: sane in scale, valid as indices, the same on every machine. */
import type { OnnxGraph, OnnxValue } from "../model/onnx";
import { elementCount, type TensorData } from "./encode";

/** A prime, so that no row of a tensor repeats the one before it. */
const period = 4093;

/** Operators that leave the values of their first input as they are. */
const passThrough = new Set(["Cast", "Reshape", "Unsqueeze", "Squeeze", "Flatten", "Transpose", "Identity", "Slice", "Expand"]);

/**
 * How large an integer input may be: one more than its largest valid value.
 * Where it picks rows (Gather), the smallest table decides; elsewhere 2, valid for flags, lengths and steps alike.
 */
export function indexBound(graph: OnnxGraph, input: string): number {
  const shapes = new Map([...graph.inputs, ...graph.parameters, ...graph.constants].map((value) => [value.name, value.shape]));
  const same = new Set([input]);
  let bound = Infinity;
  for (const node of graph.nodes) {
    const [first, second] = node.inputs;
    if (first !== undefined && same.has(first) && passThrough.has(node.op)) node.outputs.forEach((output) => same.add(output));
    if (node.op === "Gather" && first !== undefined && second !== undefined && same.has(second)) {
      const axis = node.attributes?.axis ?? 0;
      const size = shapes.get(first)?.at(Number(axis));
      if (size !== undefined) bound = Math.min(bound, size);
    }
  }
  return Number.isFinite(bound) ? bound : 2;
}

/** Numbers in [0, 1) from a linear congruential generator (Numerical Recipes' constants). */
function* uniform(seed: number): Generator<number, never> {
  let state = (Math.imul(seed, 2654435761) + 1013904223) >>> 0;
  for (;;) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    yield state / 2 ** 32;
  }
}

/** Fills by repeating one period: as quick as copying memory, which matters at tens of millions of weights. */
function repeated<T extends Exclude<TensorData, BigInt64Array>>(data: T, seed: number, value: (random: number) => number): T {
  const random = uniform(seed);
  const head = Math.min(period, data.length);
  for (let i = 0; i < head; i += 1) data[i] = value(random.next().value);
  for (let filled = head; filled < data.length; filled *= 2) data.copyWithin(filled, 0, Math.min(filled, data.length - filled));
  return data;
}

/** A weight of two or more dimensions gets variance 1/fan-in, so that activations neither vanish nor overflow; all else variance 1. */
export function weightScale(shape: readonly number[]): number {
  const [first, ...rest] = shape;
  return first !== undefined && rest.length > 0 ? 1 / Math.sqrt(elementCount(rest)) : 1;
}

/**
 * @param bound For integers: values are in [0, bound).
 * @param scale For floats: the standard deviation (of a uniform distribution around 0).
 * @throws RangeError where the machine cannot hold so many values.
 */
export function fillTensor(value: OnnxValue, seed: number, { bound = 2, scale = 1 } = {}): TensorData {
  const count = elementCount(value.shape);
  const whole = (random: number) => Math.floor(random * bound);
  switch (value.type) {
    case "float32": return repeated(new Float32Array(count), seed, (random) => (2 * random - 1) * scale * Math.sqrt(3));
    case "int32": return repeated(new Int32Array(count), seed, whole);
    case "bool": return new Uint8Array(count).fill(1);
    case "int64": {
      const random = uniform(seed);
      return new BigInt64Array(count).map(() => BigInt(whole(random.next().value)));
    }
    case "float16": throw new Error(`"${value.name}": layers are timed in float32; float16 inputs are not filled.`);
  }
}
