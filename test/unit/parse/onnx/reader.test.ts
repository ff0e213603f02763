import assert from "node:assert/strict";
import { UserError } from "../../../../src/model/errors";
import { nodeGraph } from "../../../../src/parse/onnx/graph";
import { readOnnxModel } from "../../../../src/parse/onnx/read";
import { readOnnxFile } from "../../../../src/parse/onnx/reader";
import { field, graphBytes, join, MemoryFiles, modelBytes, nodeBytes, tensorBytes, type GraphSpec, type TensorSpec } from "./bytes";

const path = "/models/model.onnx";
const product: GraphSpec = {
  nodes: [{ op: "MatMul", inputs: ["x", "w"], outputs: ["y"], name: "product" }],
  initializers: [{ name: "w", dims: [2, 3], raw: new Uint8Array(24) }],
  inputs: [{ name: "x", dims: ["batch", 2] }],
  outputs: ["y"],
};

const read = (bytes: Uint8Array) => readOnnxModel(new MemoryFiles({ [path]: bytes }), path, { maxLayers: 1 });

async function refused(work: Promise<unknown>, ...parts: readonly RegExp[]): Promise<void> {
  await assert.rejects(work, (error) => {
    assert.ok(error instanceof UserError, String(error));
    for (const part of [/model\.onnx/, ...parts]) assert.match(error.message, part);
    return true;
  });
}

/** A length-delimited field whose content is a hole of zeros. */
function hole(number: number, length: number): { readonly head: Uint8Array; readonly length: number } {
  const whole = field(number, new Uint8Array(0));
  const bytes: number[] = [...whole.subarray(0, whole.length - 1)];
  let rest = BigInt(length);
  while (rest >= 128n) {
    bytes.push(Number(rest & 127n) | 128);
    rest >>= 7n;
  }
  return { head: Uint8Array.from([...bytes, Number(rest)]), length };
}

function varintLength(value: number): number {
  return hole(1, value).head.length - 1;
}

/** A product with a weight of `elements` floats inside the file: 4 GB of zeros that are never there. */
function sparseModel(rows: number, columns: number) {
  const data = hole(9, rows * columns * 4);
  const tensorHead = join([field(1, rows), field(1, columns), field(2, 1), field(8, "w"), data.head]);
  const tensorLength = tensorHead.length + data.length;
  const before = field(1, nodeBytes({ op: "MatMul", inputs: ["x", "w"], outputs: ["y"] }));
  const after = graphBytes({ nodes: [], inputs: [{ name: "x", dims: ["batch", rows] }], outputs: ["y"] });
  const graphLength = before.length + 1 + varintLength(tensorLength) + tensorLength + after.length;
  const start = join([field(1, 8), field(8, field(2, 17)), hole(7, graphLength).head, before, hole(5, tensorLength).head, tensorHead]);
  return { size: start.length + data.length + after.length, parts: [{ at: 0, bytes: start }, { at: start.length + data.length, bytes: after }] };
}

describe("reading ONNX files", () => {
  it("reads the structure of 4 GB of weights in less than a megabyte", async () => {
    const file = sparseModel(32_768, 32_768);
    const files = new MemoryFiles({ [path]: file });
    const model = await readOnnxModel(files, path);
    assert.ok(file.size > 4 * 2 ** 30);
    assert.equal(model.components[0].parameters, 32_768 ** 2);
    assert.ok(files.bytesRead < 2 ** 20, `${files.bytesRead} bytes were read`);
  });

  it("fingerprints what it reads: another structure is another model", async () => {
    const one = await read(modelBytes(product));
    assert.equal((await read(modelBytes(product))).sha256, one.sha256);
    assert.notEqual((await read(modelBytes({ ...product, nodes: [{ ...product.nodes[0], name: "other" }] }))).sha256, one.sha256);
  });

  it("keeps short constants and jumps over long ones", async () => {
    const file = await readOnnxFile(new MemoryFiles({ [path]: modelBytes({ ...product, initializers: [
      { name: "w", dims: [2, 3], raw: new Uint8Array(Float32Array.of(1, 2, 3, 4, 5, 6).buffer) },
      { name: "axes", type: 7, dims: [2], ints: [-1, 5] },
      { name: "long", dims: [20_000], raw: new Uint8Array(80_000) },
    ] }) }), path);
    assert.deepEqual(file.initializers.get("w")?.value, [1, 2, 3, 4, 5, 6]);
    assert.deepEqual(file.initializers.get("axes")?.value, [-1, 5]);
    assert.deepEqual(file.initializers.get("long"), { type: "float32", shape: [20_000] });
  });

  it("refuses a file that is cut off anywhere", async () => {
    const bytes = modelBytes(product);
    for (let length = 0; length < bytes.length; length += 1) await refused(read(bytes.subarray(0, length)));
  });

  it("says which value is missing, made twice, or needed by itself", async () => {
    await refused(read(modelBytes({ ...product, nodes: [{ op: "Relu", inputs: ["nothing"], outputs: ["y"], name: "lost" }] })), /lost/, /"nothing"/);
    await refused(read(modelBytes({ ...product, nodes: [...product.nodes, { op: "Relu", inputs: ["x"], outputs: ["y"], name: "again" }] })), /again/, /made twice/);
    await refused(read(modelBytes({ ...product, nodes: [{ op: "Relu", inputs: ["b"], outputs: ["a"], name: "first" }, { op: "Relu", inputs: ["a"], outputs: ["b"] }] })), /cycle/);
    await refused(read(modelBytes({ ...product, initializers: [product.initializers![0], product.initializers![0]] })), /Two initializers/);
  });

  it("puts nodes in order where the file does not", async () => {
    const graph = nodeGraph(await readOnnxFile(new MemoryFiles({ [path]: modelBytes({ ...product, nodes: [{ op: "Relu", inputs: ["y"], outputs: ["z"] }, ...product.nodes], outputs: ["z"] }) }), path));
    assert.deepEqual(graph.nodes.map(({ op }) => op), ["MatMul", "Relu"]);
  });

  it("names the operator and the node whose shapes cannot be told", async () => {
    await refused(read(modelBytes({ ...product, nodes: [{ op: "Strange", inputs: ["x"], outputs: ["y"], name: "odd", domain: "com.example" }] })), /odd/, /com\.example\.Strange/);
    await refused(read(modelBytes({ ...product, initializers: [{ name: "w", dims: [5, 3], raw: new Uint8Array(60) }] })), /product/, /MatMul/, /cannot be multiplied/);
  });

  it("takes the file's own note where it does not know an operator", async () => {
    const model = await read(modelBytes({ ...product, nodes: [{ op: "Strange", inputs: ["x"], outputs: ["s"], domain: "com.example" }, { op: "MatMul", inputs: ["s", "w"], outputs: ["y"] }], values: [{ name: "s", dims: ["batch", 2] }] }));
    const layer = model.bind(model.defaultBindings).components[0].layers[0];
    assert.equal(layer.flopsPerSample, 2 * 3 * 2 + 2);
    assert.throws(() => layer.graph(1), (error) => error instanceof UserError && /com\.example\.Strange/.test(error.message));
  });

  it("refuses what no sound file holds", async () => {
    const nested = (depth: number): Uint8Array => (depth === 0 ? graphBytes({ nodes: [] }) : graphBytes({ nodes: [{ op: "If", inputs: ["x"], outputs: ["y"], attributes: { then_branch: { graph: nested(depth - 1) } } }] }));
    await refused(read(modelBytes(nested(200))), /nested/);
    await refused(read(Uint8Array.from([0x3a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff])), /64 bits/);
    await refused(read(join([field(1, 8), Uint8Array.from([0x3a, ...field(1, -1n).subarray(1)])])), /beyond the end/);
    await refused(read(modelBytes(join([field(2, Uint8Array.from([0xff, 0xfe])), graphBytes(product)]))), /UTF-8/);
    await refused(read(modelBytes({ ...product, initializers: [{ name: "w", dims: [-2, 3] }] })), /w: /, /impossible shape/);
    await refused(read(modelBytes({ ...product, initializers: [{ name: "w", dims: [2 ** 40, 2 ** 40] }] })), /impossible shape/);
    await refused(read(modelBytes({ ...product, initializers: [{ name: "w", dims: [2, 3], type: 77 }] })), /unknown type/);
    await refused(read(new Uint8Array(0)), /no graph/);
    await refused(read(new TextEncoder().encode("PK\u0003\u0004 this is something else")));
  });

  it("refuses functions that call themselves", async () => {
    const call = nodeBytes({ op: "Loopy", inputs: ["a"], outputs: ["b"], domain: "local" });
    const loopy = join([field(1, "Loopy"), field(4, "a"), field(5, "b"), field(7, call), field(10, "local")]);
    await refused(read(modelBytes({ ...product, nodes: [{ op: "Loopy", inputs: ["x"], outputs: ["y"], domain: "local" }] }, 17, [loopy])), /without end/);
  });

  it("reads a file's own functions as their nodes", async () => {
    const body = [nodeBytes({ op: "Relu", inputs: ["a"], outputs: ["hidden"] }), nodeBytes({ op: "MatMul", inputs: ["hidden", "weight"], outputs: ["b"] })];
    const layer = join([field(1, "Dense"), field(4, "a"), field(4, "weight"), field(5, "b"), ...body.map((node) => field(7, node)), field(10, "local")]);
    const model = await read(modelBytes({ ...product, nodes: [{ op: "Dense", inputs: ["x", "w"], outputs: ["y"], domain: "local", name: "dense" }] }, 17, [layer]));
    assert.deepEqual(model.bind(model.defaultBindings).components[0].layers[0].graph(2).nodes.map(({ op }) => op), ["Relu", "MatMul"]);
  });
});

describe("external data", () => {
  const weight = (external: TensorSpec["external"]): Uint8Array => modelBytes({ ...product, initializers: [{ name: "w", dims: [2, 3], external }] });
  const beside = (location: string, extra: Readonly<Record<string, string>> = {}, links = {}) =>
    readOnnxModel(new MemoryFiles({ [path]: weight({ location, ...extra }), "/models/weights.bin": new Uint8Array(100), "/secret": new Uint8Array(100) }, links), path);

  it("are only looked at for their size", async () => {
    const model = await beside("weights.bin", { offset: "76", length: "24" });
    assert.equal(model.components[0].parameters, 6);
    assert.equal((await beside("gone.bin")).components[0].parameters, 6);
    await refused(beside("weights.bin", { offset: "80" }), /w: /, /100/);
    await refused(beside("weights.bin", { offset: "-1" }), /whole number/);
  });

  it("stay in the model's folder", async () => {
    for (const location of ["../secret", "/secret", "a/../../secret", ".", ""]) await refused(beside(location), /outside/);
    await refused(beside("weights.bin", {}, { "/models/weights.bin": "/secret" }), /outside/);
  });

  it("are read where they are short and decide shapes", async () => {
    const files = new MemoryFiles({
      [path]: modelBytes({ nodes: [{ op: "Reshape", inputs: ["x", "shape"], outputs: ["y"] }], initializers: [{ name: "shape", type: 7, dims: [2], external: { location: "weights.bin", offset: "4" } }], inputs: [{ name: "x", dims: ["batch", 6] }], outputs: ["y"] }),
      "/models/weights.bin": new Uint8Array([0, 0, 0, 0, ...new Uint8Array(BigInt64Array.of(-1n, 3n).buffer)]),
    });
    const model = await readOnnxModel(files, path);
    assert.deepEqual(model.bind(model.defaultBindings).components[0].layers[0].graph(4).outputs[0].shape, [8, 3]);
  });
});

describe("tensors in files", () => {
  it("may say nothing wrong about their length", async () => {
    const bytes = tensorBytes({ name: "w", dims: [2, 3], raw: new Uint8Array(20) });
    await refused(read(modelBytes(join([graphBytes({ ...product, initializers: [] }), field(5, bytes)]))), /5 elements/);
  });
});
