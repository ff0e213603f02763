import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { inspectModel } from "../../../src/app/inspect";
import { nodeFiles } from "../../../src/platform/nodeFiles";
import { configurationField, configurationFile } from "../../../src/views/modelConfiguration";

const sample = resolve("media/sample/model");
const configuration = (component: string) => JSON.parse(readFileSync(join(sample, component, "config.json"), "utf8")) as Readonly<Record<string, unknown>>;

describe("the jump to a configuration", () => {
  it("goes to a component's file, and never out of the model", async () => {
    assert.equal(await configurationFile(nodeFiles, sample, "unet"), join(sample, "unet/config.json"));
    assert.equal(await configurationFile(nodeFiles, sample, "nowhere"), join(sample, "model_index.json"));
    assert.equal(await configurationFile(nodeFiles, join(sample, "vae"), "../unet"), join(sample, "vae/config.json"));
    assert.equal(await configurationFile(nodeFiles, resolve("package.json"), "unet"), resolve("package.json"));
    assert.equal(await configurationFile(nodeFiles, resolve("media/icons/icon.png"), "unet"), undefined);
    assert.equal(await configurationFile(nodeFiles, resolve("media/icons"), "unet"), undefined);
  });

  it("goes to the class, or to what decides on the layer", () => {
    assert.equal(configurationField(configuration("unet"), "unet"), "_class_name");
    assert.equal(configurationField(configuration("text_encoder"), "text_encoder"), "architectures");
    assert.equal(configurationField(configuration("unet"), "unet", "down_blocks.1.attentions.0"), "down_block_types[1]");
    assert.equal(configurationField(configuration("unet"), "unet", "down_blocks.2.resnets.0"), "block_out_channels[2]");
    assert.equal(configurationField(configuration("unet"), "unet", "up_blocks.0.upsamplers.0"), "up_block_types[0]");
    assert.equal(configurationField(configuration("text_encoder"), "text_encoder", "layers.3"), "num_hidden_layers");
    assert.equal(configurationField({ _class_name: "X", down_block_types: ["A"] }, "unet", "down_blocks.7.resnets.0"), "_class_name", "a block that the list does not have");
    assert.equal(configurationField({ num_single_layers: 3, num_layers: 2 }, "transformer", "single_transformer_blocks.2"), "num_single_layers");
    assert.equal(configurationField({ unet: ["diffusers", "X"] }, "unet", "any"), "unet", "in the index, the component's own line");
    for (const configurationText of [undefined, null, 7, "x", []]) assert.equal(configurationField(configurationText, "unet", "conv_in"), undefined);
  });

  it("finds a field for every layer of the sample", async () => {
    for (const { name, layers } of (await inspectModel(nodeFiles, sample)).components) {
      for (const layer of layers) assert.notEqual(configurationField(configuration(name), name, layer.name), undefined, `${name}/${layer.name}`);
    }
  });
});
