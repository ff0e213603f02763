/**
 * diffusers' WanTransformer3DModel: tokens of a video that attend to a text and, where the model continues images, to their encodings.
 * "hidden_states" is [channels, frames, height, width] of the latents. "rotary_cos" and "rotary_sin" [video tokens, head size] are
 * tables of frame, height and width, frame by frame, row by row; each angle stands twice, beside itself. They are no parameters.
 */
import { z } from "zod";
import { UserError } from "../../model/errors";
import { elements, type OperatorList } from "../../model/operator";
import type { Bindings } from "../../model/profile";
import type { ComponentDescription, ComponentInput, LayerDescription } from "../component";
import { channels, checkConfig, checkDescription, count, epsilon, flag, only } from "../config";
import { OperatorListBuilder } from "../operatorListBuilder";
import { expectPatchesAlong, wholePatches } from "../sizes";
import { gatedSum, modulate, plainNorm, rows } from "./blocks/adaptiveNorm";
import { projection } from "./blocks/conditioning";
import { feedForward } from "./blocks/feedForward";
import { endOfStack, stackedBlocks } from "./blocks/stack";
import type { Backbone } from "./family";

const patchSize = z.int().min(1).max(1024);
const length = z.int().min(1).max(1_000_000);

/** Defaults are those of diffusers, whose blocks normalise queries and keys over all heads whatever qk_norm says. */
const schema = z.object({
  _class_name: only(["WanTransformer3DModel"]).optional(),
  patch_size: z.tuple([patchSize, patchSize, patchSize]).default([1, 2, 2]),
  num_attention_heads: channels.default(40),
  attention_head_dim: channels.multipleOf(2, "Rotary positions turn pairs of features: expected an even number").default(128),
  in_channels: channels.default(16),
  out_channels: channels.nullable().default(16),
  text_dim: channels.default(4096),
  freq_dim: channels.multipleOf(2, "Sinusoids need an even number of features").default(256),
  ffn_dim: channels.default(13824),
  num_layers: count.default(40),
  cross_attn_norm: flag.default(true),
  eps: epsilon.default(1e-6),
  image_dim: channels.nullable().default(null),
  added_kv_proj_dim: channels.nullable().default(null),
  rope_max_seq_len: length.default(1024),
  pos_embed_seq_len: length.nullable().default(null),
});

/** Of the text encoder; with images, diffusers counts on exactly as many. */
const textTokens = 512;
/** Of the image encoder: 16 x 16 patches and one for the whole. */
const imageTokens = 257;
/** Latents of 81 frames of 480 x 832 pixels, which the pipeline suggests: the configuration names no size. */
const suggested = { frames: 21, height: 60, width: 104 };
/** torch's own, in the image's norms. */
const imageNormEpsilon = 1e-5;

type Settings = z.infer<typeof schema>;

/** @throws UserError for a configuration that diffusers would refuse or that is not supported. */
export function parseWanTransformer3dModel(config: unknown, file: string): Backbone {
  const settings = checkConfig(schema, config, file);
  const { in_channels: inChannels, image_dim: imageFeatures, added_kv_proj_dim: addedFeatures, attention_head_dim: headFeatures, patch_size } = settings;
  const outChannels = settings.out_channels ?? inChannels;
  const features = settings.num_attention_heads * headFeatures;
  const fail = (field: string, message: string) => new UserError(message, { file, field });
  if ((imageFeatures === null) !== (addedFeatures === null)) throw fail(imageFeatures === null ? "image_dim" : "added_kv_proj_dim", "Images need both image_dim and added_kv_proj_dim.");
  if (addedFeatures !== null && addedFeatures !== features) throw fail("added_kv_proj_dim", `Images are embedded in ${features} features, but the blocks expect ${addedFeatures}.`);
  const withImage = imageFeatures !== null;

  const body = block(settings, features);
  const stack = {
    path: "blocks", kind: "wan_block", count: settings.num_layers, body: () => body, carried: { hidden_states: { layer: "patch_embedding" } },
    shared: {
      timestep_proj: { layer: "condition_embedder", output: 1 }, encoder_hidden_states: { layer: "condition_embedder", output: 2 },
      ...(withImage && { encoder_hidden_states_image: { layer: "condition_embedder", output: 3 } }),
      rotary_cos: { input: "rotary_cos" }, rotary_sin: { input: "rotary_sin" },
    },
  };
  const conditions = ["timestep", "encoder_hidden_states", ...(withImage ? ["encoder_hidden_states_image"] : [])];
  const layers: readonly LayerDescription[] = [
    { name: "patch_embedding", kind: "patch_embedding", modules: ["patch_embedding"], root: "", body: patchEmbedding(settings, features), sources: { hidden_states: { input: "hidden_states" } } },
    {
      name: "condition_embedder", kind: "time_text_image_embedding", modules: ["condition_embedder"], root: "condition_embedder.", body: conditionEmbedding(settings, features, conditions),
      sources: Object.fromEntries(conditions.map((input) => [input, { input }])),
    },
    ...stackedBlocks(stack),
    {
      name: "proj_out", kind: "wan_output", modules: ["norm_out", "proj_out"], root: "", body: output(settings, features, outChannels),
      sources: { ...endOfStack(stack), temb: { layer: "condition_embedder" }, sample: { input: "hidden_states" } },
    },
  ];
  const [t, p, q] = patch_size;
  const table = (name: string): ComponentInput => ({ name, type: "float32", fixed: true, shape: ({ frames = 1, height, width }) => [(frames / t) * (height / p) * (width / q), headFeatures] });
  const fitting = (size: number, patch: number) => wholePatches(size, patch, settings.rope_max_seq_len);
  const description: ComponentDescription = {
    class: "WanTransformer3DModel",
    inputs: [
      { name: "hidden_states", type: "float32", shape: ({ frames = 1, height, width }) => [inChannels, frames, height, width] },
      { name: "timestep", type: "float32", shape: () => [] },
      { name: "encoder_hidden_states", type: "float32", shape: ({ sequenceLength }) => [sequenceLength, settings.text_dim] },
      // With a table of positions, the first and the last image's tokens stand one after the other.
      ...(imageFeatures === null ? [] : [{ name: "encoder_hidden_states_image", type: "float32", shape: () => [settings.pos_embed_seq_len ?? imageTokens, imageFeatures] } as const]),
      table("rotary_cos"),
      table("rotary_sin"),
    ],
    layers,
    defaultSizes: { frames: fitting(suggested.frames, t), height: fitting(suggested.height, p), width: fitting(suggested.width, q), sequenceLength: textTokens },
    checkSizes(sizes: Bindings) {
      for (const [side, patch] of [["frames", t], ["height", p], ["width", q]] as const) expectPatchesAlong(side, sizes[side] ?? 1, patch, settings.rope_max_seq_len);
      if (withImage && sizes.sequenceLength !== textTokens) throw new UserError(`With images, Wan takes exactly ${textTokens} text tokens, found ${sizes.sequenceLength}.`, { field: "sequenceLength" });
    },
  };
  return { kind: "backbone", description: checkDescription(description, file, ""), inChannels, outChannels };
}

function patchEmbedding({ in_channels: inChannels, patch_size }: Settings, features: number): OperatorList {
  const list = new OperatorListBuilder(["hidden_states"]);
  const none = [0, 0, 0];
  const patches = list.add({
    op: "convolution", module: "patch_embedding", input: "hidden_states", inChannels, outChannels: features, bias: true,
    kernel: patch_size, stride: patch_size, paddingBefore: none, paddingAfter: none,
  });
  return list.finish(list.rearrange(patches, "n c f h w -> n (f h w) c"));
}

/** Outputs: the timestep's embedding, what blocks add their tables to [N, 6 C], the text and, where there is one, the image. */
function conditionEmbedding(settings: Settings, features: number, inputs: readonly string[]): OperatorList {
  const { freq_dim: channels, text_dim, image_dim, pos_embed_seq_len: positions } = settings;
  const list = new OperatorListBuilder(inputs);
  const sinusoids = list.add({ op: "timestepEmbedding", input: "timestep", channels, flipSinToCos: true, frequencyShift: 0 });
  const time = projection(list, "time_embedder", sinusoids, channels, features, "silu");
  const forBlocks = list.linear("time_proj", list.activation("silu", time), features, 6 * features);
  const text = projection(list, "text_embedder", "encoder_hidden_states", text_dim, features, "geluTanh");
  if (image_dim === null) return list.finish(time, forBlocks, text);
  const norm = (name: string, input: string, size: number) => list.add({ op: "layerNorm", module: `image_embedder.${name}`, input, features: size, epsilon: imageNormEpsilon, affine: "weight and bias" });
  let image = "encoder_hidden_states_image";
  if (positions !== null) {
    const shape = [1, positions, image_dim];
    image = list.sum(image, list.add({ op: "learnedTensor", module: "image_embedder.pos_embed", shape, as: shape }));
  }
  const widened = feedForward(list, "image_embedder.ff.", norm("norm1", image, image_dim), { features: image_dim, innerFeatures: image_dim, outFeatures: features, activation: "gelu" });
  return list.finish(time, forBlocks, text, norm("norm2", widened, features));
}

/** diffusers' WanTransformerBlock. */
function block({ num_attention_heads: heads, eps: epsilon, cross_attn_norm, ffn_dim, image_dim }: Settings, features: number): OperatorList {
  const withImage = image_dim !== null;
  const list = new OperatorListBuilder([
    "hidden_states", "timestep_proj", "encoder_hidden_states", ...(withImage ? ["encoder_hidden_states_image"] : []), "rotary_cos", "rotary_sin",
  ]);
  const project = (module: string, input: string) => list.linear(module, input, features, features);
  const normalized = (module: string, input: string): string => list.add({ op: "rmsNorm", module, input, features, epsilon, affine: "weight", offset: 0 });
  const attend = (query: string, key: string, value: string) => list.add({ op: "attention", query, key, value, heads, causal: false });
  const turned = (input: string) => list.add({ op: "rotary", input, cos: "rotary_cos", sin: "rotary_sin", layout: "interleaved" });

  const table = list.add({ op: "learnedTensor", module: "scale_shift_table", shape: [1, 6, features], as: [1, 6, features] });
  const [shift, scale, gate, shiftMlp, scaleMlp, gateMlp] = rows(list, list.sum(table, list.rearrange("timestep_proj", "n (s c) -> n s c", { s: 6 })), 6);
  const own = modulate(list, plainNorm(list, "norm1", "hidden_states", features, epsilon), scale, shift);
  const [query, key] = ["q", "k"].map((part) => turned(normalized(`attn1.norm_${part}`, project(`attn1.to_${part}`, own))));
  let hidden = gatedSum(list, "hidden_states", gate, project("attn1.to_out.0", attend(query, key, project("attn1.to_v", own))));

  const asking = cross_attn_norm ? list.add({ op: "layerNorm", module: "norm2", input: hidden, features, epsilon, affine: "weight and bias" }) : hidden;
  const question = normalized("attn2.norm_q", project("attn2.to_q", asking));
  const answered = (names: { key: string; norm: string; value: string }, context: string) =>
    attend(question, normalized(`attn2.${names.norm}`, project(`attn2.${names.key}`, context)), project(`attn2.${names.value}`, context));
  let answer = answered({ key: "to_k", norm: "norm_k", value: "to_v" }, "encoder_hidden_states");
  if (withImage) answer = list.sum(answer, answered({ key: "add_k_proj", norm: "norm_added_k", value: "add_v_proj" }, "encoder_hidden_states_image"));
  hidden = list.sum(hidden, project("attn2.to_out.0", answer));

  const last = modulate(list, plainNorm(list, "norm3", hidden, features, epsilon), scaleMlp, shiftMlp);
  return list.finish(gatedSum(list, hidden, gateMlp, feedForward(list, "ffn.", last, { features, innerFeatures: ffn_dim, activation: "gelu-approximate" })));
}

function output({ eps, patch_size }: Settings, features: number, outChannels: number): OperatorList {
  const [t, p, q] = patch_size;
  const list = new OperatorListBuilder(["hidden_states", "temb", "sample"]);
  const table = list.add({ op: "learnedTensor", module: "scale_shift_table", shape: [1, 2, features], as: [1, 2, features] });
  const [shift, scale] = rows(list, list.sum(table, list.rearrange("temb", "n c -> n 1 c")), 2);
  const hidden = modulate(list, plainNorm(list, "norm_out", "hidden_states", features, eps), scale, shift);
  const patches = list.linear("proj_out", hidden, features, outChannels * elements(patch_size));
  return list.finish(list.rearrange(patches, "n (f h w) (t p q c) -> n c (f t) (h p) (w q)", { t, p, q }, { value: "sample", pattern: "n other (f t) (h p) (w q)" }));
}
