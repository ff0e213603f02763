/** Values for a graph's inputs and parameters when it is timed: sane in scale, valid as indices, the same on every machine. */
import type { OnnxValue } from "../model/onnx";
import { elements } from "../model/operator";
import type { TensorData } from "./encode";
import { halfBits } from "./half";

/** A prime, so that no row of a tensor repeats the one before it. */
const period = 4093;

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
  return first !== undefined && rest.length > 0 ? 1 / Math.sqrt(elements(rest)) : 1;
}

/**
 * Integers are in the range that the value declares, or else 0 and 1: valid for flags, lengths and steps alike.
 * @param scale For floats: the standard deviation (of a uniform distribution around 0).
 * @throws RangeError where the machine cannot hold so many values.
 */
export function fillTensor(value: OnnxValue, seed: number, scale = 1): TensorData {
  const count = elements(value.shape);
  const bound = value.below ?? 2;
  const whole = (random: number) => Math.floor(random * bound);
  const spread = (random: number) => (2 * random - 1) * scale * Math.sqrt(3);
  switch (value.type) {
    case "float32": return repeated(new Float32Array(count), seed, spread);
    case "float16": return repeated(new Uint16Array(count), seed, (random) => halfBits(spread(random)));
    case "int32": return repeated(new Int32Array(count), seed, whole);
    case "bool": return new Uint8Array(count).fill(1);
    case "int64": {
      const random = uniform(seed);
      return new BigInt64Array(count).map(() => BigInt(whole(random.next().value)));
    }
  }
}
