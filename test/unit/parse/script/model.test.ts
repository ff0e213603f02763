import assert from "node:assert/strict";
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { UserError } from "../../../../src/model/errors";
import type { Model } from "../../../../src/model/model";
import type { ModelChoice } from "../../../../src/model/choice";
import { readScriptModel } from "../../../../src/parse/script/model";
import { nodeFiles } from "../../../../src/platform/nodeFiles";
import { dataBytes, entriesOf, headBytes, smallFlux } from "../singleFile/files";
import { fixtureScript, pythonParser } from "./python";

const commit = "0123456789abcdef0123456789abcdef01234567";

/** A cache that holds the small fixture as acme/tiny-diffusion, its files as links to blobs. */
function makeCache(folder: string): string {
  const repository = join(folder, "hub", "models--acme--tiny-diffusion");
  const snapshot = join(repository, "snapshots", commit);
  mkdirSync(join(repository, "refs"), { recursive: true });
  mkdirSync(join(repository, "blobs"));
  writeFileSync(join(repository, "refs", "main"), commit);
  cpSync("test/fixtures/models/small", snapshot, { recursive: true });
  cpSync(join(snapshot, "unet", "config.json"), join(repository, "blobs", "unet"));
  rmSync(join(snapshot, "unet", "config.json"));
  symlinkSync("../../../blobs/unet", join(snapshot, "unet", "config.json"));
  return join(folder, "hub");
}

describe("The model of a training script", () => {
  let folder: string;
  let hubFolder: string;
  before(() => {
    folder = mkdtempSync(join(tmpdir(), "diffusionpipe-script-"));
    hubFolder = makeCache(folder);
    cpSync("test/fixtures/models/small", join(folder, "models", "small"), { recursive: true });
  });
  after(() => rmSync(folder, { recursive: true }));

  async function read(text: string, answers?: Readonly<Record<string, string>>, choice: ModelChoice = {}): Promise<Model> {
    const path = join(folder, "train.py");
    writeFileSync(path, text);
    return readScriptModel(nodeFiles, path, choice, { parser: await pythonParser(), hubFolder, answers });
  }
  const rolesOf = ({ components }: Model) => Object.fromEntries(components.map(({ name, role }) => [name, role]));
  const refused = (message: RegExp) => (error: unknown) => error instanceof UserError && message.test(error.message);

  it("comes out of the Hub's cache, with the script's roles and size", async () => {
    const model = await read(fixtureScript("settings_class.py"));
    assert.equal(model.class, "StableDiffusionPipeline");
    assert.deepEqual(rolesOf(model), { text_encoder: "trained", vae: "frozen", unet: "trained" });
    assert.deepEqual([model.defaultBindings.height, model.defaultBindings.width], [128, 128]);
    assert.equal(model.path, join(folder, "train.py"));
  });

  it("comes out of a folder beside the script, which goes before the cache", async () => {
    const model = await read(fixtureScript("text_to_image.py"), { pretrained_model_name_or_path: "models/small" });
    assert.deepEqual(rolesOf(model), { text_encoder: "frozen", vae: "frozen", unet: "trained" });
    const cached = await read(fixtureScript("text_to_image.py"), { pretrained_model_name_or_path: "acme/tiny-diffusion" });
    assert.deepEqual(cached.components.map(({ parameters }) => parameters), model.components.map(({ parameters }) => parameters));
    assert.notEqual(cached.sha256, model.sha256);
  });

  it("has the user's roles before the script's", async () => {
    const answers = { pretrained_model_name_or_path: "models/small" };
    const model = await read(fixtureScript("text_to_image.py"), answers, { train: ["text_encoder"], freeze: ["unet"] });
    assert.deepEqual(rolesOf(model), { text_encoder: "trained", vae: "frozen", unet: "frozen" });
  });

  it("has the script's adapters", async () => {
    const text = fixtureScript("text_to_image.py").replace("unet.train()", 'from peft import LoraConfig\n    unet.requires_grad_(False)\n    unet.add_adapter(LoraConfig(r=2, target_modules=["to_q", "to_v"]))');
    const model = await read(text, { pretrained_model_name_or_path: "models/small" });
    const plain = await read(fixtureScript("text_to_image.py"), { pretrained_model_name_or_path: "models/small" });
    const [unet, plainUnet] = [model, plain].map(({ components }) => components.find(({ name }) => name === "unet"));
    assert.equal(unet?.role, "trained");
    const trainable = unet.layers.reduce((sum, layer) => sum + (layer.needsWeightGrad ? (layer.trainableParameters ?? layer.parameters) : 0), 0);
    // Rank 2 on two projections of each attention: what was added is what trains.
    assert.equal(trainable, unet.parameters - (plainUnet?.parameters ?? 0));
    assert.ok(trainable > 0 && trainable < unet.parameters / 10);
  });

  it("is made of settings in the code", async () => {
    const text = 'import torch\nfrom diffusers import UNet2DConditionModel, AutoencoderKL\nunet = UNet2DConditionModel(sample_size=8, block_out_channels=(32, 64), down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"), up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"), cross_attention_dim=24, attention_head_dim=8)\nvae = AutoencoderKL.from_pretrained("acme/tiny-diffusion", subfolder="vae")\ntorch.optim.AdamW(unet.parameters())\n';
    const model = await read(text);
    assert.deepEqual(rolesOf(model), { vae: "frozen", unet: "trained" });
  });

  it("comes out of a single file", async () => {
    const header = entriesOf(smallFlux());
    const head = headBytes(JSON.stringify(header));
    const file = new Uint8Array(head.length + dataBytes(header));
    file.set(head);
    writeFileSync(join(folder, "flux.safetensors"), file);
    const text = 'import torch\nfrom diffusers import FluxTransformer2DModel\ntransformer = FluxTransformer2DModel.from_single_file("flux.safetensors")\ntorch.optim.AdamW(transformer.parameters())\n';
    const model = await read(text);
    const expected = Object.values(smallFlux()).reduce((sum, shape) => sum + shape.reduce((product, size) => product * size, 1), 0);
    assert.deepEqual(model.components.map(({ name, role, parameters }) => ({ name, role, parameters })), [{ name: "transformer", role: "trained", parameters: expected }]);
  });

  it("is asked for where the script leaves it open", async () => {
    await assert.rejects(read(fixtureScript("text_to_image.py")), refused(/train\.py: line 40: The script leaves open which model it loads: pretrained_model_name_or_path\. .*--answer pretrained_model_name_or_path=stabilityai\/stable-diffusion-2-1\.$/));
  });

  it("is not there where it is neither a folder nor in the cache", async () => {
    await assert.rejects(read(fixtureScript("text_to_image.py"), { pretrained_model_name_or_path: "acme/absent" }), refused(/acme\/absent is not in the local Hugging Face cache\. Run: huggingface-cli download acme\/absent --include "\*\.json"/));
    await assert.rejects(read(fixtureScript("text_to_image.py"), { pretrained_model_name_or_path: "./absent" }), refused(/no folder \.\/absent/));
    await assert.rejects(read(fixtureScript("text_to_image.py"), { pretrained_model_name_or_path: "acme/tiny-diffusion", revision: "fp16" }), refused(/Revision "fp16"/));
  });

  it("is not guessed where the script has none", async () => {
    await assert.rejects(read("print('hello')\n"), refused(/loads no model/));
    await assert.rejects(read(fixtureScript("own_module.py")), refused(/nets\.denoiser:Denoiser/));
    await assert.rejects(read('import torch\nfrom diffusers import UNet2DConditionModel\nu = UNet2DConditionModel.from_pretrained("acme/tiny-diffusion", subfolder="../../../..")\ntorch.optim.AdamW(u.parameters())\n'), refused(/subfolder must not leave/));
  });
});
