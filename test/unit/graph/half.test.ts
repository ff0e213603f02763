import assert from "node:assert/strict";
import fc from "fast-check";
import { InferenceSession, Tensor } from "onnxruntime-node";
import { encodeModel } from "../../../src/graph/encode";
import { fillTensor } from "../../../src/graph/fill";
import { halfBits, largestHalf } from "../../../src/graph/half";

const infinity = 0x7c00;

/** By the standard's definition: 5 bits of exponent, 10 of fraction. */
function valueOf(bits: number): number {
  const [exponent, fraction] = [(bits >> 10) & 31, bits & 1023];
  return (bits & 0x8000 ? -1 : 1) * (exponent === 0 ? fraction * 2 ** -24 : (1 + fraction / 1024) * 2 ** (exponent - 15));
}

/** The nearest in a table of all positive halves; what would be the next after the largest stands for infinity. */
const table = Array.from({ length: infinity + 1 }, (_, bits) => valueOf(bits));
function nearest(value: number): number {
  const size = Math.abs(value);
  let [low, high] = [0, infinity];
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (table[middle] <= size) low = middle;
    else high = middle;
  }
  const [below, above] = [size - table[low], table[high] - size];
  const found = size >= table[infinity] || above < below || (above === below && high % 2 === 0) ? high : low;
  return found | (value < 0 || Object.is(value, -0) ? 0x8000 : 0);
}

const sizes = fc.oneof(fc.double({ noNaN: true }), fc.float({ noNaN: true }), fc.double({ min: -70000, max: 70000, noNaN: true }), fc.double({ min: -1e-4, max: 1e-4, noNaN: true }));

describe("Half precision", () => {
  it("holds every half as it is", () => {
    for (let bits = 0; bits < infinity; bits += 1) {
      assert.equal(halfBits(table[bits]), bits);
      assert.equal(halfBits(-table[bits]), bits | 0x8000);
    }
    assert.equal(table[infinity - 1], largestHalf);
    assert.deepEqual([Infinity, -Infinity].map(halfBits), [infinity, infinity | 0x8000]);
    assert.ok((halfBits(NaN) & 0x7fff) > infinity);
  });

  it("rounds to the nearest, and half way between two to the even one", () => {
    fc.assert(fc.property(sizes, (value) => assert.equal(halfBits(value), nearest(value))), { numRuns: 2000, seed: 1 });
    fc.assert(fc.property(fc.integer({ min: 0, max: infinity - 1 }), (bits) => assert.equal(halfBits((table[bits] + table[bits + 1]) / 2), bits + (bits % 2))), { numRuns: 2000, seed: 2 });
  });

  it("rounds as onnxruntime does", async () => {
    const values = Float32Array.from(fc.sample(fc.float({ min: -70000, max: 70000, noNaN: true }), { numRuns: 500, seed: 3 }));
    const cast = encodeModel({
      name: "cast", parameters: [], constants: [], inputs: [{ name: "x", type: "float32", shape: [500] }],
      nodes: [{ op: "Cast", inputs: ["x"], outputs: ["y"], attributes: { to: 10 } }], outputs: [{ name: "y", type: "float16", shape: [500] }],
    });
    const session = await InferenceSession.create(cast, { logSeverityLevel: 3 });
    const { y } = await session.run({ x: new Tensor("float32", values, [500]) });
    await session.release();
    const { buffer, byteOffset, length } = y.data as Uint16Array;
    assert.deepEqual([...new Uint16Array(buffer, byteOffset, length)], [...values].map(halfBits));
  });

  it("fills with the values of float32, rounded", () => {
    const value = { name: "x", shape: [3, 2000] } as const;
    const bits = fillTensor({ ...value, type: "float16" }, 5, 0.1) as Uint16Array;
    const floats = fillTensor({ ...value, type: "float32" }, 5, 0.1) as Float32Array;
    assert.ok(bits.every((one, index) => Math.abs(valueOf(one) - floats[index]) <= Math.abs(floats[index]) * 2 ** -10 + 2 ** -24));
  });
});
