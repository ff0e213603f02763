/** diffusers' UNet2DModel: images or latents without a context, with attention over pixels at some resolutions. */
import { z } from "zod";
import { UserError } from "../../model/errors";
import type { ComponentDescription } from "../component";
import { channels, checkConfig, checkDescription, count, epsilon, expectOnePerBlock, flag, maxLayers, only } from "../config";
import { diffusersActivation } from "./activations";
import type { Backbone } from "./family";
import type { BlockAttention } from "./blocks/unetBlock";
import { conditioned, type ClassEmbedding, type Conditioning, type TimeProjection } from "./blocks/unetEmbeddings";
import type { UnetBlock, UnetPlan } from "./blocks/unetPlan";
import { UnetWalk } from "./blocks/unetWalk";
import { sinusoids } from "./unetConditioning";
import { sizesOf } from "./unet2dConditionModel";
import { imageSize } from "./unet2dConfig";

const resampling = z.enum(["conv", "resnet"]).nullable().default("conv");

/** Defaults are those of diffusers. Settings that it has and that are missing here do not change what the supported blocks compute. */
const schema = z.object({
  _class_name: only(["UNet2DModel"]).optional(),
  sample_size: z.union([imageSize, z.tuple([imageSize, imageSize])], "Expected a size, or height and width").nullable().default(null),
  in_channels: channels.default(3),
  out_channels: channels.default(3),
  center_input_sample: flag.default(false),
  time_embedding_type: z.enum(["positional", "fourier", "learned"]).default("positional"),
  time_embedding_dim: channels.nullable().default(null),
  freq_shift: z.number().min(0).max(1_000_000).default(0),
  flip_sin_to_cos: z.boolean().default(true),
  down_block_types: z.array(z.enum(["DownBlock2D", "AttnDownBlock2D"])).min(1).max(16).default(["DownBlock2D", "AttnDownBlock2D", "AttnDownBlock2D", "AttnDownBlock2D"]),
  mid_block_type: z.enum(["UNetMidBlock2D"]).nullable().default("UNetMidBlock2D"),
  up_block_types: z.array(z.enum(["UpBlock2D", "AttnUpBlock2D"])).min(1).max(16).default(["AttnUpBlock2D", "AttnUpBlock2D", "AttnUpBlock2D", "UpBlock2D"]),
  block_out_channels: z.array(channels).min(1).max(16).default([224, 448, 672, 896]),
  layers_per_block: count.max(1000).default(2),
  mid_block_scale_factor: z.number().min(1e-6).max(1e6).default(1),
  downsample_padding: only([0, 1]).default(1),
  downsample_type: resampling,
  upsample_type: resampling,
  dropout: only([0]).optional(),
  act_fn: diffusersActivation.default("silu"),
  attention_head_dim: channels.nullable().default(8),
  norm_num_groups: channels.default(32),
  attn_norm_num_groups: channels.nullable().default(null),
  norm_eps: epsilon.default(1e-5),
  resnet_time_scale_shift: z.enum(["default", "scale_shift"]).default("default"),
  add_attention: flag.default(true),
  class_embed_type: z.enum(["timestep", "identity"]).nullable().default(null),
  num_class_embeds: count.max(1_000_000).nullable().default(null),
  num_train_timesteps: count.max(1_000_000).nullable().default(null),
});

type Settings = z.infer<typeof schema>;

/** @throws UserError naming `file` and the field. */
export function parseUnet2dModel(json: unknown, file: string): Backbone {
  const settings = checkConfig(schema, json, file);
  const plan = planOf(settings, file);
  const condition = conditioned(plan.conditioning);
  const walk = new UnetWalk(plan, condition);
  walk.start();
  walk.down();
  walk.middle();
  walk.up();
  const description: ComponentDescription = {
    class: "UNet2DModel",
    inputs: [{ name: "sample", type: "float32", shape: ({ height, width }) => [plan.inChannels, height, width] }, ...condition.inputs],
    layers: walk.layers,
    ...sizesOf(plan),
  };
  return { kind: "backbone", description: checkDescription(description, file, "norm_num_groups"), inChannels: plan.inChannels, outChannels: plan.outChannels };
}

function planOf(settings: Settings, file: string): UnetPlan {
  const { block_out_channels: widths, down_block_types: down, up_block_types: up, sample_size, layers_per_block: layers } = settings;
  expectOnePerBlock("up_block_types", up.length, down.length, file);
  expectOnePerBlock("block_out_channels", widths.length, down.length, file);
  if (2 * down.length * layers > maxLayers) throw new UserError(`More than ${maxLayers} layers.`, { file, field: "layers_per_block" });
  const attention = (width: number, groups: number | undefined, outputScaleFactor: number): BlockAttention => {
    const headFeatures = settings.attention_head_dim ?? width;
    if (width % headFeatures !== 0) throw new UserError(`${width} channels are not divided by heads of ${headFeatures}.`, { file, field: "attention_head_dim" });
    return { kind: "self", channels: width, heads: width / headFeatures, headFeatures, ...(groups !== undefined && { groups }), epsilon: settings.norm_eps, outputScaleFactor };
  };
  const block = (type: string, width: number, count: number, change: Settings["downsample_type"]): UnetBlock => ({
    width,
    attentions: Array.from({ length: count }, () => (type.startsWith("Attn") ? attention(width, settings.norm_num_groups, 1) : undefined)),
    resampling: type.startsWith("Attn") && change === "resnet" ? "resnet" : "convolution",
    resnet: {},
  });
  const lastWidth = widths[widths.length - 1];
  const scale = settings.mid_block_scale_factor;
  // With another time conditioning, diffusers leaves out the norm unless it is asked for.
  const middleGroups = settings.attn_norm_num_groups ?? (settings.resnet_time_scale_shift === "default" ? settings.norm_num_groups : undefined);
  if (settings.add_attention && settings.mid_block_type !== null && middleGroups !== undefined && lastWidth % middleGroups !== 0) {
    throw new UserError(`${lastWidth} channels cannot be divided into ${middleGroups} groups.`, { file, field: settings.attn_norm_num_groups === null ? "norm_num_groups" : "attn_norm_num_groups" });
  }
  return {
    sampleSize: typeof sample_size === "number" ? [sample_size, sample_size] : (sample_size ?? undefined),
    inChannels: settings.in_channels,
    outChannels: settings.out_channels,
    centered: settings.center_input_sample,
    down: down.map((type, level) => block(type, widths[level], layers, settings.downsample_type)),
    middle: settings.mid_block_type === null ? undefined : { width: lastWidth, attentions: [settings.add_attention ? attention(lastWidth, middleGroups, scale) : undefined], resnet: { outputScaleFactor: scale } },
    up: up.map((type, index) => block(type, widths[widths.length - 1 - index], layers + 1, settings.upsample_type)),
    conditioning: conditioning(settings, widths[0], file),
    downsamplePadding: settings.downsample_padding,
    resnet: { groups: settings.norm_num_groups, epsilon: settings.norm_eps, activation: settings.act_fn, timeShift: settings.resnet_time_scale_shift },
    inKernel: 3,
    outKernel: 3,
    outActivation: "silu",
    dividedByTimestep: settings.time_embedding_type === "fourier",
  };
}

function conditioning(settings: Settings, width: number, file: string): Conditioning {
  const refuse = (field: string, message: string) => new UserError(message, { file, field });
  const time = timeProjection(settings, width, refuse);
  const classes = classEmbedding(settings);
  if (classes?.kind === "timestep" && time.kind !== "positional") throw refuse("class_embed_type", "Classes as timesteps are supported with sinusoids only.");
  return { time, features: settings.time_embedding_dim ?? 4 * width, activation: "silu", ...(classes && { classes }) };
}

function timeProjection(settings: Settings, width: number, refuse: (field: string, message: string) => UserError): TimeProjection {
  switch (settings.time_embedding_type) {
    case "positional": return sinusoids(width, settings.flip_sin_to_cos, settings.freq_shift, refuse);
    case "fourier": return { kind: "fourier", channels: width, flipSinToCos: false, log: true };
    case "learned":
      if (settings.num_train_timesteps === null) throw refuse("num_train_timesteps", "A number is needed for learned embeddings of timesteps.");
      return { kind: "learned", channels: width, steps: settings.num_train_timesteps };
  }
}

function classEmbedding({ class_embed_type: kind, num_class_embeds }: Settings): ClassEmbedding | undefined {
  if (kind !== null) return { kind };
  return num_class_embeds === null ? undefined : { kind: "table", count: num_class_embeds };
}
