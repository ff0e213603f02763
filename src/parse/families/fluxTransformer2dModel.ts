/**
 * diffusers' FluxTransformer2DModel: blocks with two streams of tokens, then blocks that put both through one set of weights.
 *
 * "hidden_states" are latents packed by their pipeline, 2 x 2 to a token: [latent height / 2 * latent width / 2, in_channels]. Height and
 * width are the latents' own. "rotary_cos" and "rotary_sin" [text tokens + image tokens, head size] are what diffusers makes of the
 * tokens' positions: text first, then the image row by row; each angle stands twice, beside itself.
 */
import { z } from "zod";
import { UserError } from "../../model/errors";
import type { OperatorList } from "../../model/operator";
import type { Bindings } from "../../model/profile";
import type { ComponentDescription, ComponentInput, LayerDescription } from "../component";
import { channels, checkConfig, checkDescription, count, flag, only } from "../config";
import { OperatorListBuilder } from "../operatorListBuilder";
import { expectPatches } from "../sizes";
import { continuousNorm, gatedSum, modulate, modulation, plainNorm } from "./blocks/adaptiveNorm";
import { timeTextLayer } from "./blocks/conditioning";
import { feedForward } from "./blocks/feedForward";
import { jointAttention, selfAttention, splitTokens } from "./blocks/jointAttention";
import { linearLayer } from "./blocks/projections";
import { endOfStack, stackedBlocks } from "./blocks/stack";
import type { Backbone } from "./family";

/** Defaults are those of diffusers. */
const schema = z.object({
  _class_name: only(["FluxTransformer2DModel"]).optional(),
  patch_size: z.int().min(1).max(64).default(1),
  in_channels: channels.default(64),
  out_channels: channels.nullable().default(null),
  num_layers: count.default(19),
  num_single_layers: count.default(38),
  attention_head_dim: channels.default(128),
  num_attention_heads: channels.default(24),
  joint_attention_dim: channels.default(4096),
  pooled_projection_dim: channels.default(768),
  guidance_embeds: flag.default(false),
  axes_dims_rope: z.array(z.int().min(2).max(1_000_000).multipleOf(2)).length(3).default([16, 56, 56]),
});

/** Latents along each side that the pipeline packs into a token. */
const packing = 2;
const textTokens = 512;
/** Of the latents at 1024 x 1024 pixels, which the pipeline suggests: the configuration names no size. */
const latentSide = 128;

/** @throws UserError for a configuration that diffusers would refuse or that is not supported. */
export function parseFluxTransformer2dModel(config: unknown, file: string): Backbone {
  const settings = checkConfig(schema, config, file);
  const { in_channels: inChannels, attention_head_dim: headFeatures, num_layers: doubles, num_single_layers: singles } = settings;
  const outFeatures = settings.patch_size ** 2 * (settings.out_channels ?? inChannels);
  const features = settings.num_attention_heads * headFeatures;
  const turned = settings.axes_dims_rope.reduce((sum, size) => sum + size, 0);
  if (turned !== headFeatures) throw new UserError(`Positions turn ${turned} features of each head, but a head has ${headFeatures}.`, { file, field: "axes_dims_rope" });
  for (const [field, size] of [["in_channels", inChannels], ["out_channels", outFeatures]] as const) {
    if (size % packing ** 2 !== 0) throw new UserError(`${packing} x ${packing} latents are packed into a token, but ${size} is not a multiple of ${packing ** 2}.`, { file, field });
  }
  const shared = { temb: { layer: "time_text_embed" }, rotary_cos: { input: "rotary_cos" }, rotary_sin: { input: "rotary_sin" } };
  const [double, single] = [doubleBlock(features, headFeatures), singleBlock(features, headFeatures)];
  const first = {
    path: "transformer_blocks", kind: "flux_double_block", count: doubles, body: () => double, shared,
    carried: { hidden_states: { layer: "x_embedder" }, encoder_hidden_states: { layer: "context_embedder" } },
  };
  const second = { path: "single_transformer_blocks", kind: "flux_single_block", count: singles, body: () => single, shared, carried: endOfStack(first) };
  const layers: readonly LayerDescription[] = [
    linearLayer("x_embedder", "hidden_states", inChannels, features),
    timeTextLayer({ features, pooledFeatures: settings.pooled_projection_dim, guidance: settings.guidance_embeds, factor: 1000 }),
    linearLayer("context_embedder", "encoder_hidden_states", settings.joint_attention_dim, features),
    ...stackedBlocks(first),
    ...stackedBlocks(second),
    {
      name: "proj_out", kind: "ada_layer_norm_output", modules: ["norm_out", "proj_out"], root: "", body: output(features, outFeatures),
      sources: { hidden_states: endOfStack(second).hidden_states, temb: { layer: "time_text_embed" } },
    },
  ];
  const imageTokens = ({ height, width }: Bindings) => (height / packing) * (width / packing);
  const table = (name: string): ComponentInput => ({ name, type: "float32", fixed: true, shape: (sizes) => [sizes.sequenceLength + imageTokens(sizes), headFeatures] });
  const description: ComponentDescription = {
    class: "FluxTransformer2DModel",
    inputs: [
      { name: "hidden_states", type: "float32", shape: (sizes) => [imageTokens(sizes), inChannels] },
      { name: "encoder_hidden_states", type: "float32", shape: ({ sequenceLength }) => [sequenceLength, settings.joint_attention_dim] },
      { name: "pooled_projections", type: "float32", shape: () => [settings.pooled_projection_dim] },
      { name: "timestep", type: "float32", shape: () => [] },
      ...(settings.guidance_embeds ? [{ name: "guidance", type: "float32", shape: () => [] } as const] : []),
      table("rotary_cos"),
      table("rotary_sin"),
    ],
    layers,
    defaultSizes: { height: latentSide, width: latentSide, sequenceLength: textTokens },
    checkSizes: (sizes: Bindings) => expectPatches(sizes, packing),
  };
  return { kind: "backbone", description: checkDescription(description, file, ""), inChannels: inChannels / packing ** 2, outChannels: outFeatures / packing ** 2 };
}

const blockInputs = ["hidden_states", "encoder_hidden_states", "temb", "rotary_cos", "rotary_sin"];
const rotary = { cos: "rotary_cos", sin: "rotary_sin" };

/** Joint attention, then each stream's own feed-forward part. Outputs: image, text. */
function doubleBlock(features: number, headFeatures: number): OperatorList {
  const list = new OperatorListBuilder(blockInputs);
  const prepare = (suffix: string, input: string) => {
    const [shift, scale, gate, ...mlp] = modulation(list, `norm1${suffix}.linear`, "temb", { inFeatures: features, features, count: 6 });
    return { normalized: modulate(list, plainNorm(list, `norm1${suffix}.norm`, input, features), scale, shift), gate, mlp };
  };
  const finish = (suffix: string, input: string, [shift, scale, gate]: readonly string[]) => {
    const normalized = modulate(list, plainNorm(list, `norm2${suffix}`, input, features), scale, shift);
    return gatedSum(list, input, gate, feedForward(list, `ff${suffix}.`, normalized, { features, activation: "gelu-approximate" }));
  };
  const [image, text] = [prepare("", "hidden_states"), prepare("_context", "encoder_hidden_states")];
  const attended = jointAttention(list, "attn.", image.normalized, text.normalized, { features, headFeatures, norm: "rms_norm", first: "text", rotary });
  return list.finish(
    finish("", gatedSum(list, "hidden_states", image.gate, attended.image), image.mlp),
    finish("_context", gatedSum(list, "encoder_hidden_states", text.gate, attended.text), text.mlp),
  );
}

/** Attention and feed-forward part beside each other, over both streams as one. Outputs: image, text. */
function singleBlock(features: number, headFeatures: number): OperatorList {
  const list = new OperatorListBuilder(blockInputs);
  const tokens = list.add({ op: "concat", inputs: ["encoder_hidden_states", "hidden_states"], axis: 1 });
  const [shift, scale, gate] = modulation(list, "norm.linear", "temb", { inFeatures: features, features, count: 3 });
  const normalized = modulate(list, plainNorm(list, "norm.norm", tokens, features), scale, shift);
  const widened = list.activation("geluTanh", list.linear("proj_mlp", normalized, features, 4 * features));
  const attended = selfAttention(list, "attn.", normalized, { features, headFeatures, norm: "rms_norm", rotary });
  const joined = list.linear("proj_out", list.add({ op: "concat", inputs: [attended, widened], axis: 2 }), 5 * features, features);
  const [text, image] = splitTokens(list, gatedSum(list, tokens, gate, joined), "encoder_hidden_states");
  return list.finish(image, text);
}

function output(features: number, outFeatures: number): OperatorList {
  const list = new OperatorListBuilder(["hidden_states", "temb"]);
  return list.finish(list.linear("proj_out", continuousNorm(list, "norm_out", "hidden_states", "temb", features), features, outFeatures));
}
