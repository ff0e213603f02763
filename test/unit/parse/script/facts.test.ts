import assert from "node:assert/strict";
import { readScript } from "../../../../src/parse/script/read";
import type { ScriptFacts } from "../../../../src/parse/script/facts";
import { fixtureScript, pythonParser } from "./python";

async function read(text: string, answers?: Readonly<Record<string, string>>): Promise<ScriptFacts> {
  return readScript(text, await pythonParser(), { file: "train.py", answers });
}

/** What trains, with "+" behind a part that trains in part and "/R" behind adapters of rank R; what is frozen; what is neither. */
function roles({ components }: ScriptFacts): string {
  const shown = components.map(({ name, trained, frozen, lora }) => {
    if (trained) return `${name}:trained${trained.partly ? "+" : ""}${lora ? `/${lora.rank ?? "?"}` : ""}`;
    return `${name}:${frozen ? "frozen" : "idle"}`;
  });
  return shown.sort().join(" ");
}

const origins = ({ components }: ScriptFacts) => Object.fromEntries(components.map(({ name, origin }) => [name, origin]));
/** 1-based line of the first line with this text. */
const lineOf = (text: string, part: string) => text.split("\n").findIndex((line) => line.includes(part)) + 1;

describe("The four well-known scripts", () => {
  it("text to image: the UNet trains, the model comes from the command line", async () => {
    const text = fixtureScript("text_to_image.py");
    const facts = await read(text);
    assert.equal(roles(facts), "text_encoder:frozen unet:trained vae:frozen");
    assert.equal(facts.components.find(({ name }) => name === "vae")?.frozen?.line, lineOf(text, "vae.requires_grad_"));
    assert.deepEqual(facts.optimizers.map(({ class: name, components, learningRate, line }) => ({ name, components, learningRate, line })), [
      { name: "AdamW", components: ["unet"], learningRate: 1e-4, line: lineOf(text, "optimizer = optimizer_cls(") },
    ]);
    assert.deepEqual(facts.resolution, { value: { height: 512, width: 512 }, line: lineOf(text, "transforms.Resize") });
    assert.deepEqual(facts.batchSize, { value: 16, line: lineOf(text, "DataLoader(") });
    assert.equal(facts.gradientAccumulation?.value, 4);
    assert.equal(facts.precision, undefined);
    assert.deepEqual(facts.open, [
      { what: "pretrained_model_name_or_path", kind: "model", line: lineOf(text, '"--pretrained_model_name_or_path"'), needed: true, suggestion: "stabilityai/stable-diffusion-2-1" },
      { what: "mixed_precision", kind: "precision", line: lineOf(text, '"--mixed_precision"'), needed: false, suggestion: "no" },
    ]);
    assert.equal(facts.ema, undefined);
  });

  it("text to image: answers are followed", async () => {
    const facts = await read(fixtureScript("text_to_image.py"), { pretrained_model_name_or_path: "acme/one", mixed_precision: "bf16", use_ema: "true", use_8bit_adam: "1", resolution: "768", non_ema_revision: "fp32" });
    assert.deepEqual(facts.open, []);
    assert.deepEqual(origins(facts), {
      text_encoder: { kind: "pretrained", id: "acme/one", subfolder: "text_encoder", revision: undefined },
      vae: { kind: "pretrained", id: "acme/one", subfolder: "vae", revision: undefined },
      unet: { kind: "pretrained", id: "acme/one", subfolder: "unet", revision: "fp32" },
    });
    assert.equal(facts.precision?.value, "bf16");
    assert.equal(facts.resolution?.value.height, 768);
    assert.equal(facts.optimizers[0].class, "AdamW8bit");
    assert.ok(facts.ema);
    assert.equal(roles(facts), "text_encoder:frozen unet:trained vae:frozen");
  });

  it("ControlNet: made from the locked UNet", async () => {
    const facts = await read(fixtureScript("controlnet.py"));
    assert.equal(roles(facts), "controlnet:trained text_encoder:frozen unet:frozen vae:frozen");
    assert.deepEqual(origins(facts).controlnet, { kind: "controlNetOf", of: "unet", settings: { conditioning_channels: 3 } });
    assert.equal(facts.components.find(({ name }) => name === "text_encoder")?.class, undefined);
    assert.equal(facts.precision?.value, "fp16");
    assert.deepEqual([facts.resolution?.value.height, facts.batchSize?.value], [256, 4]);
    assert.deepEqual(facts.open, []);
    const given = await read(fixtureScript("controlnet.py"), { controlnet_model_name_or_path: "acme/net" });
    assert.deepEqual(origins(given).controlnet, { kind: "pretrained", id: "acme/net", subfolder: undefined, revision: undefined });
  });

  it("DreamBooth with adapters on SDXL", async () => {
    const text = fixtureScript("dreambooth_lora_sdxl.py");
    const facts = await read(text);
    assert.equal(roles(facts), "text_encoder:frozen text_encoder_2:frozen unet:trained/4 vae:frozen");
    assert.deepEqual(facts.components.find(({ name }) => name === "unet")?.lora, { rank: 4, alpha: 4, targetModules: ["to_k", "to_q", "to_v", "to_out.0"], line: lineOf(text, "LoraConfig(**base)") });
    assert.deepEqual([facts.resolution?.value.height, facts.batchSize?.value, facts.precision?.value], [1024, 4, "bf16"]);
    const more = await read(text, { train_text_encoder: "true", rank: "16", lora_alpha: "8", optimizer: "prodigy" });
    assert.equal(roles(more), "text_encoder:trained/16 text_encoder_2:trained/16 unet:trained/16 vae:frozen");
    assert.equal(more.components.find(({ name }) => name === "text_encoder")?.lora?.alpha, 8);
    assert.deepEqual(more.optimizers.map(({ class: name }) => name), ["Prodigy"]);
  });

  it("unconditional: settings in the code", async () => {
    const facts = await read(fixtureScript("unconditional.py"));
    assert.equal(roles(facts), "unet:trained");
    const { origin } = facts.components[0];
    assert.ok(origin.kind === "settings");
    assert.deepEqual(origin.settings, {
      sample_size: 64, in_channels: 3, out_channels: 3, layers_per_block: 2, block_out_channels: [128, 128, 256, 256, 512, 512],
      down_block_types: ["DownBlock2D", "DownBlock2D", "DownBlock2D", "DownBlock2D", "AttnDownBlock2D", "DownBlock2D"],
      up_block_types: ["UpBlock2D", "AttnUpBlock2D", "UpBlock2D", "UpBlock2D", "UpBlock2D", "UpBlock2D"],
    });
    assert.equal(facts.precision?.value, "fp32");
    assert.equal(facts.predictionType?.value, "epsilon");
    const named = await read(fixtureScript("unconditional.py"), { model_config_name_or_path: "acme/pictures" });
    assert.deepEqual(origins(named).unet, { kind: "pretrained", id: "acme/pictures", subfolder: undefined, revision: undefined });
  });
});

describe("Other ways to write the same", () => {
  it("settings in a dataclass, parts out of a pipeline, a launcher, a freezing helper", async () => {
    const facts = await read(fixtureScript("settings_class.py"));
    assert.equal(roles(facts), "text_encoder:trained+ unet:trained vae:frozen");
    assert.deepEqual(facts.pipelines.map(({ class: name, taken }) => ({ name, taken })), [{ name: "DiffusionPipeline", taken: ["unet", "text_encoder", "vae"] }]);
    assert.deepEqual([facts.resolution?.value.height, facts.batchSize?.value, facts.precision?.value, facts.optimizers[0].learningRate], [128, 8, "bf16", 1e-5]);
  });

  it("a module that a framework asks for its optimizer", async () => {
    const facts = await read(fixtureScript("lightning.py"));
    assert.equal(roles(facts), "text_encoder:frozen unet:trained+ vae:frozen");
    assert.equal(facts.optimizers[0].learningRate, 3e-4);
  });

  it("a model of the user's own", async () => {
    const facts = await read(fixtureScript("own_module.py"));
    assert.deepEqual(facts.components.map(({ name, class: className, origin }) => [name, className, origin]), [["model", "nets.denoiser:Denoiser", { kind: "own" }]]);
  });

  const head = "import torch, itertools\nfrom diffusers import AutoencoderKL, UNet2DConditionModel\nfrom transformers import CLIPTextModel\n";
  const load = `${head}unet = UNet2DConditionModel.from_pretrained("a/b", subfolder="unet")\nvae = AutoencoderKL.from_pretrained("a/b", subfolder="vae")\ntext_encoder = CLIPTextModel.from_pretrained("a/b", subfolder="text_encoder")\n`;
  const cases: readonly [string, string, string][] = [
    ["eval alone does not freeze", "vae.eval()\ntext_encoder.eval().requires_grad_(False)\ntorch.optim.AdamW(unet.parameters())", "text_encoder:frozen unet:trained vae:idle"],
    ["a chain of parameters", "torch.optim.AdamW(itertools.chain(unet.parameters(), text_encoder.parameters()))", "text_encoder:trained unet:trained vae:idle"],
    ["a sum of lists", "p = list(unet.parameters())\np += list(text_encoder.parameters())\ntorch.optim.AdamW(params=p)", "text_encoder:trained unet:trained vae:idle"],
    ["lists that grow", "p = []\nfor m in [unet, vae]:\n    p.extend(m.parameters())\ntorch.optim.AdamW(p)", "text_encoder:idle unet:trained vae:trained"],
    ["groups", "torch.optim.AdamW([{'params': unet.parameters()}, {'params': text_encoder.parameters(), 'lr': 1e-6}], lr=1e-5)", "text_encoder:trained unet:trained vae:idle"],
    ["a filter by gradients", "for m in (unet, vae, text_encoder): m.requires_grad_(False)\nunet.requires_grad_(True)\nps = itertools.chain(*[m.parameters() for m in (unet, vae, text_encoder)])\ntorch.optim.AdamW(filter(lambda p: p.requires_grad, ps))", "text_encoder:frozen unet:trained vae:frozen"],
    ["frozen but given", "unet.requires_grad_(False)\ntorch.optim.AdamW(unet.parameters())", "text_encoder:idle unet:frozen vae:idle"],
    ["thawed again", "unet.requires_grad_(False)\nunet.requires_grad_(True)\ntorch.optim.AdamW(unet.parameters())", "text_encoder:idle unet:trained vae:idle"],
    ["parameter by parameter", "for p in vae.parameters():\n    p.requires_grad = False\ntorch.optim.AdamW(unet.parameters())", "text_encoder:idle unet:trained vae:frozen"],
    ["some parameters by name", "unet.requires_grad_(False)\nfor n, p in unet.named_parameters():\n    if 'attn' in n:\n        p.requires_grad_(True)\ntorch.optim.AdamW([p for p in unet.parameters() if p.requires_grad])", "text_encoder:idle unet:trained+ vae:idle"],
    ["a module inside", "torch.optim.AdamW(text_encoder.get_input_embeddings().parameters())", "text_encoder:trained+ unet:idle vae:idle"],
    ["aliases and tuples", "model, (enc, _) = unet, (text_encoder, vae)\nnet = model\nenc.requires_grad_(False)\ntorch.optim.SGD(net.parameters(), lr=0.1)", "text_encoder:frozen unet:trained vae:idle"],
    ["wrappers", "net = torch.nn.parallel.DistributedDataParallel(torch.compile(unet), device_ids=[0])\ntorch.optim.AdamW(net.module.parameters())", "text_encoder:idle unet:trained vae:idle"],
    ["a method of one's own", "def freeze(m, yes=True):\n    m.eval()\n    if yes:\n        m.requires_grad_(not yes)\nfreeze(vae)\nfreeze(text_encoder, yes=False)\ntorch.optim.AdamW(unet.parameters())", "text_encoder:idle unet:trained vae:frozen"],
    ["peft", "from peft import LoraConfig, get_peft_model\nunet = get_peft_model(unet, LoraConfig(16, target_modules=['to_q']))\ntorch.optim.AdamW(unet.parameters())", "text_encoder:idle unet:trained/16 vae:idle"],
    ["peft's default rank", "from peft import LoraConfig\nunet.requires_grad_(False)\nunet.add_adapter(LoraConfig(target_modules='to_q'))\ntorch.optim.AdamW([p for n, p in unet.named_parameters() if 'lora' in n])", "text_encoder:idle unet:trained/8 vae:idle"],
    ["adapters frozen again", "from peft import LoraConfig\nunet.add_adapter(LoraConfig(r=2))\nunet.requires_grad_(False)\ntorch.optim.AdamW(text_encoder.parameters())", "text_encoder:trained unet:frozen vae:idle"],
    ["a copy that is averaged", "import copy\nfrom diffusers.training_utils import EMAModel\nema = EMAModel(copy.deepcopy(unet).parameters())\ntorch.optim.AdamW(unet.parameters())", "text_encoder:idle unet:trained vae:idle"],
    ["a frozen teacher", "teacher = UNet2DConditionModel.from_pretrained('a/c', subfolder='unet')\nteacher.requires_grad_(False)\ntorch.optim.AdamW(unet.parameters())", "teacher:frozen text_encoder:idle unet:trained vae:idle"],
    ["an optimizer chosen by a branch", "import bitsandbytes as bnb, sys\ncls = bnb.optim.AdamW8bit if sys.argv else torch.optim.AdamW\ncls(unet.parameters())", "text_encoder:idle unet:trained vae:idle"],
    ["a check that raises", "import argparse\nparser = argparse.ArgumentParser()\nparser.add_argument('--x')\nargs = parser.parse_args()\nif args.x is None:\n    raise ValueError\ntorch.optim.AdamW(unet.parameters())", "text_encoder:idle unet:trained vae:idle"],
  ];
  for (const [what, text, expected] of cases) it(what, async () => assert.equal(roles(await read(`${load}${text}\n`)), expected));

  it("what an optimizer is given in vain is noted", async () => {
    const { notes } = await read(`${load}unet.requires_grad_(False)\ntorch.optim.AdamW(unet.parameters())\n`);
    assert.deepEqual(notes.map(({ line }) => line), [8]);
    assert.match(notes[0].message, /unet that are frozen \(line 7\)/);
  });

  it("open settings of a model made in the code are asked, and answers are taken", async () => {
    const text = "import torch\nfrom diffusers import UNet2DModel\nfrom sizes import widths\nnet = UNet2DModel(sample_size=32, block_out_channels=widths())\ntorch.optim.AdamW(net.parameters())\n";
    assert.deepEqual((await read(text)).open, [{ what: "unet.block_out_channels", kind: "setting", line: 4, needed: true, suggestion: undefined }]);
    const facts = await read(text, { "unet.block_out_channels": "[32, 64]" });
    assert.deepEqual(facts.open, []);
    assert.deepEqual(origins(facts).unet, { kind: "settings", settings: { sample_size: 32, block_out_channels: [32, 64] } });
  });

  it("an adapter's open rank is asked", async () => {
    const text = `${load}from peft import LoraConfig\nimport argparse\np = argparse.ArgumentParser()\nrank = int(open('rank').read())\nunet.add_adapter(LoraConfig(r=rank, target_modules=['to_q']))\ntorch.optim.AdamW(unet.parameters())\n`;
    assert.deepEqual((await read(text)).open.map(({ what, line }) => [what, line]), [["unet.rank", 11]]);
    assert.equal((await read(text, { "unet.rank": "12" })).components.find(({ name }) => name === "unet")?.lora?.rank, 12);
  });
});
