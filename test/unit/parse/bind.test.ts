import assert from "node:assert/strict";
import fc from "fast-check";
import { inspectModel } from "../../../src/app/inspect";
import { UserError } from "../../../src/model/errors";
import type { BoundModel } from "../../../src/model/model";
import { nodeFiles } from "../../../src/platform/nodeFiles";
import { fixturePath } from "./folders";

const small = once(() => inspectModel(nodeFiles, fixturePath("small")));
const size = { height: 32, width: 32, sequenceLength: 12 };
const layersOf = (bound: BoundModel, name: string) => bound.components.find((component) => component.name === name)!.layers;
const layerOf = (bound: BoundModel, component: string, name: string) => layersOf(bound, component).find((layer) => layer.name === name)!;

/** Once, when first asked for. */
function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () => (made ??= make());
}

describe("Binding shapes", () => {
  it("refuses sizes that do not fit, by name", async () => {
    const model = await small();
    for (const [change, field] of [
      [{ height: 30 }, "height"],
      [{ width: 0 }, "width"],
      [{ width: 4.5 }, "width"],
      [{ height: Number.NaN }, "height"],
      [{ sequenceLength: 13 }, "sequenceLength"],
      [{ height: 2 ** 40, width: 2 ** 40 }, "height"],
    ] as const) {
      assert.throws(() => model.bind({ ...size, ...change }), (error: unknown) => error instanceof UserError && error.field === field, JSON.stringify(change));
    }
  });

  it("names every tensor after its producer and lists its consumers, skips among them", async () => {
    const { tensors } = (await small()).bind(size);
    const consumers = (id: string) => tensors.find((tensor) => tensor.id === id)!.consumers.map(({ component, layer }) => `${component}/${layer}`);
    assert.deepEqual(consumers("unet/conv_in"), ["unet/down_blocks.0.resnets.0", "unet/up_blocks.1.resnets.1"]);
    assert.deepEqual(consumers("unet/down_blocks.1.resnets.0"), ["unet/mid_block.resnets.0", "unet/up_blocks.0.resnets.0"]);
    assert.deepEqual(consumers("vae/quant_conv"), ["unet/conv_in", "unet/conv_out"]);
    assert.deepEqual(consumers("data/timesteps"), ["unet/time_embedding", "unet/conv_in", "unet/conv_out"]);
    assert.equal(consumers("unet/time_embedding").length, 8);
    assert.deepEqual(tensors.filter(({ transport }) => transport === "redistribute").map(({ id }) => id), ["text_encoder/final_layer_norm", "vae/quant_conv"]);
    assert.ok(tensors.filter(({ producer }) => producer.component === "data").every(({ transport }) => transport === "recompute"));
  });

  it("knows bytes: a latent, a moment, a text", async () => {
    const { tensors } = (await small()).bind(size);
    const bytes = Object.fromEntries(tensors.map(({ id, bytesPerSample }) => [id, bytesPerSample]));
    assert.equal(bytes["data/noise"], 4 * 16 * 16 * 4);
    assert.equal(bytes["vae/quant_conv"], 8 * 16 * 16 * 4);
    assert.equal(bytes["text_encoder/final_layer_norm"], 12 * 24 * 4);
    assert.equal(bytes["data/input_ids"], 12 * 8);
    assert.equal(bytes["unet/time_embedding"], 64 * 4);
    assert.equal(bytes["unet/down_blocks.1.resnets.0"], 32 * 8 * 8 * 4);
  });

  it("counts at every cut the tensors that have a consumer on the other side", async () => {
    const bound = (await small()).bind(size);
    for (const name of ["unet", "vae", "text_encoder"]) {
      const order = layersOf(bound, name).map((layer) => layer.name);
      for (const [cut, layer] of layersOf(bound, name).entries()) {
        const before = new Set(order.slice(0, cut + 1));
        const crossing = bound.tensors.filter((tensor) =>
          tensor.producer.component === name && before.has(tensor.producer.layer) && tensor.consumers.some((user) => user.component !== name || !before.has(user.layer)));
        assert.equal(layer.cutBytesPerSample.forward, crossing.reduce((sum, tensor) => sum + tensor.bytesPerSample, 0), layer.name);
        assert.equal(layer.cutBytesPerSample.backward, crossing.filter((tensor) => tensor.hasGradient).reduce((sum, tensor) => sum + tensor.bytesPerSample, 0), layer.name);
      }
    }
  });

  it("gives equal layers at equal shapes one signature, and others another", async () => {
    const model = await small();
    const bound = model.bind(size);
    assert.equal(layerOf(bound, "text_encoder", "layers.0").signature, layerOf(bound, "text_encoder", "layers.1").signature);
    assert.notEqual(layerOf(bound, "unet", "up_blocks.0.resnets.0").signature, layerOf(bound, "unet", "up_blocks.0.resnets.1").signature);
    const wider = model.bind({ ...size, width: 64 });
    assert.notEqual(layerOf(wider, "unet", "conv_in").signature, layerOf(bound, "unet", "conv_in").signature);
    assert.equal(layerOf(wider, "text_encoder", "layers.0").signature, layerOf(bound, "text_encoder", "layers.0").signature);
  });

  it("asks nothing of layers whose gradients nobody needs", async () => {
    const bound = (await small()).bind(size);
    for (const layer of [...layersOf(bound, "text_encoder"), ...layersOf(bound, "vae")]) {
      assert.deepEqual([layer.inputGradFlopsPerSample, layer.weightGradFlopsPerSample, layer.savedBytesPerSample], [0, 0, { untilInputGrad: 0, untilWeightGrad: 0 }]);
    }
    assert.equal(layerOf(bound, "unet", "conv_in").inputGradFlopsPerSample, 0);
    assert.ok(layerOf(bound, "unet", "conv_in").weightGradFlopsPerSample > 0);
    // Between the two products of the time embedding, W includes the gradient that flows from one to the other.
    const time = layerOf(bound, "unet", "time_embedding");
    assert.ok(time.weightGradFlopsPerSample > 2 * (16 * 64 + 64 * 64) + 2 * 64 * 64);
  });

  it("writes graphs that are closed and of the size asked for", async () => {
    const bound = (await small()).bind(size);
    for (const component of bound.components) {
      for (const layer of component.layers) {
        const graph = layer.graph(3);
        const known = new Set([...graph.inputs, ...graph.parameters, ...graph.constants].map(({ name }) => name).concat(""));
        assert.equal(known.size, graph.inputs.length + graph.parameters.length + graph.constants.length + 1, "names are distinct");
        for (const node of graph.nodes) {
          for (const input of node.inputs) assert.ok(known.has(input), `${layer.name}: ${input}`);
          for (const output of node.outputs) assert.ok(!known.has(output) && known.add(output), `${layer.name}: ${output}`);
        }
        assert.ok(graph.outputs.every(({ name, shape }) => known.has(name) && shape[0] === 3));
        assert.ok(graph.inputs.every(({ shape }) => shape[0] === 3));
        assert.equal(graph.parameters.reduce((sum, { shape }) => sum + shape.reduce((product, side) => product * side, 1), 0), layer.parameters);
      }
    }
  });

  it("costs grow with the image, and with nothing else where a layer sees no text", async () => {
    const model = await small();
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 12 }), fc.integer({ min: 1, max: 12 }), fc.integer({ min: 1, max: 12 }), async (rows, columns, sequenceLength) => {
        const bound = model.bind({ height: rows * 4, width: columns * 4, sequenceLength });
        const larger = model.bind({ height: (rows + 1) * 4, width: columns * 4, sequenceLength });
        for (const [index, layer] of layersOf(bound, "unet").entries()) {
          const other = layersOf(larger, "unet")[index];
          if (layer.name === "time_embedding") assert.equal(other.flopsPerSample, layer.flopsPerSample);
          else assert.ok(other.flopsPerSample > layer.flopsPerSample && other.trafficBytesPerSample > layer.trafficBytesPerSample, layer.name);
        }
        const convIn = layerOf(bound, "unet", "conv_in");
        assert.equal(convIn.flopsPerSample, (2 * 4 * 9 + 1) * 16 * (rows * 2) * (columns * 2));
      }),
      { numRuns: 30 },
    );
  });
});
