/** diffusers' UNet3DConditionModel: a UNet on the frames of a video, with convolutions and attention over time between its layers. */
import { z } from "zod";
import { UserError } from "../../model/errors";
import type { ComponentDescription } from "../component";
import { channels, checkConfig, checkDescription, count, epsilon, expectOnePerBlock, maxLayers, only } from "../config";
import { diffusersActivation } from "./activations";
import type { Backbone } from "./family";
import type { BlockAttention } from "./blocks/unetBlock";
import { conditioned } from "./blocks/unetEmbeddings";
import type { UnetBlock, UnetPlan } from "./blocks/unetPlan";
import { UnetWalk } from "./blocks/unetWalk";
import { sizesOf } from "./unet2dConditionModel";
import { imageSize } from "./unet2dConfig";
import { sinusoids } from "./unetConditioning";

const [crossDown, crossUp] = ["CrossAttnDownBlock3D", "CrossAttnUpBlock3D"] as const;

/** Defaults are those of diffusers. */
const schema = z.object({
  _class_name: only(["UNet3DConditionModel"]).optional(),
  sample_size: z.union([imageSize, z.tuple([imageSize, imageSize])], "Expected a size, or height and width").nullable().default(null),
  in_channels: channels.default(4),
  out_channels: channels.default(4),
  down_block_types: z.array(z.enum(["DownBlock3D", crossDown])).min(1).max(16).default([crossDown, crossDown, crossDown, "DownBlock3D"]),
  up_block_types: z.array(z.enum(["UpBlock3D", crossUp])).min(1).max(16).default(["UpBlock3D", crossUp, crossUp, crossUp]),
  block_out_channels: z.array(channels).min(1).max(16).default([320, 640, 1280, 1280]),
  layers_per_block: count.max(1000).default(2),
  downsample_padding: only([0, 1]).default(1),
  mid_block_scale_factor: z.number().min(1e-6).max(1e6).default(1),
  act_fn: diffusersActivation.default("silu"),
  norm_num_groups: channels.default(32),
  norm_eps: epsilon.default(1e-5),
  cross_attention_dim: channels.default(1024),
  attention_head_dim: channels.default(64),
  num_attention_heads: only([null], "diffusers refuses this setting").optional(),
  time_cond_proj_dim: channels.nullable().default(null),
});

/** Of the videos that the published text-to-video models were trained on. */
const usualFrames = 16;

/** @throws UserError naming `file` and the field. */
export function parseUnet3dConditionModel(json: unknown, file: string): Backbone {
  const plan = planOf(checkConfig(schema, json, file), file);
  const condition = conditioned(plan.conditioning);
  const walk = new UnetWalk(plan, condition);
  walk.start();
  walk.down();
  walk.middle();
  walk.up();
  const { defaultSizes, checkSizes } = sizesOf(plan);
  const description: ComponentDescription = {
    class: "UNet3DConditionModel",
    inputs: [{ name: "sample", type: "float32", shape: ({ height, width, frames = usualFrames }) => [plan.inChannels, frames, height, width] }, ...condition.inputs],
    layers: walk.layers,
    defaultSizes: { ...defaultSizes, frames: usualFrames },
    checkSizes,
  };
  return { kind: "backbone", description: checkDescription(description, file, "norm_num_groups"), inChannels: plan.inChannels, outChannels: plan.outChannels };
}

function planOf(settings: z.infer<typeof schema>, file: string): UnetPlan {
  const { block_out_channels: widths, down_block_types: down, up_block_types: up, sample_size, layers_per_block: layers, attention_head_dim: headFeatures, norm_num_groups: groups } = settings;
  expectOnePerBlock("up_block_types", up.length, down.length, file);
  expectOnePerBlock("block_out_channels", widths.length, down.length, file);
  if (8 * down.length * layers > maxLayers) throw new UserError(`More than ${maxLayers} layers.`, { file, field: "layers_per_block" });
  const attention = (channels: number): BlockAttention => {
    // The number of heads; diffusers takes this field for their size here, unlike in two dimensions.
    const heads = Math.floor(channels / headFeatures);
    if (heads === 0) throw new UserError(`Heads of ${headFeatures} for ${channels} channels.`, { file, field: "attention_head_dim" });
    return { kind: "transformer", channels, heads, headFeatures, blocks: 1, contextFeatures: settings.cross_attention_dim, groups, linearProjection: true, onlyCross: false };
  };
  const block = (type: string, width: number, count: number): UnetBlock => ({
    width,
    attentions: Array.from({ length: count }, () => (type.startsWith("CrossAttn") ? attention(width) : undefined)),
    resampling: "convolution",
    resnet: {},
  });
  const last = widths[widths.length - 1];
  return {
    sampleSize: typeof sample_size === "number" ? [sample_size, sample_size] : (sample_size ?? undefined),
    inChannels: settings.in_channels,
    outChannels: settings.out_channels,
    centered: false,
    down: down.map((type, level) => block(type, widths[level], layers)),
    middle: { width: last, attentions: [attention(last)], resnet: { outputScaleFactor: settings.mid_block_scale_factor } },
    up: up.map((type, index) => block(type, widths[widths.length - 1 - index], layers + 1)),
    conditioning: {
      time: sinusoids(widths[0], true, 0, (field, message) => new UserError(message, { file, field })),
      features: 4 * widths[0],
      activation: settings.act_fn,
      ...(settings.time_cond_proj_dim !== null && { guidanceFeatures: settings.time_cond_proj_dim }),
      contextFeatures: settings.cross_attention_dim,
    },
    downsamplePadding: settings.downsample_padding,
    resnet: { groups, epsilon: settings.norm_eps, activation: settings.act_fn, timeShift: "default" },
    inKernel: 3,
    outKernel: 3,
    outActivation: "silu",
    video: { headFeatures },
  };
}
