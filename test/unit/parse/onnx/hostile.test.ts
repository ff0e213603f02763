import assert from "node:assert/strict";
import fc from "fast-check";
import { UserError } from "../../../../src/model/errors";
import { readOnnxModel } from "../../../../src/parse/onnx/read";
import { field, graphBytes, join, MemoryFiles, modelBytes, nodeBytes, type GraphSpec } from "./bytes";

const path = "/models/model.onnx";
/** DIFFUSIONPIPE_FUZZ raises the number of cases. */
const cases = Number(process.env.DIFFUSIONPIPE_FUZZ ?? 10_000);

/** Small models with everything that is read: convolutions, shape computations, subgraphs, functions, external data, notes. */
const conv: GraphSpec = {
  nodes: [
    { op: "Conv", inputs: ["x", "unet.conv.weight", "unet.conv.bias"], outputs: ["a"], name: "/unet/Conv", attributes: { pads: [1, 1, 1, 1], kernel_shape: [3, 3] } },
    { op: "Resize", inputs: ["a", "", "scales"], outputs: ["b"], attributes: { mode: "nearest" } },
    { op: "InstanceNormalization", inputs: ["b", "vae.scale", "vae.bias"], outputs: ["c"], attributes: { epsilon: { float: 1e-5 } } },
    { op: "Clip", inputs: ["c"], outputs: ["y"] },
  ],
  initializers: [
    { name: "unet.conv.weight", dims: [4, 3, 3, 3], raw: new Uint8Array(432) }, { name: "unet.conv.bias", dims: [4], external: { location: "weights.bin", offset: "4", length: "16" } },
    { name: "scales", dims: [4], raw: new Uint8Array(Float32Array.of(1, 1, 2, 2).buffer) }, { name: "vae.scale", dims: [4], raw: new Uint8Array(16) }, { name: "vae.bias", dims: [4], raw: new Uint8Array(16) },
  ],
  inputs: [{ name: "x", dims: ["batch", 3, "height", "width"] }],
  outputs: [{ name: "y", dims: ["batch", 4, undefined, undefined] }],
  values: [{ name: "b", dims: ["batch", 4, 128, 128] }],
};
const shapes: GraphSpec = {
  nodes: [
    { op: "Shape", inputs: ["x"], outputs: ["s"] },
    { op: "Slice", inputs: ["s", "zero", "one"], outputs: ["n"] },
    { op: "ConstantOfShape", inputs: ["n"], outputs: ["ones"], attributes: { value: { tensor: join([field(1, 1), field(2, 7), field(7, 3)]) } } },
    { op: "Concat", inputs: ["n", "rest"], outputs: ["to"], attributes: { axis: 0 } },
    { op: "Reshape", inputs: ["x", "to"], outputs: ["r"] },
    { op: "Expand", inputs: ["r", "wide"], outputs: ["e"] },
    { op: "Tile", inputs: ["e", "three"], outputs: ["t"] },
    { op: "Einsum", inputs: ["t", "t"], outputs: ["y"], attributes: { equation: "abc,abd->acd" } },
    { op: "If", inputs: ["flag"], outputs: ["z"], attributes: { then_branch: { graph: graphBytes({ nodes: [{ op: "Relu", inputs: ["x"], outputs: ["q"] }] }) } } },
    { op: "Own", inputs: ["y"], outputs: ["w"], domain: "local" },
  ],
  initializers: [
    { name: "zero", type: 7, dims: [1], ints: [0] }, { name: "one", type: 7, dims: [1], ints: [1] }, { name: "rest", type: 7, dims: [2], ints: [2, -1] }, { name: "wide", type: 7, dims: [3], ints: [1, 2, 1] },
    { name: "three", type: 7, dims: [3], ints: [1, 1, 2] }, { name: "flag", type: 9, dims: [1], raw: Uint8Array.of(1) },
  ],
  inputs: [{ name: "x", dims: ["batch", 8] }],
  outputs: ["w", "z"],
  values: [{ name: "z", dims: ["batch"] }],
};
const own = join([field(1, "Own"), field(4, "a"), field(5, "b"), field(7, nodeBytes({ op: "Softmax", inputs: ["a"], outputs: ["b"] })), field(10, "local")]);
const seeds = [modelBytes(conv), modelBytes(shapes, 17, [own])];

type Edit = readonly [kind: "set" | "insert" | "cut" | "copy" | "number", at: number, value: number];
const edit: fc.Arbitrary<Edit> = fc.tuple(fc.constantFrom("set", "insert", "cut", "copy", "number"), fc.nat(), fc.nat(255));

function mutated(bytes: Uint8Array, edits: readonly Edit[]): Uint8Array {
  const list = [...bytes];
  for (const [kind, place, value] of edits) {
    const at = place % Math.max(1, list.length);
    if (kind === "set") list[at] = value;
    else if (kind === "insert") list.splice(at, 0, value);
    else if (kind === "cut") list.splice(at, value % 16);
    else if (kind === "copy") list.splice(at, 0, ...list.slice(at, at + (value % 64)));
    // A number of many bits, negative as a signed one where `value` is odd.
    else list.splice(at, 1, ...new Array<number>(value % 2 ? 9 : value % 9).fill(255), 1);
  }
  return Uint8Array.from(list);
}

async function survives(bytes: Uint8Array): Promise<"model" | "error"> {
  const files = new MemoryFiles({ [path]: bytes, "/models/weights.bin": new Uint8Array(64) });
  try {
    const model = await readOnnxModel(files, path);
    const bound = model.bind(model.defaultBindings);
    for (const { layers } of bound.components) {
      for (const layer of layers) {
        assert.ok(layer.flopsPerSample >= 0 && layer.parameters >= 0 && layer.trafficBytesPerSample >= 0);
        try {
          layer.graph(2);
        } catch (error) {
          if (!(error instanceof UserError)) throw error;
        }
      }
    }
    return "model";
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    assert.ok(error.message.length < 3000);
    return "error";
  }
}

describe("hostile ONNX files", () => {
  it("are models or errors a person can act on, after any edits of their bytes", async () => {
    assert.deepEqual(await Promise.all(seeds.map(survives)), ["model", "model"]);
    const seen = { model: 0, error: 0 };
    await fc.assert(fc.asyncProperty(fc.constantFrom(...seeds), fc.array(edit, { minLength: 1, maxLength: 4 }), async (seed, edits) => {
      seen[await survives(mutated(seed, edits))] += 1;
    }), { numRuns: cases });
    assert.ok(seen.model > cases / 100 && seen.error > cases / 100, JSON.stringify(seen));
  }).timeout(Math.max(60_000, cases * 5));

  it("are errors or models where they are any bytes at all", async () => {
    await fc.assert(fc.asyncProperty(fc.uint8Array({ maxLength: 200 }), async (bytes) => {
      await survives(bytes);
      await survives(join([field(8, field(2, 17)), field(7, bytes)]));
    }), { numRuns: 500 });
  });

  it("take operators with any attributes and inputs", async () => {
    const ops = ["Conv", "ConvTranspose", "MaxPool", "AveragePool", "Resize", "Reshape", "Slice", "Split", "Pad", "Tile", "Expand", "Gather", "GatherND", "Concat", "Transpose", "Squeeze", "Unsqueeze", "Range", "ConstantOfShape", "OneHot", "TopK",
      "Attention", "Einsum", "Gemm", "MatMul", "LSTM", "DFT", "STFT", "Col2Im", "AffineGrid", "DepthToSpace", "SpaceToDepth", "ReduceSum", "ArgMax", "Cast", "Where", "Clip", "CumSum", "Trilu", "NonZero", "Compress", "LayerNormalization", "BatchNormalization",
      "Constant", "EyeLike", "RandomNormal", "MelWeightMatrix", "HannWindow", "CenterCropPad", "RoiAlign", "MaxUnpool", "GridSample", "Upsample", "Mod", "BitShift", "Pow", "Flatten", "SoftmaxCrossEntropyLoss", "QLinearConv", "DynamicQuantizeLinear", "Multinomial", "Dropout"];
    const number = fc.oneof(fc.integer({ min: -3, max: 5 }), fc.constantFrom(0, 2 ** 31, 2 ** 53 - 1, -(2 ** 53 - 1), 4097));
    const attributeNames = ["axis", "axes", "perm", "kernel_shape", "strides", "pads", "dilations", "group", "to", "shape", "split", "num_outputs", "equation", "blocksize", "k", "keepdims", "dtype", "q_num_heads", "kv_num_heads", "auto_pad", "scales", "value_ints", "batch_dims", "sizes", "output_shape", "hidden_size", "onesided", "pooled_shape", "transA"];
    const value = fc.oneof(number, fc.array(number, { maxLength: 5 }), fc.constantFrom("SAME_UPPER", "VALID", "ab,bc->ac", "...a,...->", "->", "aa->a"));
    const inputs = ["x", "v", "", "image", "none", "long"];
    await fc.assert(fc.asyncProperty(
      fc.array(fc.record({ op: fc.constantFrom(...ops), inputs: fc.array(fc.constantFrom(...inputs), { maxLength: 6 }), attributes: fc.dictionary(fc.constantFrom(...attributeNames), value, { maxKeys: 3 }) }), { minLength: 1, maxLength: 3 }),
      fc.array(number, { maxLength: 5 }), fc.integer({ min: 1, max: 28 }),
      async (nodes, ints, opset) => {
        const spec: GraphSpec = {
          nodes: nodes.map((node, i) => ({ ...node, outputs: [`o${i}`, `p${i}`] })),
          initializers: [{ name: "v", type: 7, dims: [ints.length], ints }, { name: "none", type: 7, dims: [0], ints: [] }, { name: "long", dims: [5000], raw: new Uint8Array(20_000) }],
          inputs: [{ name: "x", dims: ["batch", "sequence"] }, { name: "image", dims: ["batch", 4, "height", "width"] }],
          outputs: ["o0"],
        };
        await survives(modelBytes(spec, opset));
        // And with one output, so that the operator itself is not refused for a second one.
        await survives(modelBytes({ ...spec, nodes: spec.nodes.map((node) => ({ ...node, outputs: node.outputs.slice(0, 1) })) }, opset));
      },
    ), { numRuns: cases, examples: [[[{ op: "Split", inputs: ["x"], attributes: { num_outputs: 2 ** 53 - 1 } }], [], 18]] });
  }).timeout(Math.max(60_000, cases * 5));
});
