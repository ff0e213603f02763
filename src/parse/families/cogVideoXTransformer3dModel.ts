/**
 * diffusers' CogVideoXTransformer3DModel: tokens of a video and of a text go through the same weights, each stream with its own
 * modulation. "hidden_states" is [frames, channels, height, width] of the latents.
 *
 * Positions are one of two tables, neither of them a parameter:
 * - "pos_embed" [text tokens + video tokens, C], added at the start: zeros for the text, then sinusoids of frame, height and width,
 *   frame by frame, row by row (2B; in 5B's image to video, where they are called learned and are only stored, for one size);
 * - "rotary_cos" and "rotary_sin" [video tokens, head size], in the same order; each angle stands twice, beside itself.
 */
import { z } from "zod";
import { UserError } from "../../model/errors";
import type { OperatorList } from "../../model/operator";
import type { Bindings } from "../../model/profile";
import type { ComponentDescription, ComponentInput, LayerDescription } from "../component";
import { channels, checkConfig, checkDescription, count, epsilon, flag, only } from "../config";
import { OperatorListBuilder } from "../operatorListBuilder";
import { expectPatches, expectPatchesAlong, wholePatches } from "../sizes";
import { diffusersActivation } from "./activations";
import { gatedSum, modulate, modulation } from "./blocks/adaptiveNorm";
import { projection } from "./blocks/conditioning";
import { feedForward, feedForwardActivations, type FeedForwardActivation } from "./blocks/feedForward";
import { splitTokens } from "./blocks/jointAttention";
import { endOfStack, stackedBlocks } from "./blocks/stack";
import type { Backbone } from "./family";

const size = z.int().min(1).max(1_000_000);
const patchSize = z.int().min(1).max(1024);

/** Defaults are those of diffusers. */
const schema = z.object({
  _class_name: only(["CogVideoXTransformer3DModel"]).optional(),
  num_attention_heads: channels.default(30),
  attention_head_dim: channels.default(64),
  in_channels: channels.default(16),
  out_channels: channels.default(16),
  flip_sin_to_cos: flag.default(true),
  freq_shift: z.number().min(0).max(1_000_000).default(0),
  time_embed_dim: channels.default(512),
  ofs_embed_dim: channels.nullable().default(null),
  text_embed_dim: channels.default(4096),
  num_layers: count.default(30),
  dropout: only([0]).optional(),
  attention_bias: flag.default(true),
  sample_width: size.default(90),
  sample_height: size.default(60),
  sample_frames: size.default(49),
  patch_size: patchSize.default(2),
  patch_size_t: patchSize.nullable().default(null),
  temporal_compression_ratio: size.default(4),
  max_text_seq_length: size.default(226),
  activation_fn: z.enum(feedForwardActivations).default("gelu-approximate"),
  timestep_activation_fn: diffusersActivation.default("silu"),
  norm_elementwise_affine: flag.default(true),
  norm_eps: epsilon.default(1e-5),
  use_rotary_positional_embeddings: flag.default(false),
  use_learned_positional_embeddings: flag.default(false),
  patch_bias: flag.default(true),
});

type Settings = z.infer<typeof schema>;

/** @throws UserError for a configuration that diffusers would refuse or that is not supported. */
export function parseCogVideoXTransformer3dModel(config: unknown, file: string): Backbone {
  const settings = checkConfig(schema, config, file);
  const { in_channels: inChannels, out_channels: outChannels, patch_size: patch, use_rotary_positional_embeddings: turns, ofs_embed_dim: offsetFeatures } = settings;
  const framesOfPatch = settings.patch_size_t ?? 1;
  const features = settings.num_attention_heads * settings.attention_head_dim;
  checkSettings(settings, features, file);
  const adds = !turns || settings.use_learned_positional_embeddings;

  const shared = { temb: { layer: "time_embedding" }, ...(turns && { rotary_cos: { input: "rotary_cos" }, rotary_sin: { input: "rotary_sin" } }) };
  const body = block(settings, features);
  const stack = {
    path: "transformer_blocks", kind: "cogvideox_block", count: settings.num_layers, body: () => body, shared,
    carried: { hidden_states: { layer: "patch_embed" }, encoder_hidden_states: { layer: "patch_embed", output: 1 } },
  };
  const timeInputs = ["timestep", ...(offsetFeatures === null ? [] : ["ofs"])];
  const patchInputs = ["hidden_states", "encoder_hidden_states", ...(adds ? ["pos_embed"] : [])];
  const fromInputs = (names: readonly string[]) => Object.fromEntries(names.map((input) => [input, { input }]));
  const layers: readonly LayerDescription[] = [
    {
      name: "time_embedding", kind: "time_embedding", modules: ["time_embedding", ...(offsetFeatures === null ? [] : ["ofs_embedding"])], root: "",
      body: timeEmbedding(settings, features, timeInputs), sources: fromInputs(timeInputs),
    },
    { name: "patch_embed", kind: "patch_embedding", modules: ["patch_embed"], root: "patch_embed.", body: patchEmbedding(settings, features, patchInputs), sources: fromInputs(patchInputs) },
    ...stackedBlocks(stack),
    {
      name: "proj_out", kind: "cogvideox_output", modules: ["norm_final", "norm_out", "proj_out"], root: "", body: output(settings, features),
      sources: { hidden_states: endOfStack(stack).hidden_states, temb: { layer: "time_embedding" }, sample: { input: "hidden_states" } },
    },
  ];
  const videoTokens = ({ frames = 1, height, width }: Bindings) => (frames / framesOfPatch) * (height / patch) * (width / patch);
  const table = (name: string, columns: number, shapeOf: (sizes: Bindings) => number): ComponentInput => ({ name, type: "float32", fixed: true, shape: (sizes) => [shapeOf(sizes), columns] });
  const description: ComponentDescription = {
    class: "CogVideoXTransformer3DModel",
    inputs: [
      { name: "hidden_states", type: "float32", shape: ({ frames = 1, height, width }) => [frames, inChannels, height, width] },
      { name: "encoder_hidden_states", type: "float32", shape: ({ sequenceLength }) => [sequenceLength, settings.text_embed_dim] },
      { name: "timestep", type: "int64", below: 1000, shape: () => [] },
      ...(offsetFeatures === null ? [] : [{ name: "ofs", type: "float32", fixed: true, shape: () => [] } as const]),
      ...(adds ? [table("pos_embed", features, (sizes) => sizes.sequenceLength + videoTokens(sizes))] : []),
      ...(turns ? ["rotary_cos", "rotary_sin"].map((name) => table(name, settings.attention_head_dim, videoTokens)) : []),
    ],
    layers,
    defaultSizes: {
      height: wholePatches(settings.sample_height, patch), width: wholePatches(settings.sample_width, patch), sequenceLength: settings.max_text_seq_length,
      frames: Math.ceil((Math.floor((settings.sample_frames - 1) / settings.temporal_compression_ratio) + 1) / framesOfPatch) * framesOfPatch,
    },
    checkSizes(sizes: Bindings) {
      expectPatches(sizes, patch);
      expectPatchesAlong("frames", sizes.frames ?? 1, framesOfPatch);
      checkTableSizes(settings, adds, sizes);
    },
  };
  return { kind: "backbone", description: checkDescription(description, file, ""), inChannels, outChannels };
}

function checkSettings(settings: Settings, features: number, file: string): void {
  const fail = (field: string, message: string) => new UserError(message, { file, field });
  const { use_rotary_positional_embeddings: turns, use_learned_positional_embeddings: learned, patch_size_t, ofs_embed_dim, freq_shift, attention_head_dim } = settings;
  if (learned && !turns) throw fail("use_learned_positional_embeddings", "diffusers refuses these positions without rotary ones.");
  if ((learned || !turns) && patch_size_t !== null) throw fail("patch_size_t", "Patches of several frames go with rotary positions alone.");
  for (const side of ["sample_height", "sample_width"] as const) {
    if (learned && settings[side] % settings.patch_size !== 0) throw fail(side, `The learned positions need a multiple of ${settings.patch_size}, found ${settings[side]}.`);
  }
  if (!turns && features % 16 !== 0) throw fail("attention_head_dim", `Positions need heads times attention_head_dim to be a multiple of 16, found ${features}.`);
  if (turns && attention_head_dim % 2 !== 0) throw fail("attention_head_dim", "Rotary positions turn pairs of features: expected an even number.");
  if (ofs_embed_dim !== null && ofs_embed_dim !== settings.time_embed_dim) throw fail("ofs_embed_dim", `The offset's ${ofs_embed_dim} features are added to the timestep's ${settings.time_embed_dim}.`);
  for (const [field, width] of [["attention_head_dim", features], ["ofs_embed_dim", ofs_embed_dim ?? features]] as const) {
    if (width % 2 !== 0) throw fail(field, `Sinusoids need an even number of features, found ${width}.`);
    if (width / 2 === freq_shift) throw fail("freq_shift", "This shift divides the frequencies by zero.");
  }
}

/** A table made for one size fits that size only. */
function checkTableSizes(settings: Settings, adds: boolean, sizes: Bindings): void {
  if (adds && sizes.sequenceLength !== settings.max_text_seq_length) {
    throw new UserError(`The positions are for exactly ${settings.max_text_seq_length} text tokens, found ${sizes.sequenceLength}.`, { field: "sequenceLength" });
  }
  if (!settings.use_learned_positional_embeddings) return;
  for (const [side, own] of [["height", settings.sample_height], ["width", settings.sample_width]] as const) {
    if (sizes[side] !== own) throw new UserError(`The learned positions are for a latent ${side} of exactly ${own}, found ${sizes[side]}.`, { field: side });
  }
}

function timeEmbedding({ time_embed_dim, ofs_embed_dim, flip_sin_to_cos: flipSinToCos, freq_shift: frequencyShift, timestep_activation_fn: activation }: Settings, features: number, inputs: readonly string[]): OperatorList {
  const list = new OperatorListBuilder(inputs);
  const embedded = (input: string, path: string, inFeatures: number, outFeatures: number) =>
    projection(list, path, list.add({ op: "timestepEmbedding", input, channels: inFeatures, flipSinToCos, frequencyShift }), inFeatures, outFeatures, activation);
  const time = embedded("timestep", "time_embedding", features, time_embed_dim);
  return list.finish(ofs_embed_dim === null ? time : list.sum(time, embedded("ofs", "ofs_embedding", ofs_embed_dim, ofs_embed_dim)));
}

/** Outputs: tokens of the video, tokens of the text. */
function patchEmbedding({ in_channels, patch_size: p, patch_size_t, text_embed_dim, patch_bias: bias }: Settings, features: number, inputs: readonly string[]): OperatorList {
  const list = new OperatorListBuilder(inputs);
  const text = list.linear("text_proj", "encoder_hidden_states", text_embed_dim, features);
  let video: string;
  if (patch_size_t === null) {
    const image = list.conv2d("proj", list.rearrange("hidden_states", "n f c h w -> (n f) c h w"), in_channels, features, p, { stride: p, paddingBefore: 0, paddingAfter: 0, bias });
    video = list.rearrange(image, "(n f) c h w -> n (f h w) c", undefined, { value: "hidden_states", pattern: "n f other height width" });
  } else {
    const patches = list.rearrange("hidden_states", "n (f t) c (h p) (w q) -> n (f h w) (c t p q)", { t: patch_size_t, p, q: p });
    video = list.linear("proj", patches, in_channels * p * p * patch_size_t, features);
  }
  if (!inputs.includes("pos_embed")) return list.finish(video, text);
  const [ownText, ownVideo] = splitTokens(list, list.sum(list.add({ op: "concat", inputs: [text, video], axis: 1 }), "pos_embed"), "encoder_hidden_states");
  return list.finish(ownVideo, ownText);
}

interface Norms {
  readonly features: number;
  readonly epsilon: number;
  readonly affine: "weight and bias" | "none";
}

const normsOf = ({ norm_eps: epsilon, norm_elementwise_affine }: Settings, features: number): Norms => ({ features, epsilon, affine: norm_elementwise_affine ? "weight and bias" : "none" });

/** diffusers' CogVideoXBlock. Outputs: video, text. */
function block(settings: Settings, features: number): OperatorList {
  const turns = settings.use_rotary_positional_embeddings;
  const list = new OperatorListBuilder(["hidden_states", "encoder_hidden_states", "temb", ...(turns ? ["rotary_cos", "rotary_sin"] : [])]);
  let video = "hidden_states";
  let text = "encoder_hidden_states";
  for (const [norm, branch] of [["norm1", attend], ["norm2", widen]] as const) {
    const [shift, scale, gate, textShift, textScale, textGate] = modulation(list, `${norm}.linear`, "temb", { inFeatures: settings.time_embed_dim, features, count: 6 });
    // One norm for both streams.
    const normalized = list.add({ op: "layerNorm", module: `${norm}.norm`, input: list.add({ op: "concat", inputs: [text, video], axis: 1 }), ...normsOf(settings, features) });
    const [plainText, plainVideo] = splitTokens(list, normalized, text);
    const tokens = list.add({ op: "concat", inputs: [modulate(list, plainText, textScale, textShift), modulate(list, plainVideo, scale, shift)], axis: 1 });
    const [addedText, addedVideo] = splitTokens(list, branch(list, tokens, settings, features), text);
    video = gatedSum(list, video, gate, addedVideo);
    text = gatedSum(list, text, textGate, addedText);
  }
  return list.finish(video, text);
}

/** Attention over both streams; rotary positions are the video's alone. */
function attend(list: OperatorListBuilder, tokens: string, { attention_head_dim, attention_bias, num_attention_heads: heads, use_rotary_positional_embeddings: turns }: Settings, features: number): string {
  const project = (name: string) => list.linear(`attn1.${name}`, tokens, features, features, attention_bias);
  const normalized = (name: string, norm: string) => {
    const each = list.add({ op: "layerNorm", module: `attn1.${norm}`, input: project(name), features: attention_head_dim, epsilon: 1e-6, affine: "weight and bias" });
    if (!turns) return each;
    const [text, video] = splitTokens(list, each, "encoder_hidden_states");
    return list.add({ op: "concat", inputs: [text, list.add({ op: "rotary", input: video, cos: "rotary_cos", sin: "rotary_sin", layout: "interleaved" })], axis: 1 });
  };
  const attended = list.add({ op: "attention", query: normalized("to_q", "norm_q"), key: normalized("to_k", "norm_k"), value: project("to_v"), heads, causal: false });
  return list.linear("attn1.to_out.0", attended, features, features);
}

function widen(list: OperatorListBuilder, tokens: string, { activation_fn: activation }: { readonly activation_fn: FeedForwardActivation }, features: number): string {
  return feedForward(list, "ff.", tokens, { features, activation });
}

function output(settings: Settings, features: number): OperatorList {
  const { time_embed_dim, out_channels, patch_size: p, patch_size_t: t } = settings;
  const list = new OperatorListBuilder(["hidden_states", "temb", "sample"]);
  const norms = normsOf(settings, features);
  const [shift, scale] = modulation(list, "norm_out.linear", "temb", { inFeatures: time_embed_dim, features, count: 2 });
  const final = list.add({ op: "layerNorm", module: "norm_final", input: "hidden_states", ...norms });
  const hidden = modulate(list, list.add({ op: "layerNorm", module: "norm_out.norm", input: final, ...norms }), scale, shift);
  const patches = list.linear("proj_out", hidden, features, p * p * (t ?? 1) * out_channels);
  const sizes = { p, q: p, t: t ?? 1 };
  return list.finish(list.rearrange(patches, "n (f h w) (c t p q) -> n (f t) c (h p) (w q)", sizes, { value: "sample", pattern: "n (f t) other (h p) (w q)" }));
}
