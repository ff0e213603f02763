import assert from "node:assert/strict";
import { encodeModel } from "../../../src/graph/encode";
import { fillTensor } from "../../../src/graph/fill";
import { lowerLayer } from "../../../src/graph/layer";
import { graphDigest } from "../../../src/graph/digest";
import type { OnnxGraph } from "../../../src/model/onnx";
import type { Attention } from "../../../src/model/operator";
import { createSession } from "../../../src/profile/sessions";

const plain: Attention = { op: "attention", query: "q", key: "k", value: "v", heads: 2, causal: false, output: "y" };

function lowered(operator: Attention, fusedAttention: boolean): OnnxGraph {
  const inputs = [["q", 9], ["k", 5], ["v", 5]].map(([name, tokens]) => ({ name: String(name), type: "float32" as const, shape: [3, operator.causal ? 9 : Number(tokens), 16] }));
  return lowerLayer("attention", "", { inputs: ["q", "k", "v"], operators: [operator], outputs: ["y"] }, inputs, { fusedAttention });
}

async function run(graph: OnnxGraph): Promise<readonly number[]> {
  const initializers = new Map(graph.inputs.map((value, index) => [value.name, fillTensor(value, index + 1)]));
  const session = await createSession(encodeModel(graph, { initializers, overridable: true }), { provider: "cpu", threads: 1 });
  try {
    return [...((await session.run({}))[graph.outputs[0].name]!.data as Float32Array)];
  } finally {
    await session.release();
  }
}

describe("attention as one operator", () => {
  for (const operator of [plain, { ...plain, scale: 0.7 }]) {
    it(`computes what its parts do${operator.scale === undefined ? "" : ", with a scale of its own"}`, async () => {
      const [fused, parts] = [lowered(operator, true), lowered(operator, false)];
      assert.deepEqual(fused.nodes.map(({ op, domain }) => [op, domain]), [["MultiHeadAttention", "com.microsoft"]]);
      assert.notEqual(graphDigest(fused), graphDigest(parts));
      const [ours, theirs] = [await run(fused), await run(parts)];
      assert.ok(ours.every((value, index) => Math.abs(value - theirs[index]!) < 1e-5));
      assert.ok(theirs.some((value) => Math.abs(value) > 0.1));
    });
  }

  it("is left in parts where it has a mask, a bias, a cap or fewer key heads", () => {
    for (const more of [{ causal: true }, { softcap: 2 }]) assert.ok(lowered({ ...plain, ...more }, true).nodes.length > 1);
  });
});
