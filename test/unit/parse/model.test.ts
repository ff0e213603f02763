import assert from "node:assert/strict";
import { inspectDocument, inspectModel } from "../../../src/app/inspect";
import { UserError } from "../../../src/model/errors";
import type { Model } from "../../../src/model/model";
import { nodeFiles } from "../../../src/platform/nodeFiles";
import { fixturePath, inspectChanged } from "./folders";

const component = (model: Model, name: string) => model.components.find((one) => one.name === name)!;
const flags = (model: Model, name: string) => component(model, name).layers.map((layer) => `F${layer.needsInputGrad ? "I" : ""}${layer.needsWeightGrad ? "W" : ""}`);
const small = (roles = {}) => inspectModel(nodeFiles, fixturePath("small"), roles);

describe("A Stable Diffusion folder", () => {
  for (const [name, unet, text] of [
    ["stable-diffusion-1-5", 859_520_964, 123_060_480],
    ["stable-diffusion-2-1", 865_910_724, 340_387_840],
  ] as const) {
    it(`has the published parameter counts: ${name}`, async () => {
      const model = await inspectModel(nodeFiles, fixturePath(name));
      assert.deepEqual(model.components.map(({ name: id, parameters }) => [id, parameters]), [["text_encoder", text], ["vae", 34_163_664], ["unet", unet]]);
      assert.equal(component(model, "unet").layers.length, 47);
    });
  }

  it("binds to the sizes that its configuration suggests", async () => {
    assert.deepEqual((await inspectModel(nodeFiles, fixturePath("stable-diffusion-2-1"))).defaultBindings, { height: 768, width: 768, sequenceLength: 77 });
    assert.deepEqual((await inspectChanged("unet/config.json", { sample_size: [9, 16] })).defaultBindings, { height: 20, width: 32, sequenceLength: 12 });
    assert.deepEqual((await inspectChanged("unet/config.json", { sample_size: null })).defaultBindings, { height: 128, width: 128, sequenceLength: 12 });
  });

  it("takes the prediction type from the scheduler, epsilon where it names none", async () => {
    assert.equal((await inspectModel(nodeFiles, fixturePath("stable-diffusion-2-1"))).predictionType, "v_prediction");
    assert.equal((await inspectModel(nodeFiles, fixturePath("stable-diffusion-1-5"))).predictionType, "epsilon");
  });

  it("is the same every time", async () => {
    const [first, second] = [await small(), await small()];
    assert.deepEqual(inspectDocument(first), inspectDocument(second));
    const signatures = (model: Model) => model.bind(model.defaultBindings).components.flatMap(({ layers }) => layers.map(({ signature }) => signature));
    assert.deepEqual(signatures(first), signatures(second));
  });

  it("has a fingerprint over all of its configuration files", async () => {
    const original = (await small()).sha256;
    assert.match(original, /^[0-9a-f]{64}$/);
    for (const file of ["model_index.json", "text_encoder/config.json", "vae/config.json", "unet/config.json", "scheduler/scheduler_config.json"] as const) {
      assert.notEqual((await inspectChanged(file, { _note: 1 })).sha256, original, file);
    }
  });

  it("is found by its model_index.json too", async () => {
    assert.equal((await inspectModel(nodeFiles, `${fixturePath("small")}/model_index.json`)).sha256, (await small()).sha256);
  });
});

describe("Roles", () => {
  it("train the UNet and freeze the rest by default", async () => {
    const model = await small();
    assert.deepEqual(model.components.map(({ name, role }) => [name, role]), [["text_encoder", "frozen"], ["vae", "frozen"], ["unet", "trained"]]);
    assert.deepEqual(component(model, "unet").after, ["text_encoder", "vae"]);
    assert.deepEqual(flags(model, "unet").slice(0, 3), ["FW", "FW", "FIW"]);
    assert.ok(flags(model, "unet").slice(2).every((work) => work === "FIW"));
    assert.ok([...flags(model, "text_encoder"), ...flags(model, "vae")].every((work) => work === "F"));
    assert.deepEqual(model.chains, [{ id: "unet", segments: [{ component: "unet", from: 0, to: 17 }] }]);
  });

  it("let the text encoder train along, in the same chain before the UNet", async () => {
    const model = await small({ train: ["text_encoder"] });
    assert.deepEqual(flags(model, "text_encoder"), ["FW", "FIW", "FIW", "FIW"]);
    assert.deepEqual(model.chains[0].segments.map((segment) => segment.component), ["text_encoder", "unet"]);
    const tensor = model.bind(model.defaultBindings).tensors.find(({ id }) => id === "text_encoder/final_layer_norm")!;
    assert.deepEqual([tensor.transport, tensor.hasGradient], ["chain", true]);
  });

  it("make a frozen UNet pass gradients to a trained text encoder from its first cross-attention on", async () => {
    const model = await small({ train: ["text_encoder"], freeze: ["unet"] });
    const works = Object.fromEntries(component(model, "unet").layers.map((layer, index) => [layer.name, flags(model, "unet")[index]]));
    assert.equal(works["time_embedding"], "F");
    assert.equal(works["down_blocks.0.resnets.0"], "F");
    assert.equal(works["down_blocks.0.attentions.0"], "FI");
    assert.equal(works["conv_out"], "FI");
    const bound = model.bind(model.defaultBindings).components.find(({ name }) => name === "unet")!;
    assert.ok(bound.layers.every((layer) => layer.weightGradFlopsPerSample === 0));
  });

  it("refuse names that are not there, contradictions, the autoencoder, and nothing to train", async () => {
    for (const [roles, message] of [
      [{ train: ["unett"] }, /no component "unett".*text_encoder, vae, unet/],
      [{ train: ["unet"], freeze: ["unet"] }, /both trained and frozen/],
      [{ train: ["vae"] }, /"vae" cannot be trained/],
      [{ freeze: ["unet"] }, /Nothing is left to train/],
    ] as const) {
      await assert.rejects(small(roles), (error: unknown) => error instanceof UserError && message.test(error.message));
    }
  });
});
