/**
 * diffusers' PixArtTransformer2DModel (alpha and sigma): patches of an image that attend to a text; one embedding of the timestep for all
 * blocks, to which each adds a table of its own. Masks of padded texts are left out: they change no shape and next to no work.
 */
import { z } from "zod";
import { UserError } from "../../model/errors";
import type { OperatorList } from "../../model/operator";
import type { Bindings } from "../../model/profile";
import type { ComponentDescription, ComponentInput, LayerDescription, ValueSource } from "../component";
import { channels, checkConfig, checkDescription, only } from "../config";
import { OperatorListBuilder } from "../operatorListBuilder";
import { expectPatches, wholePatches } from "../sizes";
import { gatedSum, modulate, plainNorm, rows } from "./blocks/adaptiveNorm";
import { attention } from "./blocks/attention";
import { embeddedNumber, projection } from "./blocks/conditioning";
import { feedForward, type FeedForwardActivation } from "./blocks/feedForward";
import { patchesToImage } from "./blocks/patches";
import { endOfStack, stackedBlocks } from "./blocks/stack";
import type { Backbone } from "./family";
import { checkWidth, normEpsilon, patchEmbeddingLayer, patchInputs, patchTransformerSettings, sampleSize } from "./patchTransformer";

const schema = z.object({
  ...patchTransformerSettings,
  _class_name: only(["PixArtTransformer2DModel", "Transformer2DModel"]).default("PixArtTransformer2DModel"),
  out_channels: channels.nullable().default(8),
  cross_attention_dim: channels.default(1152),
  sample_size: sampleSize.default(128),
  norm_type: only(["ada_norm_single"]).optional(),
  norm_eps: normEpsilon.default(1e-6),
  /** Where left out, the size of the latents decides. */
  use_additional_conditions: z.boolean().nullable().default(null),
  caption_channels: channels.nullable().default(null),
  attention_type: only(["default"]).optional(),
});

/** Tokens of a text that PixArt-alpha was trained with. */
const textTokens = 120;

/** @throws UserError for a configuration that diffusers would refuse or that is not supported. */
export function parsePixArtTransformer2dModel(config: unknown, file: string): Backbone {
  const settings = checkConfig(schema, config, file);
  const { patch_size: patch, in_channels: inChannels, caption_channels: captionChannels, cross_attention_dim: contextFeatures } = settings;
  const outChannels = settings.out_channels ?? inChannels;
  const features = settings.num_attention_heads * settings.attention_head_dim;
  checkWidth(features, file);
  const fail = (field: string, message: string) => new UserError(message, { file, field });
  if (captionChannels !== null && contextFeatures !== features) throw fail("cross_attention_dim", `Captions are projected to ${features} features, but the blocks expect ${contextFeatures}.`);
  const conditions = settings.use_additional_conditions ?? settings.sample_size === 128;
  if (conditions && features % 3 !== 0) throw fail("use_additional_conditions", `Resolution and aspect ratio share ${features} features, which is not a multiple of 3.`);

  const options: BlockOptions = {
    features, contextFeatures, heads: settings.num_attention_heads, bias: settings.attention_bias, activation: settings.activation_fn,
    epsilon: settings.norm_eps, affine: settings.norm_elementwise_affine,
  };
  const text: ValueSource = captionChannels === null ? { input: "encoder_hidden_states" } : { layer: "caption_projection" };
  const body = block(options);
  const stack = {
    path: "transformer_blocks", kind: "pixart_block", count: settings.num_layers, body: () => body,
    carried: { hidden_states: { layer: "pos_embed" } }, shared: { encoder_hidden_states: text, timestep: { layer: "adaln_single" } },
  };
  const sizeNames = conditions ? ["resolution", "aspect_ratio"] : [];
  const layers: readonly LayerDescription[] = [
    patchEmbeddingLayer({ inChannels, features, patch }),
    {
      name: "adaln_single", kind: "ada_layer_norm_single", modules: ["adaln_single"], root: "adaln_single.", body: timeEmbedding(features, conditions),
      sources: Object.fromEntries(["timestep", ...sizeNames].map((name) => [name, { input: name }])),
    },
    ...(captionChannels === null ? [] : [captionProjection(captionChannels, features)]),
    ...stackedBlocks(stack),
    {
      name: "proj_out", kind: "pixart_output", modules: ["norm_out", "proj_out"], root: "", body: output(features, outChannels, patch),
      sources: { ...endOfStack(stack), embedded_timestep: { layer: "adaln_single", output: 1 }, sample: { input: "hidden_states" } },
    },
  ];
  const side = wholePatches(settings.sample_size, patch);
  const description: ComponentDescription = {
    class: settings._class_name,
    inputs: [
      ...patchInputs({ inChannels, features, patch }),
      { name: "encoder_hidden_states", type: "float32", shape: ({ sequenceLength }) => [sequenceLength, captionChannels ?? contextFeatures] },
      { name: "timestep", type: "int64", below: 1000, shape: () => [] },
      ...sizeNames.map((name): ComponentInput => ({ name, type: "float32", shape: () => [name === "resolution" ? 2 : 1] })),
    ],
    layers,
    defaultSizes: { height: side, width: side, sequenceLength: textTokens },
    checkSizes: (sizes: Bindings) => expectPatches(sizes, patch),
  };
  return { kind: "backbone", description: checkDescription(description, file, ""), inChannels, outChannels };
}

function captionProjection(captionChannels: number, features: number): LayerDescription {
  const list = new OperatorListBuilder(["encoder_hidden_states"]);
  return {
    name: "caption_projection", kind: "text_projection", modules: ["caption_projection"], root: "",
    body: list.finish(projection(list, "caption_projection", "encoder_hidden_states", captionChannels, features, "geluTanh")),
    sources: { encoder_hidden_states: { input: "encoder_hidden_states" } },
  };
}

/** Outputs: what the blocks add their tables to, [N, 6 C], and the embedding itself. */
function timeEmbedding(features: number, conditions: boolean): OperatorList {
  const list = new OperatorListBuilder(["timestep", ...(conditions ? ["resolution", "aspect_ratio"] : [])]);
  let embedded = embeddedNumber(list, "emb.timestep_embedder", "timestep", features);
  if (conditions) {
    /** Each number of a sample is embedded alone, in a third of the features. */
    const numbers = (name: string, count: number) => {
      const vectors = embeddedNumber(list, `emb.${name}_embedder`, list.rearrange(name, "n k -> (n k)"), features / 3);
      return list.rearrange(vectors, "(n k) c -> n (k c)", { k: count });
    };
    embedded = list.sum(embedded, list.add({ op: "concat", inputs: [numbers("resolution", 2), numbers("aspect_ratio", 1)], axis: 1 }));
  }
  return list.finish(list.linear("linear", list.activation("silu", embedded), features, 6 * features), embedded);
}

interface BlockOptions {
  readonly features: number;
  readonly contextFeatures: number;
  readonly heads: number;
  readonly bias: boolean;
  readonly activation: FeedForwardActivation;
  readonly epsilon: number;
  readonly affine: boolean;
}

/** diffusers' BasicTransformerBlock with ada_norm_single; its second norm stands before the feed-forward part, not the cross-attention. */
function block({ features, contextFeatures, heads, bias, activation, epsilon, affine }: BlockOptions): OperatorList {
  const list = new OperatorListBuilder(["hidden_states", "encoder_hidden_states", "timestep"]);
  const norm = (module: string, input: string) => list.add({ op: "layerNorm", module, input, features, epsilon, affine: affine ? "weight and bias" : "none" });
  const table = list.add({ op: "learnedTensor", module: "scale_shift_table", shape: [6, features], as: [1, 6, features] });
  const values = list.sum(table, list.rearrange("timestep", "n (s c) -> n s c", { s: 6 }));
  const [shift, scale, gate, shiftMlp, scaleMlp, gateMlp] = rows(list, values, 6);
  const normalized = modulate(list, norm("norm1", "hidden_states"), scale, shift);
  let hidden = gatedSum(list, "hidden_states", gate, attention(list, "attn1.", normalized, normalized, { features, contextFeatures: features, heads, bias }));
  hidden = list.sum(attention(list, "attn2.", hidden, "encoder_hidden_states", { features, contextFeatures, heads, bias }), hidden);
  const widened = feedForward(list, "ff.", modulate(list, norm("norm2", hidden), scaleMlp, shiftMlp), { features, activation });
  return list.finish(gatedSum(list, hidden, gateMlp, widened));
}

function output(features: number, outChannels: number, patch: number): OperatorList {
  const list = new OperatorListBuilder(["hidden_states", "embedded_timestep", "sample"]);
  const table = list.add({ op: "learnedTensor", module: "scale_shift_table", shape: [2, features], as: [1, 2, features] });
  const [shift, scale] = rows(list, list.sum(table, list.rearrange("embedded_timestep", "n c -> n 1 c")), 2);
  const hidden = modulate(list, plainNorm(list, "norm_out", "hidden_states", features), scale, shift);
  return list.finish(patchesToImage(list, list.linear("proj_out", hidden, features, patch * patch * outChannels), patch, "sample"));
}
