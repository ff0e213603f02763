/**
 * diffusers' SD3Transformer2DModel (Stable Diffusion 3 and 3.5): two streams of tokens, image and text, that attend to each other.
 * "pos_embed" [L, C] is a table of sinusoids that is no parameter: the middle of one for pos_embed_max_size² patches, cropped to the
 * image, one row per patch, row by row.
 */
import { z } from "zod";
import { UserError } from "../../model/errors";
import type { OperatorList } from "../../model/operator";
import type { Bindings } from "../../model/profile";
import type { ComponentDescription, LayerDescription } from "../component";
import { channels, checkConfig, checkDescription, count, only } from "../config";
import { OperatorListBuilder } from "../operatorListBuilder";
import { expectPatches, wholePatches } from "../sizes";
import { continuousNorm, gatedSum, modulate, modulation, plainNorm } from "./blocks/adaptiveNorm";
import { timeTextLayer } from "./blocks/conditioning";
import { feedForward } from "./blocks/feedForward";
import { jointAttention, selfAttention, type JointAttentionOptions } from "./blocks/jointAttention";
import { patchesToImage } from "./blocks/patches";
import { linearLayer } from "./blocks/projections";
import { stackedBlocks } from "./blocks/stack";
import type { Backbone } from "./family";
import { checkWidth, patchEmbeddingLayer, patchInputs, sampleSize } from "./patchTransformer";

/** Defaults are those of diffusers. */
const schema = z.object({
  _class_name: only(["SD3Transformer2DModel"]).optional(),
  sample_size: sampleSize.default(128),
  patch_size: z.int().min(1).max(1024).default(2),
  in_channels: channels.default(16),
  num_layers: count.default(18),
  attention_head_dim: channels.default(64),
  num_attention_heads: channels.default(18),
  joint_attention_dim: channels.default(4096),
  caption_projection_dim: channels.default(1152),
  pooled_projection_dim: channels.default(2048),
  out_channels: channels.nullable().default(16),
  pos_embed_max_size: sampleSize.default(96),
  dual_attention_layers: z.array(z.int().min(0).max(10_000)).max(10_000).default([]),
  qk_norm: z.enum(["rms_norm", "layer_norm"]).nullable().default(null),
});

/** Tokens of the longest text encoder (T5) in the pipeline; the short encoders' 77 come before them. */
const textTokens = 256;

/** @throws UserError for a configuration that diffusers would refuse or that is not supported. */
export function parseSd3Transformer2dModel(config: unknown, file: string): Backbone {
  const settings = checkConfig(schema, config, file);
  const { patch_size: patch, in_channels: inChannels, num_layers: blocks, joint_attention_dim: textFeatures } = settings;
  const outChannels = settings.out_channels ?? inChannels;
  const features = settings.num_attention_heads * settings.attention_head_dim;
  checkWidth(features, file);
  if (settings.caption_projection_dim !== features) {
    throw new UserError(`Texts are projected to ${settings.caption_projection_dim} features, but the blocks have ${features}.`, { file, field: "caption_projection_dim" });
  }
  const dual = new Set(settings.dual_attention_layers);
  const body = blockBodies({ features, headFeatures: settings.attention_head_dim, norm: settings.qk_norm });
  const layers: readonly LayerDescription[] = [
    patchEmbeddingLayer({ inChannels, features, patch }),
    timeTextLayer({ features, pooledFeatures: settings.pooled_projection_dim, guidance: false, factor: 1 }),
    linearLayer("context_embedder", "encoder_hidden_states", textFeatures, features),
    ...stackedBlocks({
      path: "transformer_blocks", kind: "joint_transformer_block", count: blocks, body: (index) => body(dual.has(index), index === blocks - 1),
      carried: { hidden_states: { layer: "pos_embed" }, encoder_hidden_states: { layer: "context_embedder" } }, shared: { temb: { layer: "time_text_embed" } },
    }),
    {
      name: "proj_out", kind: "ada_layer_norm_output", modules: ["norm_out", "proj_out"], root: "", body: output(features, outChannels, patch),
      sources: { hidden_states: { layer: `transformer_blocks.${blocks - 1}` }, temb: { layer: "time_text_embed" }, sample: { input: "hidden_states" } },
    },
  ];
  const side = wholePatches(settings.sample_size, patch, settings.pos_embed_max_size);
  const description: ComponentDescription = {
    class: "SD3Transformer2DModel",
    inputs: [
      ...patchInputs({ inChannels, features, patch }),
      { name: "encoder_hidden_states", type: "float32", shape: ({ sequenceLength }) => [sequenceLength, textFeatures] },
      { name: "pooled_projections", type: "float32", shape: () => [settings.pooled_projection_dim] },
      { name: "timestep", type: "float32", shape: () => [] },
    ],
    layers,
    defaultSizes: { height: side, width: side, sequenceLength: textTokens },
    checkSizes: (sizes: Bindings) => expectPatches(sizes, patch, settings.pos_embed_max_size),
  };
  return { kind: "backbone", description: checkDescription(description, file, ""), inChannels, outChannels };
}

type BlockOptions = Pick<JointAttentionOptions, "features" | "headFeatures" | "norm">;

/** Equal blocks share one list. */
function blockBodies(options: BlockOptions): (dual: boolean, last: boolean) => OperatorList {
  const made = new Map<string, OperatorList>();
  return (dual, last) => {
    const key = `${dual} ${last}`;
    const known = made.get(key) ?? block(options, dual, last);
    made.set(key, known);
    return known;
  };
}

/**
 * diffusers' JointTransformerBlock. Outputs: the image and, but for the last block, the text.
 * @param dual The image attends to itself once more, beside the joint attention.
 */
function block(options: BlockOptions, dual: boolean, last: boolean): OperatorList {
  const { features } = options;
  const list = new OperatorListBuilder(["hidden_states", "encoder_hidden_states", "temb"]);
  const values = (module: string, count: number) => modulation(list, module, "temb", { inFeatures: features, features, count });
  const [shift, scale, gate, shiftMlp, scaleMlp, gateMlp, shiftDual, scaleDual, gateDual] = values("norm1.linear", dual ? 9 : 6);
  const plain = plainNorm(list, "norm1.norm", "hidden_states", features);
  const ofText = last ? [] : values("norm1_context.linear", 6);
  const text = last
    ? continuousNorm(list, "norm1_context", "encoder_hidden_states", "temb", features)
    : modulate(list, plainNorm(list, "norm1_context.norm", "encoder_hidden_states", features), ofText[1], ofText[0]);
  const attended = jointAttention(list, "attn.", modulate(list, plain, scale, shift), text, { ...options, first: "image" }, !last);
  let image = gatedSum(list, "hidden_states", gate, attended.image);
  if (dual) {
    const alone = selfAttention(list, "attn2.", modulate(list, plain, scaleDual, shiftDual), options);
    image = gatedSum(list, image, gateDual, list.linear("attn2.to_out.0", alone, features, features));
  }
  const widen = (norm: string, path: string, input: string, scaling: string, shifting: string, gating: string) =>
    gatedSum(list, input, gating, feedForward(list, path, modulate(list, plainNorm(list, norm, input, features), scaling, shifting), { features, activation: "gelu-approximate" }));
  image = widen("norm2", "ff.", image, scaleMlp, shiftMlp, gateMlp);
  if (last) return list.finish(image);
  const [, , textGate, textShiftMlp, textScaleMlp, textGateMlp] = ofText;
  return list.finish(image, widen("norm2_context", "ff_context.", gatedSum(list, "encoder_hidden_states", textGate, attended.text), textScaleMlp, textShiftMlp, textGateMlp));
}

function output(features: number, outChannels: number, patch: number): OperatorList {
  const list = new OperatorListBuilder(["hidden_states", "temb", "sample"]);
  const hidden = continuousNorm(list, "norm_out", "hidden_states", "temb", features);
  return list.finish(patchesToImage(list, list.linear("proj_out", hidden, features, patch * patch * outChannels), patch, "sample"));
}
