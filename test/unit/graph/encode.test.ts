import assert from "node:assert/strict";
import { InferenceSession, Tensor } from "onnxruntime-node";
import { encodeModel } from "../../../src/graph/encode";
import type { OnnxGraph, OnnxNode } from "../../../src/model/onnx";

/** y = leakyRelu(x W^T + b) transposed, then reshaped to `shape`. */
const graph: OnnxGraph = {
  name: "tiny",
  inputs: [{ name: "x", type: "float32", shape: [2, 3] }],
  parameters: [{ name: "w", type: "float32", shape: [4, 3] }, { name: "b", type: "float32", shape: [4] }],
  constants: [{ name: "shape", type: "int64", shape: [2], data: [-1, 2] }],
  nodes: [
    { op: "Gemm", inputs: ["x", "w", "b"], outputs: ["h"], attributes: { transB: 1, alpha: { float: 1 } } },
    { op: "LeakyRelu", inputs: ["h"], outputs: ["r"], attributes: { alpha: { float: 0.5 } } },
    { op: "Transpose", inputs: ["r"], outputs: ["t"], attributes: { perm: [1, 0] } },
    { op: "Reshape", inputs: ["t", "shape"], outputs: ["y"] },
  ],
  outputs: [{ name: "y", type: "float32", shape: [4, 2] }],
};
const x = Float32Array.from([1, 2, 3, -1, 0, 1]);
const w = Float32Array.from([1, 0, 0, 0, 1, 0, 0, 0, 1, 1, 1, 1]);
const b = Float32Array.from([0, 0, 0, -10]);
const expected = [1, -0.5, 2, 0, 3, 1, -2, -5];

async function run(bytes: Uint8Array, feeds: Record<string, Tensor>): Promise<number[]> {
  const session = await InferenceSession.create(bytes, { logSeverityLevel: 3 });
  const { y } = await session.run(feeds);
  await session.release();
  return Array.from(y!.data as Float32Array);
}
const fed = {
  x: new Tensor("float32", x, [2, 3]),
  w: new Tensor("float32", w, [4, 3]),
  b: new Tensor("float32", b, [4]),
};

describe("encodeModel", () => {
  it("takes parameters as inputs where they have no data", async () => {
    assert.deepEqual(await run(encodeModel(graph), fed), expected);
  });

  it("takes parameters with data as constants", async () => {
    const bytes = encodeModel(graph, { initializers: new Map([["w", w], ["b", b]]) });
    assert.deepEqual(await run(bytes, { x: fed.x }), expected);
  });

  it("gives inputs a default value", async () => {
    const bytes = encodeModel(graph, { initializers: new Map([["x", x], ["w", w], ["b", b]]), overridable: true });
    assert.deepEqual(await run(bytes, {}), expected);
  });

  it("writes float lists, text and 64-bit integers", async () => {
    const large = 3_000_000_000;
    const nodes: OnnxNode[] = [
      { op: "Constant", inputs: [], outputs: ["four"], attributes: { value_ints: [2, 2] } },
      { op: "Constant", inputs: [], outputs: ["c"], attributes: { value_floats: { floats: [0.5, -2] } } },
      { op: "Cast", inputs: ["n"], outputs: ["nf"], attributes: { to: 1 } },
      { op: "Cast", inputs: ["five"], outputs: ["ff"], attributes: { to: 1 } },
      { op: "Concat", inputs: ["c", "nf", "ff"], outputs: ["i"], attributes: { axis: 0 } },
      { op: "Reshape", inputs: ["i", "four"], outputs: ["m"] },
      { op: "Einsum", inputs: ["m"], outputs: ["y"], attributes: { equation: "ab->ba" } },
    ];
    const bytes = encodeModel({
      name: "attributes",
      inputs: [],
      parameters: [],
      constants: [{ name: "n", type: "int64", shape: [1], data: [-large] }, { name: "five", type: "int32", shape: [1], data: [5] }],
      nodes,
      outputs: [{ name: "y", type: "float32", shape: [2, 2] }],
    });
    assert.deepEqual(await run(bytes, {}), [0.5, -large, -2, 5]);
  });

  it("refuses data of a wrong length or type", () => {
    assert.throws(() => encodeModel(graph, { initializers: new Map([["w", b]]) }), /"w" has shape \[4, 3\] but 4 values/);
    assert.throws(() => encodeModel(graph, { initializers: new Map([["b", Int32Array.of(1, 2, 3, 4)]]) }), /"b" is float32/);
  });
});
