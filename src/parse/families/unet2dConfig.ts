/** The configuration of diffusers' UNet2DConditionModel, checked and spread out to one value per block. */
import { z } from "zod";
import { UserError } from "../../model/errors";
import { channels, checkConfig, count, epsilon, expectOnePerBlock, flag, maxLayers, only, perLevel } from "../config";
import { diffusersActivation } from "./activations";
import type { BlockAttention } from "./blocks/unetBlock";
import type { UnetBlock, UnetPlan } from "./blocks/unetPlan";
import { hintChannels } from "./blocks/unetEmbeddings";
import { conditioningFields, readConditioning } from "./unetConditioning";

const downTypes = ["DownBlock2D", "CrossAttnDownBlock2D", "SimpleCrossAttnDownBlock2D", "ResnetDownsampleBlock2D", "AttnDownBlock2D"] as const;
const upTypes = ["UpBlock2D", "CrossAttnUpBlock2D", "SimpleCrossAttnUpBlock2D", "ResnetUpsampleBlock2D", "AttnUpBlock2D"] as const;
const midTypes = ["UNetMidBlock2DCrossAttn", "UNetMidBlock2DSimpleCrossAttn", "UNetMidBlock2D"] as const;
const [crossDown, crossUp] = ["CrossAttnDownBlock2D", "CrossAttnUpBlock2D"] as const;

const off = only([false, null]).optional();
/** Odd, so that the image keeps its size. */
const kernel = z.int().min(1).max(63).refine((size) => size % 2 === 1, "Only odd kernels are supported").default(3);
export const imageSize = z.int().min(1).max(1_000_000);
const blocks = z.int().min(0).max(maxLayers);
const nestedBlocks = z.array(z.union([blocks, z.array(blocks).min(1).max(1000)])).min(1).max(64);

/** Fields that a ControlNetModel has as well. Defaults are those of diffusers. */
export const unetFields = {
  in_channels: channels.default(4),
  down_block_types: z.array(z.enum(downTypes)).min(1).max(16).default([crossDown, crossDown, crossDown, "DownBlock2D"]),
  mid_block_type: z.enum(midTypes).nullable().default("UNetMidBlock2DCrossAttn"),
  only_cross_attention: z.union([z.boolean(), z.array(z.boolean()).min(1).max(64)]).default(false),
  block_out_channels: z.array(channels).min(1).max(16).default([320, 640, 1280, 1280]),
  layers_per_block: perLevel(count).default(2),
  downsample_padding: only([0, 1]).default(1),
  mid_block_scale_factor: z.number().min(1e-6).max(1e6).default(1),
  act_fn: diffusersActivation.default("silu"),
  norm_num_groups: channels.default(32),
  norm_eps: epsilon.default(1e-5),
  cross_attention_dim: perLevel(channels).default(1280),
  transformer_layers_per_block: z.union([blocks, nestedBlocks]).default(1),
  attention_head_dim: perLevel(channels).default(8),
  use_linear_projection: flag.default(false),
  resnet_time_scale_shift: z.enum(["default", "scale_shift"]).default("default"),
  ...conditioningFields,
} as const;

/** Settings that diffusers has and that are missing here do not change what the supported blocks compute. */
const schema = z.object({
  ...unetFields,
  _class_name: only(["UNet2DConditionModel"]).optional(),
  sample_size: z.union([imageSize, z.tuple([imageSize, imageSize])], "Expected a size, or height and width").nullable().default(null),
  out_channels: channels.default(4),
  center_input_sample: flag.default(false),
  up_block_types: z.array(z.enum(upTypes)).min(1).max(16).default(["UpBlock2D", crossUp, crossUp, crossUp]),
  dropout: only([0]).optional(),
  reverse_transformer_layers_per_block: nestedBlocks.nullable().default(null),
  num_attention_heads: only([null], "diffusers reads the number of heads from attention_head_dim and refuses this setting").optional(),
  dual_cross_attention: off,
  resnet_skip_time_act: flag.default(false),
  resnet_out_scale_factor: z.number().min(1e-6).max(1e6).default(1),
  conv_in_kernel: kernel,
  conv_out_kernel: kernel,
  attention_type: only(["default"]).optional(),
  mid_block_only_cross_attention: z.boolean().nullable().default(null),
  cross_attention_norm: z.enum(["layer_norm", "group_norm"]).nullable().default(null),
});

/** What a ControlNetModel's configuration has in common, and the rest at the values that it has no settings for. */
export type UnetSettings = z.infer<typeof schema>;

/** @throws UserError naming `file` and the field, for what diffusers would refuse and for what is not supported. */
export function readUnetConfig(config: unknown, file: string): UnetPlan {
  return planOf(checkConfig(schema, config, file), file);
}

/** @throws UserError */
export function planOf(settings: UnetSettings, file: string): UnetPlan {
  const { block_out_channels: widths, down_block_types: down, up_block_types: up, sample_size } = settings;
  const levels = down.length;
  const expectLength = (field: string, length: number) => expectOnePerBlock(field, length, levels, file);
  const spread = <T>(field: string, value: T | readonly T[]): readonly T[] => {
    if (!Array.isArray(value)) return new Array<T>(levels).fill(value as T);
    expectLength(field, value.length);
    return value as readonly T[];
  };
  expectLength("up_block_types", up.length);
  expectLength("block_out_channels", widths.length);
  const layers = spread("layers_per_block", settings.layers_per_block);
  const heads = spread("attention_head_dim", settings.attention_head_dim);
  const contexts = spread("cross_attention_dim", settings.cross_attention_dim);
  const onlyCross = spread("only_cross_attention", settings.only_cross_attention);
  const downBlocks = spread<number | readonly number[]>("transformer_layers_per_block", settings.transformer_layers_per_block);
  const upBlocks = settings.reverse_transformer_layers_per_block ?? [...downBlocks].reverse();
  expectLength("reverse_transformer_layers_per_block", upBlocks.length);
  if (settings.reverse_transformer_layers_per_block === null && downBlocks.some((value) => typeof value !== "number")) {
    throw new UserError("Lists within this list need reverse_transformer_layers_per_block beside them.", { file, field: "transformer_layers_per_block" });
  }
  const work = layers.reduce((sum, count, level) => sum + (2 * count + 1) * Math.max(1, ...[downBlocks[level], upBlocks[levels - 1 - level]].flat()), 0);
  if (work > maxLayers) throw new UserError(`${work} layers; at most ${maxLayers} are supported.`, { file, field: layers.some((count) => count > 100) ? "layers_per_block" : "transformer_layers_per_block" });

  const attentions = new AttentionReader(settings, file, { heads, contexts, widths });
  const special = (type: string) => (type.startsWith("Simple") || type.startsWith("Resnet") ? { skipTimeActivation: settings.resnet_skip_time_act, outputScaleFactor: settings.resnet_out_scale_factor } : {});
  const block = (type: string, level: number, count: number, field: string, depths: number | readonly number[]): UnetBlock => ({
    width: widths[level],
    attentions: Array.from({ length: count }, (_, layer) => attentions.of(type, level, onlyCross[level], () => depthAt(depths, layer, file, field))),
    resampling: type.startsWith("Simple") || type.startsWith("Resnet") ? "resnet" : "convolution",
    resnet: special(type),
  });
  const last = levels - 1;
  const midOnlyCross = settings.mid_block_only_cross_attention ?? (settings.only_cross_attention === true);
  const mid = settings.mid_block_type;
  if (settings.addition_embed_type === "image_hint" && settings.in_channels <= hintChannels) {
    throw new UserError(`The hint takes ${hintChannels} of the channels and leaves none for the sample.`, { file, field: "in_channels" });
  }
  const plan: UnetPlan = {
    sampleSize: typeof sample_size === "number" ? [sample_size, sample_size] : (sample_size ?? undefined),
    inChannels: settings.in_channels,
    outChannels: settings.out_channels,
    centered: settings.center_input_sample,
    down: down.map((type, level) => block(type, level, layers[level], "transformer_layers_per_block", downBlocks[level])),
    middle: mid === null ? undefined : {
      width: widths[last],
      attentions: mid === "UNetMidBlock2D" ? [] : [attentions.of(mid, last, mid === "UNetMidBlock2DSimpleCrossAttn" && midOnlyCross, () => depthAt(downBlocks[last], 0, file, "transformer_layers_per_block"))],
      resnet: { outputScaleFactor: settings.mid_block_scale_factor, ...(mid === "UNetMidBlock2DSimpleCrossAttn" && { skipTimeActivation: settings.resnet_skip_time_act }) },
    },
    up: up.map((type, index) => block(type, last - index, layers[last - index] + 1, "reverse_transformer_layers_per_block", upBlocks[index])),
    conditioning: readConditioning(settings, { file, width: widths[0], contextFeatures: contexts[0] }),
    downsamplePadding: settings.downsample_padding,
    resnet: { groups: settings.norm_num_groups, epsilon: settings.norm_eps, activation: settings.act_fn, timeShift: settings.resnet_time_scale_shift },
    inKernel: settings.conv_in_kernel,
    outKernel: settings.conv_out_kernel,
    outActivation: settings.act_fn,
  };
  const attending = [...plan.down, ...plan.up, ...(plan.middle ? [plan.middle] : [])].flatMap(({ attentions }) => attentions);
  const odd = attending.find((attention) => attention && "contextFeatures" in attention && attention.contextFeatures !== contexts[0]);
  if (odd) throw new UserError("One encoder_hidden_states serves all blocks, so all must take as many features.", { file, field: "cross_attention_dim" });
  return plan;
}

/** Transformer blocks of one layer. @throws UserError where the list has none for it. */
function depthAt(depths: number | readonly number[], layer: number, file: string, field: string): number {
  const depth = typeof depths === "number" ? depths : depths[layer];
  if (depth === undefined) throw new UserError(`A list within it ends before layer ${layer} of its block.`, { file, field });
  return depth;
}

/** Attention of a block by the block's type. */
class AttentionReader {
  constructor(
    private readonly settings: UnetSettings,
    private readonly file: string,
    private readonly levels: { readonly heads: readonly number[]; readonly contexts: readonly number[]; readonly widths: readonly number[] },
  ) {}

  of(type: string, level: number, onlyCross: boolean, depth: () => number): BlockAttention | undefined {
    const { norm_num_groups: groups, use_linear_projection: linearProjection, cross_attention_norm: contextNorm, norm_eps } = this.settings;
    const channels = this.levels.widths[level];
    const configured = this.levels.heads[level];
    const contextFeatures = this.levels.contexts[level];
    if (type.includes("SimpleCrossAttn")) {
      if (contextNorm === "layer_norm" && contextFeatures !== channels) throw this.misfit("cross_attention_norm", `A layer_norm of ${channels} features does not fit encoder_hidden_states of ${contextFeatures}.`);
      if (contextNorm === "group_norm" && contextFeatures % 32 !== 0) throw this.misfit("cross_attention_norm", `${contextFeatures} features cannot be divided into 32 groups.`);
      const heads = this.headsOf(channels, configured, level);
      return { kind: "addedKeyValue", channels, heads, headFeatures: configured, contextFeatures, groups, onlyCross, contextNorm: contextNorm ?? undefined };
    }
    if (type.includes("CrossAttn")) {
      if (configured > channels) throw this.misfit(this.headField(level), `${configured} heads (diffusers reads this field as their number) for ${channels} channels.`);
      return { kind: "transformer", channels, heads: configured, headFeatures: Math.floor(channels / configured), blocks: depth(), contextFeatures, groups, linearProjection, onlyCross };
    }
    if (type.startsWith("Attn")) return { kind: "self", channels, heads: this.headsOf(channels, configured, level), headFeatures: configured, groups, epsilon: norm_eps, outputScaleFactor: 1 };
    return undefined;
  }

  /** @throws UserError unless a whole number of heads of that size makes up the width. */
  private headsOf(channels: number, headFeatures: number, level: number): number {
    if (channels % headFeatures !== 0) throw this.misfit(this.headField(level), `${channels} channels are not divided by heads of ${headFeatures}.`);
    return channels / headFeatures;
  }

  private headField(level: number): string {
    return Array.isArray(this.settings.attention_head_dim) ? `attention_head_dim[${level}]` : "attention_head_dim";
  }

  private misfit(field: string, message: string): UserError {
    return new UserError(message, { file: this.file, field });
  }
}
