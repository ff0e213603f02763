import assert from "node:assert/strict";
import { encodeRepeated, repeatedBytes, repeatedOutput } from "../../../src/graph/repeat";
import { inHalfPrecision } from "../../../src/graph/halfPrecision";
import { lowerLayer } from "../../../src/graph/layer";
import type { OnnxGraph } from "../../../src/model/onnx";
import type { Operator, Shape } from "../../../src/model/operator";
import { createSession } from "../../../src/profile/sessions";

const io = { input: "x", output: "y" } as const;
const cases: readonly [Operator, Shape][] = [
  [{ op: "linear", module: "l", ...io, inFeatures: 64, outFeatures: 32, bias: true }, [2, 16, 64]],
  [{ op: "convolution", module: "c", ...io, inChannels: 8, outChannels: 8, kernel: [3, 3], stride: [1, 1], paddingBefore: [1, 1], paddingAfter: [1, 1], bias: true }, [2, 8, 16, 16]],
  [{ op: "groupNorm", module: "n", ...io, groups: 2, channels: 4, epsilon: 1e-5 }, [1, 4, 8, 8]],
  [{ op: "layerNorm", module: "n", ...io, features: 16, epsilon: 1e-5, affine: "weight and bias" }, [1, 3, 16]],
  [{ op: "rmsNorm", module: "n", ...io, features: 16, epsilon: 1e-5, affine: "weight", offset: 1 }, [1, 3, 16]],
  [{ op: "gated", function: "geluTanh", ...io }, [2, 16]],
  [{ op: "attention", query: "x", key: "x", value: "x", heads: 2, causal: true, output: "y" }, [1, 8, 16]],
  [{ op: "upsampleNearest", ...io, factors: [2, 3] }, [1, 2, 4, 4]],
  [{ op: "averagePool", ...io, kernel: [2, 2] }, [1, 2, 4, 4]],
  [{ op: "timestepEmbedding", ...io, channels: 8, flipSinToCos: true, frequencyShift: 0 }, [4]],
];

/** onnxruntime checks the types of every node when it loads a graph; its CPU kernels compute float16 between casts. */
async function result(graph: OnnxGraph): Promise<number> {
  const session = await createSession(encodeRepeated(graph, 1), { provider: "cpu", threads: 1 });
  const results = await session.run({});
  await session.release();
  return Number(results[repeatedOutput].data[0]);
}

describe("A graph in float16", () => {
  for (const [operator, shape] of cases) {
    it(`computes the same for ${operator.op}, at its precision`, async () => {
      const graph = lowerLayer(operator.op, "", { inputs: ["x"], operators: [operator], outputs: ["y"] }, [{ name: "x", type: "float32", shape }]);
      const half = inHalfPrecision(graph);
      const scales = operator.op === "upsampleNearest" ? ["float32"] : [];
      const types = [...half.inputs, ...half.parameters, ...half.constants, ...half.outputs].map(({ type }) => type).filter((type) => type === "float32");
      assert.deepEqual(types, scales);
      assert.deepEqual(half.outputs.map((output) => output.shape), graph.outputs.map((output) => output.shape));
      const [wide, narrow] = [await result(graph), await result(half)];
      assert.notEqual(narrow, wide, "it really computes with fewer bits");
      assert.ok(Math.abs(narrow - wide) < 4e-3 * (1 + Math.abs(wide)), `${narrow} for ${wide}`);
      assert.equal(2 * repeatedBytes(half, 3), repeatedBytes(graph, 3));
    });
  }

  const constant = { name: "two", type: "float32", shape: [2], data: [2, 1] } as const;
  const resize = { name: "resize", inputs: [{ name: "x", type: "float32", shape: [2, 2] }], parameters: [], outputs: [{ name: "y", type: "float32", shape: [4, 2] }] } as const;
  const attributes = { mode: "nearest", coordinate_transformation_mode: "asymmetric", nearest_mode: "floor" };

  it("keeps factors of sizes in float32, also where they serve as a value too, or are computed", async () => {
    const shared: OnnxGraph = {
      ...resize,
      constants: [constant],
      nodes: [{ op: "Mul", inputs: ["x", "two"], outputs: ["m"] }, { op: "Resize", inputs: ["m", "", "two"], outputs: ["y"], attributes }],
    };
    assert.ok(Math.abs((await result(inHalfPrecision(shared))) - (await result(shared))) < 4e-3);
    const computed: OnnxGraph = {
      ...resize,
      constants: [constant],
      nodes: [{ op: "Abs", inputs: ["two"], outputs: ["s"] }, { op: "Resize", inputs: ["x", "", "s"], outputs: ["r"], attributes }, { op: "Resize", inputs: ["x", "", "s"], outputs: ["t"], attributes }, { op: "Add", inputs: ["r", "t"], outputs: ["y"] }],
    };
    assert.ok(Math.abs((await result(inHalfPrecision(computed))) - (await result(computed))) < 4e-3);
  });

  it("casts to float16 what was cast to, or made as, float32; integers stay", async () => {
    const graph: OnnxGraph = {
      name: "types",
      inputs: [{ name: "n", type: "int64", shape: [2], below: 9 }],
      parameters: [],
      constants: [],
      nodes: [
        { op: "Constant", inputs: [], outputs: ["c"], attributes: { value_floats: { floats: [0.1, 2] } } },
        { op: "Cast", inputs: ["n"], outputs: ["i"], attributes: { to: 6 } },
        { op: "Cast", inputs: ["i"], outputs: ["f"], attributes: { to: 1 } },
        { op: "Add", inputs: ["f", "c"], outputs: ["y"] },
      ],
      outputs: [{ name: "y", type: "float32", shape: [2] }],
    };
    const half = inHalfPrecision(graph);
    assert.deepEqual(half.nodes.filter(({ op }) => op === "Cast").map(({ attributes: cast }) => cast?.to), [10, 6, 10]);
    assert.equal(half.inputs[0].type, "int64");
    assert.ok(Math.abs((await result(half)) - (await result(graph))) < 4e-3 * 9);
  });

  it("makes numbers beyond its range its largest, as in a mask", () => {
    const graph: OnnxGraph = { ...resize, constants: [{ ...constant, data: [-3.4e38, 1] }], nodes: [{ op: "Add", inputs: ["x", "two"], outputs: ["y"] }] };
    assert.deepEqual(inHalfPrecision(graph).constants[0].data, [-65504, 1]);
  });
});
