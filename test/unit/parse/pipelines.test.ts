/** Whole pipelines of other kinds than Stable Diffusion 1 and 2: what feeds what, what trains, and the chains that follow. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { inspectModel } from "../../../src/app/inspect";
import { UserError } from "../../../src/model/errors";
import type { BoundModel, Model } from "../../../src/model/model";
import type { ModelChoice } from "../../../src/model/choice";
import type { TraceClass } from "../../../src/parse/pipelines";
import { tracedComponent } from "../../../src/parse/trace/component";
import { parseTrace } from "../../../src/parse/trace/document";
import { folder, memoryFiles } from "./folders";

type Config = Readonly<Record<string, unknown>>;

const clip: Config = { model_type: "clip_text_model", hidden_size: 16, intermediate_size: 32, num_hidden_layers: 3, num_attention_heads: 2, vocab_size: 99, max_position_embeddings: 77, projection_dim: 16 };
const t5: Config = { model_type: "t5", d_model: 24, d_ff: 32, d_kv: 8, num_heads: 3, num_layers: 2, feed_forward_proj: "gated-gelu", vocab_size: 99 };
const vae: Config = { block_out_channels: [8, 16], down_block_types: ["DownEncoderBlock2D", "DownEncoderBlock2D"], norm_num_groups: 4, latent_channels: 4 };
const unet: Config = {
  block_out_channels: [8, 16], down_block_types: ["CrossAttnDownBlock2D", "DownBlock2D"], up_block_types: ["UpBlock2D", "CrossAttnUpBlock2D"],
  layers_per_block: 1, norm_num_groups: 4, attention_head_dim: 2, cross_attention_dim: 16, sample_size: 8,
};
const transformers = new Set(["CLIPTextModel", "CLIPTextModelWithProjection", "T5EncoderModel"]);

/** A pipeline folder of component -> [class, configuration]. */
function read(parts: Readonly<Record<string, readonly [string, Config]>>, choice?: ModelChoice, trace?: TraceClass): Promise<Model> {
  const index = { _class_name: "SomePipeline", ...Object.fromEntries(Object.entries(parts).map(([name, [className]]) => [name, [transformers.has(className) ? "transformers" : "diffusers", className]])) };
  const contents = new Map([["model_index.json", index], ...Object.entries(parts).map(([name, [, config]]) => [`${name}/${name === "scheduler" ? "scheduler_config" : "config"}.json`, config] as const)]);
  const encode = (value: unknown) => new TextEncoder().encode(JSON.stringify(value));
  return inspectModel(memoryFiles(new Map([...contents].map(([name, value]) => [`${folder}/${name}`, encode(value)]))), folder, choice, trace);
}

const bound = (model: Model): BoundModel => model.bind(model.defaultBindings);

/** Producers of what a component takes from outside itself. */
function feeds(model: BoundModel, component: string): readonly string[] {
  return [...new Set(model.tensors.filter(({ producer, consumers }) => producer.component !== component && consumers.some((user) => user.component === component)).map(({ id }) => id))];
}

const work = (model: Model, component: string) =>
  new Map(model.components.find(({ name }) => name === component)?.layers.map((layer) => [layer.name, `${layer.needsInputGrad ? "I" : "-"}${layer.needsWeightGrad ? "W" : "-"}`]));

describe("Pipelines", () => {
  const xl: Config = { ...unet, cross_attention_dim: 32, addition_embed_type: "text_time", addition_time_embed_dim: 4, projection_class_embeddings_input_dim: 16 + 6 * 4, transformer_layers_per_block: [1, 2] };

  it("SDXL: two text encoders, the last but one layer's tokens of both, the second's pooled text", async () => {
    const model = bound(await read({ text_encoder: ["CLIPTextModel", clip], text_encoder_2: ["CLIPTextModelWithProjection", clip], vae: ["AutoencoderKL", vae], unet: ["UNet2DConditionModel", xl] }));
    const fed = feeds(model, "unet");
    assert.ok(fed.includes("text_encoder/layers.1") && fed.includes("text_encoder_2/layers.1"), fed.join());
    assert.equal(fed.filter((id) => id.startsWith("text_encoder_2/")).length, 2);
    assert.ok(fed.includes("data/time_ids") && fed.includes("vae/quant_conv"), fed.join());
    assert.deepEqual(model.chains.map(({ id }) => id), ["unet"]);
  });

  it("refuses text encoders whose features do not add up", async () => {
    const parts = { text_encoder: ["CLIPTextModel", clip], vae: ["AutoencoderKL", vae], unet: ["UNet2DConditionModel", { ...unet, cross_attention_dim: 20 }] } as const;
    await assert.rejects(read(parts), (error: unknown) => error instanceof UserError && error.file === `${folder}/unet/config.json` && error.field === "cross_attention_dim");
  });

  it("ControlNet: the copy trains, the locked down and middle blocks are leaves, the chain goes on through the locked up blocks", async () => {
    const model = await read({ text_encoder: ["CLIPTextModel", clip], vae: ["AutoencoderKL", vae], unet: ["UNet2DConditionModel", unet], controlnet: ["ControlNetModel", { ...unet, conditioning_embedding_out_channels: [8, 8] }] });
    assert.deepEqual(model.components.map(({ name, role }) => `${name} ${role}`), ["text_encoder frozen", "vae frozen", "controlnet trained", "unet frozen"]);
    const [chain, ...others] = model.chains;
    assert.deepEqual(others, []);
    assert.deepEqual(chain.segments.map(({ component }) => component), ["controlnet", "unet"]);
    const locked = work(model, "unet");
    for (const [name, flags] of locked) {
      const leaf = /^(conv_in|time_embedding|down_blocks|mid_block\.(resnets|attentions))/.test(name);
      assert.equal(flags, leaf ? "--" : "I-", name);
    }
    const [, second] = chain.segments;
    assert.ok([...locked.values()].slice(0, second.from).every((flags) => flags === "--"));
    const residuals = bound(model).tensors.filter(({ producer, consumers }) => producer.component === "controlnet" && consumers.some(({ component }) => component === "unet"));
    assert.equal(residuals.length, 5);
    assert.ok(residuals.every(({ hasGradient, transport }) => hasGradient && transport === "chain"));
  });

  it("FLUX: tokens from T5, pooled text from CLIP, flow matching by the scheduler's class", async () => {
    const flux: Config = { in_channels: 16, num_layers: 1, num_single_layers: 2, attention_head_dim: 8, num_attention_heads: 2, joint_attention_dim: 24, pooled_projection_dim: 16, axes_dims_rope: [2, 2, 4] };
    const model = await read({
      text_encoder: ["CLIPTextModel", clip], text_encoder_2: ["T5EncoderModel", t5], vae: ["AutoencoderKL", vae], transformer: ["FluxTransformer2DModel", flux],
      scheduler: ["FlowMatchEulerDiscreteScheduler", {}],
    });
    assert.equal(model.predictionType, "flow_prediction");
    const fed = feeds(bound(model), "transformer");
    assert.equal(fed.filter((id) => id.startsWith("text_encoder/")).length, 1);
    assert.equal(fed.filter((id) => id.startsWith("text_encoder_2/")).length, 1);
  });

  it("a pixel model alone: the data has the images", async () => {
    const model = await read({ unet: ["UNet2DModel", { sample_size: 8, block_out_channels: [8, 16], down_block_types: ["DownBlock2D", "AttnDownBlock2D"], up_block_types: ["AttnUpBlock2D", "UpBlock2D"], layers_per_block: 1, norm_num_groups: 4, attention_head_dim: 4 }] });
    assert.deepEqual([...feeds(bound(model), "unet")].sort(), ["data/noise", "data/pixel_values", "data/timesteps"]);
    assert.equal(model.defaultBindings.height, 8);
  });

  const base: Config = { ...unet, in_channels: 3, out_channels: 6, cross_attention_dim: 24, sample_size: 8 };
  const upper: Config = { ...base, in_channels: 6, class_embed_type: "timestep", sample_size: 32 };

  it("a cascade: two backbones, each a chain, one text encoder for both, sizes in proportion", async () => {
    const model = await read({ text_encoder: ["T5EncoderModel", t5], unet: ["UNet2DConditionModel", base], super_resolution: ["UNet2DConditionModel", upper] });
    assert.deepEqual(model.chains.map(({ id, segments }) => [id, segments.map(({ component }) => component)]), [["unet", ["unet"]], ["super_resolution", ["super_resolution"]]]);
    assert.equal(model.defaultBindings.height, 32);
    const { tensors } = bound(model);
    const bytes = (id: string) => tensors.find((tensor) => tensor.id === id)?.bytesPerSample;
    assert.equal(bytes("unet/conv_out"), 6 * 8 * 8 * 4);
    assert.equal(bytes("super_resolution/conv_out"), 6 * 32 * 32 * 4);
    assert.throws(() => model.bind({ ...model.defaultBindings, height: 34, width: 34 }), UserError);
    const alone = await read({ text_encoder: ["T5EncoderModel", t5], unet: ["UNet2DConditionModel", base], super_resolution: ["UNet2DConditionModel", upper] }, { freeze: ["unet"] });
    assert.deepEqual(alone.chains.map(({ id }) => id), ["super_resolution"]);
  });

  it("self-conditioning is the chain's, with the bytes of its prediction", async () => {
    const model = await read({ unet: ["UNet2DConditionModel", { ...base, in_channels: 6, out_channels: 3 }] }, { selfConditioning: 0.5 });
    assert.deepEqual(model.chains[0].selfConditioning, { probability: 0.5, feedbackBytesPerSample: 3 * 8 * 8 * 4 });
  });

  it("adapters train instead of the component, which then carries gradients only", async () => {
    const choice = { lora: { unet: { rank: 2, targetModules: ["to_q", "to_v"] } } };
    const parts = { text_encoder: ["CLIPTextModel", clip], vae: ["AutoencoderKL", vae], unet: ["UNet2DConditionModel", unet] } as const;
    const model = await read(parts, choice);
    const flags = work(model, "unet");
    assert.equal(flags.get("conv_in"), "--");
    assert.equal(flags.get("down_blocks.0.attentions.0"), "-W");
    assert.equal(flags.get("up_blocks.0.resnets.0"), "I-");
    assert.equal(flags.get("up_blocks.1.attentions.0"), "IW");
    const layer = model.components.find(({ name }) => name === "unet")?.layers.find(({ name }) => name === "up_blocks.1.attentions.0");
    // Query and value of self-attention on 8 features, of cross-attention on 8 and 16.
    assert.equal(layer?.trainableParameters, 2 * (16 + 16 + 16 + (16 + 8)));
    assert.deepEqual(model.chains[0].segments, [{ component: "unet", from: 3, to: flags.size }]);
    await assert.rejects(read(parts, { lora: { unet: { rank: 2, targetModules: ["to_z"] } } }), (error: unknown) => error instanceof UserError && /to_z/.test(error.message));
    await assert.rejects(read(parts, { lora: { vae: { rank: 2, targetModules: ["to_q"] } } }), UserError);
  });

  it("a backbone of an unknown class is traced, and stands beside the described parts", async () => {
    const document = readFileSync("test/fixtures/trace/own_unet.trace.json", "utf8");
    const asked: string[] = [];
    const trace: TraceClass = (library, className) => {
      asked.push(`${library}:${className}`);
      return Promise.resolve(tracedComponent(parseTrace(document, className)));
    };
    const parts = { text_encoder: ["CLIPTextModel", clip], unet: ["UNetOfTomorrow", {}] } as const;
    const model = await read(parts, {}, trace);
    assert.deepEqual(asked, ["diffusers:UNetOfTomorrow"]);
    assert.deepEqual(model.components.map(({ name, role }) => `${name} ${role}`), ["text_encoder frozen", "unet trained"]);
    assert.deepEqual(model.chains.map(({ id }) => id), ["unet"]);
    const { tensors, components } = bound(model);
    assert.ok(components[1].layers.every(({ flopsPerSample }) => flopsPerSample >= 0));
    assert.ok(tensors.filter(({ producer }) => producer.component === "unet").length >= components[1].layers.length);
    assert.throws(() => model.bind({ ...model.defaultBindings, height: 2 * model.defaultBindings.height }), /traced/);
    await assert.rejects(read(parts, { lora: { unet: { rank: 2, targetModules: ["to_q"] } } }, trace), /traced/);
    await assert.rejects(read(parts), /trace it/);
  });

  it("one component alone can be looked at, trained or not", async () => {
    const alone = (className: string, config: Config) => {
      const bytes = new TextEncoder().encode(JSON.stringify({ ...config, _class_name: className }));
      return inspectModel(memoryFiles(new Map([[`${folder}/config.json`, bytes]])), folder);
    };
    assert.equal((await alone("UNet2DConditionModel", unet)).chains.length, 1);
    const encoder = await alone("AutoencoderKL", vae);
    assert.deepEqual([encoder.chains.length, encoder.components[0].role], [0, "frozen"]);
    assert.ok(bound(encoder).components[0].layers.length > 0);
  });
});
