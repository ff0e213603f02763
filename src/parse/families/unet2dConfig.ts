/** The configuration of diffusers' UNet2DConditionModel, checked and spread out to one value per level. */
import { z } from "zod";
import { UserError } from "../../model/errors";
import type { ActivationFunction } from "../../model/operator";
import { channels, checkConfig, count, epsilon, flag, maxLayers, only, perLevel } from "../config";
import { diffusersActivation } from "./activations";

const crossDown = "CrossAttnDownBlock2D";
const crossUp = "CrossAttnUpBlock2D";
const absent = only([null]).optional();
const off = only([false, null]).optional();
/** Odd, so that the image keeps its size. */
const kernel = z.int().min(1).max(63).refine((size) => size % 2 === 1, "Only odd kernels are supported").default(3);
const imageSize = z.int().min(1).max(1_000_000);

/** Defaults are those of diffusers. Settings that it has and that are missing here do not change what the supported blocks compute. */
const schema = z.object({
  _class_name: only(["UNet2DConditionModel"]).optional(),
  sample_size: z.union([imageSize, z.tuple([imageSize, imageSize])], "Expected a size, or height and width").nullable().default(null),
  in_channels: channels.default(4),
  out_channels: channels.default(4),
  center_input_sample: off,
  flip_sin_to_cos: z.boolean().default(true),
  freq_shift: z.number().min(0).max(1_000_000).default(0),
  down_block_types: z.array(z.enum(["DownBlock2D", crossDown])).min(1).max(16).default([crossDown, crossDown, crossDown, "DownBlock2D"]),
  mid_block_type: z.enum(["UNetMidBlock2DCrossAttn", "UNetMidBlock2D"]).nullable().default("UNetMidBlock2DCrossAttn"),
  up_block_types: z.array(z.enum(["UpBlock2D", crossUp])).min(1).max(16).default(["UpBlock2D", crossUp, crossUp, crossUp]),
  only_cross_attention: z.union([only([false]), z.array(only([false]))]).optional(),
  block_out_channels: z.array(channels).min(1).max(16).default([320, 640, 1280, 1280]),
  layers_per_block: perLevel(count).default(2),
  downsample_padding: only([0, 1]).default(1),
  mid_block_scale_factor: z.number().min(1e-6).max(1e6).default(1),
  dropout: only([0]).optional(),
  act_fn: diffusersActivation.default("silu"),
  norm_num_groups: channels.default(32),
  norm_eps: epsilon.default(1e-5),
  cross_attention_dim: perLevel(channels).default(1280),
  transformer_layers_per_block: perLevel(count).default(1),
  reverse_transformer_layers_per_block: absent,
  encoder_hid_dim: absent,
  encoder_hid_dim_type: absent,
  attention_head_dim: perLevel(channels).default(8),
  num_attention_heads: only([null], "diffusers reads the number of heads from attention_head_dim and refuses this setting").optional(),
  dual_cross_attention: off,
  use_linear_projection: flag.default(false),
  class_embed_type: absent,
  addition_embed_type: absent,
  num_class_embeds: absent,
  resnet_time_scale_shift: only(["default"]).optional(),
  resnet_skip_time_act: off,
  resnet_out_scale_factor: only([1]).optional(),
  time_embedding_type: only(["positional"]).optional(),
  time_embedding_dim: channels.nullable().default(null),
  time_embedding_act_fn: absent,
  timestep_post_act: absent,
  time_cond_proj_dim: absent,
  conv_in_kernel: kernel,
  conv_out_kernel: kernel,
  attention_type: only(["default"]).optional(),
  class_embeddings_concat: off,
  mid_block_only_cross_attention: off,
  cross_attention_norm: absent,
});

/** One resolution of the UNet. */
export interface UnetLevel {
  readonly width: number;
  readonly layers: number;
  readonly heads: number;
  readonly headFeatures: number;
  readonly crossAttentionFeatures: number;
  readonly transformerBlocks: number;
  readonly attentionDown: boolean;
  /** Of the up block at this resolution (the order of up_block_types is the reverse). */
  readonly attentionUp: boolean;
}

export interface UnetConfig {
  readonly sampleSize: readonly [height: number, width: number] | undefined;
  readonly inChannels: number;
  readonly outChannels: number;
  readonly levels: readonly UnetLevel[];
  readonly midBlock: "UNetMidBlock2DCrossAttn" | "UNetMidBlock2D" | null;
  readonly midScaleFactor: number;
  readonly timeChannels: number;
  readonly flipSinToCos: boolean;
  readonly frequencyShift: number;
  readonly downsamplePadding: 0 | 1;
  readonly activation: ActivationFunction;
  readonly groups: number;
  readonly epsilon: number;
  readonly linearProjection: boolean;
  readonly inKernel: number;
  readonly outKernel: number;
}

/** @throws UserError naming `file` and the field, for what diffusers would refuse and for what is not supported. */
export function readUnetConfig(config: unknown, file: string): UnetConfig {
  const settings = checkConfig(schema, config, file);
  const { block_out_channels: widths, down_block_types: down, up_block_types: up, sample_size } = settings;
  const levels = down.length;
  const expectLength = (field: string, length: number) => {
    if (length !== levels) throw new UserError(`${length} values for ${levels} blocks of down_block_types.`, { file, field });
  };
  const spread = (field: "layers_per_block" | "cross_attention_dim" | "transformer_layers_per_block" | "attention_head_dim"): readonly number[] => {
    const value = settings[field];
    if (typeof value === "number") return new Array<number>(levels).fill(value);
    expectLength(field, value.length);
    return value;
  };
  expectLength("up_block_types", up.length);
  expectLength("block_out_channels", widths.length);
  if (Array.isArray(settings.only_cross_attention)) expectLength("only_cross_attention", settings.only_cross_attention.length);
  const layers = spread("layers_per_block");
  const heads = spread("attention_head_dim");
  const crossAttention = spread("cross_attention_dim");
  const blocks = spread("transformer_layers_per_block");
  for (const [level, width] of widths.entries()) {
    const field = Array.isArray(settings.attention_head_dim) ? `attention_head_dim[${level}]` : "attention_head_dim";
    const attends = down[level] === crossDown || up[levels - 1 - level] === crossUp || (level === levels - 1 && settings.mid_block_type === "UNetMidBlock2DCrossAttn");
    if (attends && heads[level] > width) throw new UserError(`${heads[level]} heads (diffusers reads this field as their number) for ${width} channels.`, { file, field });
  }
  if (widths[0] % 2 !== 0) throw new UserError(`The timestep embedding needs an even number of channels, found ${widths[0]}.`, { file, field: "block_out_channels[0]" });
  if (widths[0] / 2 === settings.freq_shift) throw new UserError("This shift divides the timestep's frequencies by zero.", { file, field: "freq_shift" });
  const work = layers.reduce((sum, count, level) => sum + (2 * count + 1) * blocks[level], 0);
  if (work > maxLayers) throw new UserError(`${work} layers; at most ${maxLayers} are supported.`, { file, field: layers.some((count) => count > 100) ? "layers_per_block" : "transformer_layers_per_block" });

  return {
    sampleSize: typeof sample_size === "number" ? [sample_size, sample_size] : (sample_size ?? undefined),
    inChannels: settings.in_channels,
    outChannels: settings.out_channels,
    levels: widths.map((width, level) => ({
      width,
      layers: layers[level],
      heads: heads[level],
      headFeatures: Math.floor(width / heads[level]),
      crossAttentionFeatures: crossAttention[level],
      transformerBlocks: blocks[level],
      attentionDown: down[level] === crossDown,
      attentionUp: up[levels - 1 - level] === crossUp,
    })),
    midBlock: settings.mid_block_type,
    midScaleFactor: settings.mid_block_scale_factor,
    timeChannels: settings.time_embedding_dim ?? 4 * widths[0],
    flipSinToCos: settings.flip_sin_to_cos,
    frequencyShift: settings.freq_shift,
    downsamplePadding: settings.downsample_padding,
    activation: settings.act_fn,
    groups: settings.norm_num_groups,
    epsilon: settings.norm_eps,
    linearProjection: settings.use_linear_projection,
    inKernel: settings.conv_in_kernel,
    outKernel: settings.conv_out_kernel,
  };
}
