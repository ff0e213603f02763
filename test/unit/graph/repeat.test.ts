import assert from "node:assert/strict";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fillTensor } from "../../../src/graph/fill";
import { encodeRepeated, repeatedBytes, repeatedOutput, repeatGraph } from "../../../src/graph/repeat";
import type { OnnxGraph } from "../../../src/model/onnx";
import { createSession } from "../../../src/profile/sessions";

/** Token embedding plus a product: an integer input, a float input, two outputs, one optional input left out. */
const graph: OnnxGraph = {
  name: "layer",
  inputs: [{ name: "ids", type: "int64", shape: [2, 5], below: 7 }, { name: "x", type: "float32", shape: [2, 5, 8] }],
  parameters: [{ name: "table", type: "float32", shape: [7, 8] }, { name: "w", type: "float32", shape: [8, 8] }],
  constants: [{ name: "largest", type: "float32", shape: [], data: [1] }],
  nodes: [
    { op: "Gather", inputs: ["table", "ids"], outputs: ["e"], attributes: { axis: 0 } },
    { op: "Add", inputs: ["e", "x"], outputs: ["h"] },
    { op: "MatMul", inputs: ["h", "w"], outputs: ["p"] },
    { op: "Softmax", inputs: ["p"], outputs: ["s"], attributes: { axis: -1 } },
    { op: "Clip", inputs: ["s", "", "largest"], outputs: ["y"] },
    { op: "Less", inputs: ["s", "largest"], outputs: ["below"] },
  ],
  outputs: [{ name: "y", type: "float32", shape: [2, 5, 8] }, { name: "below", type: "bool", shape: [2, 5, 8] }],
};

/** How often onnxruntime ran each operator in one run, by its own profiler, at full optimisation. */
async function executed(times: number, layer = graph): Promise<{ counts: Map<string, number>; result: number }> {
  const folder = await mkdtemp(join(tmpdir(), "diffusionpipe-repeat-"));
  try {
    const session = await createSession(encodeRepeated(layer, times), { provider: "cpu", threads: 1, profilePrefix: join(folder, "run") });
    const results = await session.run({});
    session.endProfiling();
    await session.release();
    const [file] = await readdir(folder);
    const events = JSON.parse(await readFile(join(folder, file!), "utf8")) as { cat: string; name: string; args?: { op_name?: string } }[];
    const counts = new Map<string, number>();
    for (const event of events) {
      const op = event.args?.op_name;
      if (event.cat === "Node" && op && event.name.endsWith("_kernel_time")) counts.set(op, (counts.get(op) ?? 0) + 1);
    }
    return { counts, result: Number((results[repeatedOutput]!.data as Float32Array)[0]) };
  } finally {
    await rm(folder, { recursive: true });
  }
}

describe("a layer repeated for timing", () => {
  it("runs as often as asked under full optimisation: nothing folded, nothing shared", async () => {
    for (const times of [1, 3, 6]) {
      const { counts, result } = await executed(times);
      for (const op of ["Add", "MatMul", "Softmax", "Clip", "Less"]) assert.equal(counts.get(op), times, `${op} at ${times}`);
      // The layer's own, and one that takes an element of each of its two outputs.
      assert.equal(counts.get("Gather"), 3 * times, `Gather at ${times}`);
      assert.ok(Number.isFinite(result));
    }
  });

  it("repeats work on weights alone too", async () => {
    const scaled: OnnxGraph = { ...graph, nodes: [{ op: "Exp", inputs: ["w"], outputs: ["v"] }, ...graph.nodes.map((node) => ({ ...node, inputs: node.inputs.map((name) => (name === "w" ? "v" : name)) }))] };
    for (const times of [1, 4]) assert.equal((await executed(times, scaled)).counts.get("Exp"), times);
  });

  it("gives each repetition other values", async () => {
    const once = await executed(1);
    const twice = await executed(2);
    assert.notEqual(twice.result, 2 * once.result);
  });

  it("keeps names apart and shares weights", () => {
    const repeated = repeatGraph(graph, 4);
    const outputs = repeated.nodes.flatMap((node) => node.outputs);
    assert.equal(new Set(outputs).size, outputs.length);
    assert.equal(repeated.inputs.length, 8);
    assert.deepEqual(repeated.parameters, graph.parameters);
    assert.equal(repeatedBytes(graph, 4), 4 * (7 * 8 + 8 * 8) + 4 * (8 * 10 + 4 * 80));
  });
});

describe("values for timing", () => {
  it("stay in the range that an integer input declares, and reach all of it", () => {
    const ids = fillTensor({ name: "ids", type: "int64", shape: [1000], below: 7 }, 3) as BigInt64Array;
    assert.deepEqual([...new Set(ids)].sort(), [0n, 1n, 2n, 3n, 4n, 5n, 6n]);
    const flags = fillTensor({ name: "flags", type: "int32", shape: [1000] }, 3) as Int32Array;
    assert.deepEqual([...new Set(flags)].sort(), [0, 1]);
  });

  it("have the scale asked for beyond one period, and differ by seed", () => {
    const shape = [3, 5000];
    const data = fillTensor({ name: "x", type: "float32", shape }, 1, 2) as Float32Array;
    const mean = data.reduce((sum, value) => sum + value, 0) / data.length;
    const deviation = Math.sqrt(data.reduce((sum, value) => sum + (value - mean) ** 2, 0) / data.length);
    assert.ok(Math.abs(mean) < 0.2 && Math.abs(deviation - 2) < 0.2, `mean ${mean}, deviation ${deviation}`);
    assert.ok(data.every((value) => value !== 0));
    assert.notDeepEqual(data, fillTensor({ name: "x", type: "float32", shape }, 2, 2));
    assert.throws(() => fillTensor({ name: "x", type: "float32", shape: [2 ** 40] }, 1), RangeError);
  });
});
