import assert from "node:assert/strict";
import fc from "fast-check";
import { encodeRepeated, repeatedOutput } from "../../../../src/graph/repeat";
import { UserError } from "../../../../src/model/errors";
import type { BoundModel, Model } from "../../../../src/model/model";
import { readOnnxModel, type OnnxOptions } from "../../../../src/parse/onnx/read";
import type { RoleChoice } from "../../../../src/model/choice";
import { createSession } from "../../../../src/profile/sessions";
import { MemoryFiles, modelBytes, type GraphSpec, type NodeSpec, type TensorSpec } from "./bytes";

const path = "/models/net.onnx";
const features = 4;

const read = (graph: GraphSpec, options: OnnxOptions & RoleChoice = {}, opset?: number): Promise<Model> => readOnnxModel(new MemoryFiles({ [path]: modelBytes(graph, opset) }), path, options);

function weight(name: string, ...dims: number[]): TensorSpec {
  return { name, dims, raw: new Uint8Array(dims.reduce((product, size) => product * size, 4)) };
}

/** A chain of products, each with a weight of its own. */
function chain(length: number, prefix = "blocks"): GraphSpec {
  return {
    nodes: Array.from({ length }, (_, i): NodeSpec => ({ op: "MatMul", inputs: [i === 0 ? "x" : `h${i - 1}`, `${prefix}.${i}.weight`], outputs: [i === length - 1 ? "y" : `h${i}`] })),
    initializers: Array.from({ length }, (_, i) => weight(`${prefix}.${i}.weight`, features, features)),
    inputs: [{ name: "x", dims: ["batch", features] }],
    outputs: ["y"],
  };
}

/** Text goes into a backbone; what stands between them belongs to neither by name. */
const pipeline: GraphSpec = {
  nodes: [
    { op: "MatMul", inputs: ["text", "text_encoder.fc.weight"], outputs: ["t"] },
    { op: "Relu", inputs: ["t"], outputs: ["t2"] },
    { op: "MatMul", inputs: ["noise", "unet.in.weight"], outputs: ["a"] },
    { op: "Add", inputs: ["a", "t2"], outputs: ["b"] },
    { op: "MatMul", inputs: ["b", "unet.out.weight"], outputs: ["y"] },
  ],
  initializers: ["text_encoder.fc", "unet.in", "unet.out"].map((name) => weight(`${name}.weight`, features, features)),
  inputs: [{ name: "text", dims: ["batch", features] }, { name: "noise", dims: ["batch", features] }],
  outputs: ["y"],
};

function layersOf(bound: BoundModel) {
  return bound.components.flatMap((component) => component.layers.map((layer) => ({ component: component.name, ...layer, made: layer.graph(1) })));
}

describe("a model of an ONNX file", () => {
  it("has the file's name, its parameters, and one chain", async () => {
    const model = await read(chain(5), { minShare: 0.2 });
    assert.deepEqual(model.components.map(({ name, role, parameters }) => [name, role, parameters]), [["net", "trained", 5 * features ** 2]]);
    assert.deepEqual(model.components[0].layers.map(({ name, kind, modules, needsInputGrad, needsWeightGrad }) => [name, kind, modules[0], needsInputGrad, needsWeightGrad]),
      [0, 1, 2, 3, 4].map((i) => [`blocks.${i}`, "MatMul", `blocks.${i}`, i > 0, true]));
    assert.deepEqual(model.chains, [{ id: "net", segments: [{ component: "net", from: 0, to: 5 }] }]);
  });

  it("tells components and roles by names", async () => {
    const usual = await read(pipeline);
    assert.deepEqual(usual.components.map(({ name, role, after }) => [name, role, after]), [["text_encoder", "frozen", []], ["unet", "trained", ["text_encoder"]]]);
    assert.deepEqual(usual.chains[0].segments.map(({ component }) => component), ["unet"]);
    const chosen = await read(pipeline, { train: ["text_encoder"], freeze: ["unet"] });
    assert.deepEqual(chosen.components.map(({ role }) => role), ["trained", "frozen"]);
    assert.deepEqual(chosen.components[1].layers.map(({ needsInputGrad, needsWeightGrad }) => [needsInputGrad, needsWeightGrad]).at(-1), [true, false]);
    assert.deepEqual(chosen.chains[0].segments.map(({ component }) => component), ["text_encoder", "unet"]);
  });

  it("takes other names for components, and refuses what is not there", async () => {
    const graph = { ...pipeline, initializers: pipeline.initializers!.map((one) => ({ ...one, name: one.name.replace("unet", "head") })), nodes: pipeline.nodes.map((node) => ({ ...node, inputs: node.inputs.map((name) => name.replace("unet", "head")) })) };
    assert.deepEqual((await read(graph)).components.map(({ name }) => name), ["net"]);
    assert.deepEqual((await read(graph, { components: ["text_encoder", "head"], train: ["head"] })).components.map(({ name }) => name), ["text_encoder", "head"]);
    await assert.rejects(read(graph, { components: ["nobody"] }), (error) => error instanceof UserError && /nobody/.test(error.message));
    await assert.rejects(read(graph, { freeze: ["nobody"] }), (error) => error instanceof UserError && /Components: net/.test(error.message));
    await assert.rejects(read(graph, { train: ["net"], freeze: ["net"] }), UserError);
    await assert.rejects(read(graph, { minShare: 0 }), UserError);
    await assert.rejects(read(graph, { maxLayers: 0.5 }), UserError);
  });

  it("keeps parts together that run in turns", async () => {
    const nodes = [
      { op: "MatMul", inputs: ["noise", "unet.in.weight"], outputs: ["a"] },
      { op: "MatMul", inputs: ["a", "text_encoder.fc.weight"], outputs: ["b"] },
      { op: "MatMul", inputs: ["b", "unet.out.weight"], outputs: ["y"] },
    ];
    assert.deepEqual((await read({ ...pipeline, nodes })).components.map(({ name }) => name), ["net"]);
    await assert.rejects(read({ ...pipeline, nodes }, { components: ["unet", "text_encoder"] }), (error) => error instanceof UserError && /in turns/.test(error.message));
  });

  it("counts a shared parameter once, and no settings, buffers or constants", async () => {
    const graph: GraphSpec = {
      nodes: [
        { op: "MatMul", inputs: ["x", "w"], outputs: ["a"] },
        { op: "MatMul", inputs: ["a", "w"], outputs: ["b"] },
        { op: "BatchNormalization", inputs: ["b", "norm.weight", "norm.bias", "norm.running_mean", "norm.running_var"], outputs: ["c"] },
        { op: "Pow", inputs: ["c", "two"], outputs: ["y"] },
      ],
      initializers: [weight("w", features, features), ...["weight", "bias", "running_mean", "running_var"].map((name) => weight(`norm.${name}`, features)), weight("two", 1), { name: "ids", type: 7, dims: [2], ints: [0, 1] }],
      inputs: [{ name: "x", dims: ["batch", features] }],
      outputs: ["y"],
    };
    const model = await read(graph, { minShare: 0.1 });
    assert.equal(model.components[0].parameters, features ** 2 + 2 * features);
  });

  it("gives equal layers one signature", async () => {
    const bound = (await read(chain(4), { minShare: 0.25 })).bind({ height: 1, width: 1, sequenceLength: 1 });
    const signatures = new Set(bound.components[0].layers.map(({ signature }) => signature));
    assert.equal(bound.components[0].layers.length, 4);
    assert.equal(signatures.size, 1);
    const other = await read({ ...chain(4), initializers: chain(4).initializers }, { minShare: 0.25 }, 13);
    assert.ok(!signatures.has(other.bind(other.defaultBindings).components[0].layers[0].signature), "another operator set is another layer");
  });

  it("binds names to sizes, and refuses other names and sizes that the file fixes", async () => {
    const graph: GraphSpec = { nodes: [{ op: "Relu", inputs: ["x"], outputs: ["y"] }], inputs: [{ name: "x", dims: ["batch", 4, "height", "width", "depth"] }], outputs: ["y"] };
    const model = await read(graph);
    assert.deepEqual(model.defaultBindings, { height: 64, width: 64, sequenceLength: 1, symbols: { depth: 64 } });
    const bound = model.bind({ height: 2, width: 3, sequenceLength: 1, symbols: { depth: 5 } });
    assert.deepEqual(bound.components[0].layers[0].graph(7).outputs[0].shape, [7, 4, 2, 3, 5]);
    assert.equal(bound.tensors.find(({ id }) => id === "data/x")?.bytesPerSample, 4 * 2 * 3 * 5 * 4);
    for (const [bindings, part] of [
      [{ height: 0, width: 3, sequenceLength: 1 }, /height/],
      [{ height: 2, width: 1.5, sequenceLength: 1 }, /width/],
      [{ height: 2, width: 3, sequenceLength: 77 }, /sequenceLength/],
      [{ height: 2, width: 3, sequenceLength: 1, symbols: { other: 3 } }, /other/],
    ] as const) assert.throws(() => model.bind(bindings), (error) => error instanceof UserError && part.test(error.message));
  });

  it("splits bytes into those of each sample and those of all", async () => {
    const graph: GraphSpec = {
      nodes: [{ op: "MatMul", inputs: ["table", "w"], outputs: ["t"] }, { op: "MatMul", inputs: ["x", "t"], outputs: ["a"] }, { op: "MatMul", inputs: ["a", "t"], outputs: ["y"] }],
      initializers: [weight("w", features, features)],
      inputs: [{ name: "x", dims: ["batch", features] }, { name: "table", dims: [features, features] }],
      outputs: ["y"],
    };
    const model = await read(graph, { minShare: 0.1 });
    const bound = model.bind(model.defaultBindings);
    assert.equal(bound.components[0].layers.length, 2);
    assert.deepEqual(bound.tensors.map(({ id, bytesPerSample, bytesFixed }) => [id, bytesPerSample, bytesFixed]), [
      ["data/x", 16, undefined], ["data/table", 0, 64], ["net/w", 0, 64], ["net/layer_1", 16, undefined],
    ]);
  });

  it("scales a fixed batch where that is right, and says where it is not", async () => {
    const fixed = await read({ ...chain(3), inputs: [{ name: "x", dims: [2, features] }] }, { minShare: 0.3 });
    assert.deepEqual(fixed.bind(fixed.defaultBindings).components[0].layers[0].graph(5).outputs[0].shape, [5, features]);
    const folded = await read({
      nodes: [{ op: "Reshape", inputs: ["x", "shape"], outputs: ["y"] }],
      initializers: [{ name: "shape", type: 7, dims: [2], ints: [1, -1] }],
      inputs: [{ name: "x", dims: [2, features] }],
      outputs: ["y"],
    });
    const layer = folded.bind(folded.defaultBindings).components[0].layers[0];
    assert.deepEqual(layer.graph(2).outputs[0].shape, [1, 8]);
    assert.throws(() => layer.graph(4), (error) => error instanceof UserError && /fixes the batch size at 2/.test(error.message));
  });

  it("follows shapes through the graphs that exporters write", async () => {
    // x -> [batch, heads, length, size], the sizes taken from x itself at run time.
    const int = (name: string, ...ints: number[]): TensorSpec => ({ name, type: 7, dims: [ints.length], ints });
    const scalar = (name: string, value: number): TensorSpec => ({ name, type: 7, dims: [], ints: [value] });
    const model = await read({
      nodes: [
        { op: "Shape", inputs: ["x"], outputs: ["s"] },
        { op: "Gather", inputs: ["s", "zero"], outputs: ["n"] },
        { op: "Gather", inputs: ["s", "one"], outputs: ["l"] },
        { op: "Unsqueeze", inputs: ["n", "axis"], outputs: ["n1"] },
        { op: "Unsqueeze", inputs: ["l", "axis"], outputs: ["l1"] },
        { op: "Slice", inputs: ["s", "two1", "end", "axis"], outputs: ["c1"] },
        { op: "Div", inputs: ["c1", "heads"], outputs: ["d1"] },
        { op: "Concat", inputs: ["n1", "l1", "heads", "d1"], outputs: ["to"], attributes: { axis: 0 } },
        { op: "Reshape", inputs: ["x", "to"], outputs: ["split"] },
        { op: "Transpose", inputs: ["split"], outputs: ["y"], attributes: { perm: [0, 2, 1, 3] } },
      ],
      initializers: [scalar("zero", 0), scalar("one", 1), int("axis", 0), int("two1", 2), int("end", 9_223_372_036_854), int("heads", 3)],
      inputs: [{ name: "x", dims: ["batch", "sequence", 12] }],
      outputs: ["y"],
    }, { maxLayers: 1 });
    const graph = model.bind({ ...model.defaultBindings, sequenceLength: 7 }).components[0].layers[0].graph(2);
    assert.deepEqual(graph.outputs[0].shape, [2, 3, 7, 4]);
    assert.deepEqual(graph.nodes.map(({ op }) => op), ["Reshape", "Transpose"], "what computes shapes is written as a constant");
    assert.deepEqual(graph.constants.map(({ data }) => data), [[2, 7, 3, 4]]);
  });

  it("makes graphs that onnxruntime times, token ids within their table", async () => {
    for (const opset of [11, 17]) {
      const model = await read({
        nodes: [{ op: "Gather", inputs: ["table.weight", "ids"], outputs: ["h"] }, { op: "MatMul", inputs: ["h", "head.weight"], outputs: ["y"] }],
        initializers: [weight("table.weight", 9, features), weight("head.weight", features, features)],
        inputs: [{ name: "ids", type: 7, dims: ["batch", "sequence"] }],
        outputs: ["y"],
      }, { maxLayers: 1 }, opset);
      const graph = model.bind(model.defaultBindings).components[0].layers[0].graph(2);
      assert.equal(graph.inputs[0].below, 9);
      assert.equal(graph.opset, opset);
      const session = await createSession(encodeRepeated(JSON.parse(JSON.stringify(graph)) as typeof graph, 2), { provider: "cpu", threads: 1 });
      const [value] = (await session.run({}))[repeatedOutput].data as Float32Array;
      assert.ok(Number.isFinite(value));
      await session.release();
    }
  });
});

/** Any acyclic graph of products, sums and activations. */
const anyGraph = fc.array(fc.tuple(fc.constantFrom("MatMul", "Add", "Relu", "Tanh", "Transpose"), fc.nat(), fc.nat()), { minLength: 1, maxLength: 30 }).map((picks): GraphSpec => {
  const nodes = picks.map(([op, a, b], i): NodeSpec => {
    const from = (pick: number) => (pick % (i + 1) === i ? "x" : `v${pick % (i + 1)}`);
    return { op, inputs: op === "MatMul" ? [from(a), `m${i}.weight`] : op === "Add" ? [from(a), from(b)] : op === "Transpose" ? [from(a)] : [from(a)], outputs: [`v${i}`], ...(op === "Transpose" && { attributes: { perm: [0, 2, 1] } }) };
  });
  return {
    nodes,
    initializers: nodes.flatMap((node) => (node.op === "MatMul" ? [weight(node.inputs[1], features, features)] : [])),
    inputs: [{ name: "x", dims: ["batch", features, features] }],
    outputs: [`v${nodes.length - 1}`],
  };
});

describe("any graph cut into layers", () => {
  it("has every node once, every layer a node, and every tensor across a cut counted", async () => {
    await fc.assert(fc.asyncProperty(anyGraph, fc.constantFrom(0.01, 0.1, 0.3), async (spec, minShare) => {
      const model = await read(spec, { minShare });
      const bound = model.bind(model.defaultBindings);
      const layers = layersOf(bound);

      // Every value of the file is made by exactly one layer, after the layers that make what it needs.
      const made = layers.flatMap(({ made: { nodes } }) => nodes.flatMap(({ outputs }) => outputs));
      assert.deepEqual([...made].sort(), spec.nodes.flatMap(({ outputs }) => outputs).sort());
      const known = new Set(["x"]);
      for (const { made: { nodes, parameters } } of layers) {
        assert.ok(nodes.length > 0);
        for (const { inputs, outputs } of nodes) {
          for (const input of inputs) assert.ok(known.has(input) || parameters.some(({ name }) => name === input), `${input} is not there yet`);
          for (const output of outputs) known.add(output);
        }
      }

      // Tensors recounted from the file: a value crosses where its maker and a user are in different layers.
      const layerOf = (value: string) => layers.findIndex(({ made: { nodes } }) => nodes.some(({ outputs }) => outputs.includes(value)));
      const recount = spec.nodes.flatMap(({ outputs: [value] }) => {
        const users = new Set(spec.nodes.filter(({ inputs }) => inputs.includes(value)).map(({ outputs }) => layerOf(outputs[0])));
        if (spec.outputs!.includes(value)) users.add(layers.length - 1);
        users.delete(layerOf(value));
        return users.size > 0 || spec.outputs!.includes(value) ? [{ from: layerOf(value), users: [...users].sort((a, b) => a - b), bytes: 4 * features ** 2 }] : [];
      });
      const said = bound.tensors.filter(({ producer }) => producer.component !== "data").map(({ producer, consumers, bytesPerSample }) => ({
        from: layers.findIndex(({ name }) => name === producer.layer), users: consumers.map(({ layer }) => layers.findIndex(({ name }) => name === layer)), bytes: bytesPerSample,
      }));
      const order = (list: typeof said) => list.map((one) => JSON.stringify(one)).sort();
      const hasChain = bound.chains.length > 0 && bound.chains[0].segments[0].from === 0;
      if (hasChain) assert.deepEqual(order(said), order(recount));

      // And so is what crosses each cut.
      if (hasChain) for (const [cut, layer] of layers.entries()) assert.equal(layer.cutBytesPerSample.forward, recount.reduce((sum, { from, users, bytes }) => sum + (from <= cut && Math.max(...users, -1) > cut ? bytes : 0), 0));

      // Flags: a layer with a weight learns; an input needs a gradient where a weight stands before it.
      const learned = new Set<string>();
      for (const { outputs, inputs, op } of spec.nodes) if (op === "MatMul" || inputs.some((name) => learned.has(name))) learned.add(outputs[0]);
      for (const { needsWeightGrad, needsInputGrad, made: { inputs, parameters } } of layers) {
        assert.equal(needsWeightGrad, parameters.length > 0);
        assert.equal(needsInputGrad, inputs.some(({ name }) => learned.has(name)));
      }
    }), { numRuns: 60 });
  });
});
