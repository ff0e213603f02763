/** diffusers' ControlNetModel: a copy of a UNet's first half that also sees an image, with one convolution for each of its outputs. */
import { z } from "zod";
import type { OperatorList } from "../../model/operator";
import type { ComponentDescription } from "../component";
import { channels, checkConfig, checkDescription, count, only } from "../config";
import { OperatorListBuilder } from "../operatorListBuilder";
import type { ControlNet } from "./family";
import { conditioned } from "./blocks/unetEmbeddings";
import { UnetWalk } from "./blocks/unetWalk";
import { sizesOf } from "./unet2dConditionModel";
import { planOf, unetFields } from "./unet2dConfig";

/** Defaults are those of diffusers. Where diffusers builds a module that its forward pass leaves out, the setting is refused. */
const schema = z.object({
  ...unetFields,
  _class_name: only(["ControlNetModel"]).optional(),
  conditioning_channels: channels.default(3),
  mid_block_type: z.enum(["UNetMidBlock2DCrossAttn", "UNetMidBlock2D"]).default("UNetMidBlock2DCrossAttn"),
  layers_per_block: count.default(2),
  cross_attention_dim: channels.default(1280),
  transformer_layers_per_block: z.union([z.int().min(0).max(1000), z.array(z.int().min(0).max(1000)).min(1).max(64)]).default(1),
  num_attention_heads: only([null]).optional(),
  encoder_hid_dim: only([null]).default(null),
  encoder_hid_dim_type: only([null]).default(null),
  class_embed_type: z.enum(["timestep", "identity", "projection"]).nullable().default(null),
  class_embeddings_concat: only([false]).default(false),
  addition_embed_type: z.enum(["text", "text_time"]).nullable().default(null),
  time_embedding_type: only(["positional"]).default("positional"),
  time_embedding_dim: only([null]).default(null),
  time_embedding_act_fn: only([null]).default(null),
  timestep_post_act: only([null]).default(null),
  time_cond_proj_dim: only([null]).default(null),
  controlnet_conditioning_channel_order: only(["rgb"]).optional(),
  conditioning_embedding_out_channels: z.array(channels).min(1).max(16).default([16, 32, 96, 256]),
  global_pool_conditions: only([false, null]).optional(),
});

/** Settings that a ControlNetModel has not, as its blocks have them. */
const fixed = {
  sample_size: null,
  out_channels: 1,
  center_input_sample: false,
  reverse_transformer_layers_per_block: null,
  resnet_skip_time_act: false,
  resnet_out_scale_factor: 1,
  conv_in_kernel: 3,
  conv_out_kernel: 3,
  mid_block_only_cross_attention: null,
  cross_attention_norm: null,
} as const;

/** @throws UserError naming `file` and the field. */
export function parseControlNetModel(json: unknown, file: string): ControlNet {
  const settings = checkConfig(schema, json, file);
  const plan = planOf({ ...settings, ...fixed, _class_name: undefined, up_block_types: settings.down_block_types.map(() => "UpBlock2D" as const) }, file);
  const condition = conditioned(plan.conditioning);
  const walk = new UnetWalk(plan, condition);
  const { conditioning_channels, conditioning_embedding_out_channels: widths, block_out_channels: [width] } = settings;
  const upsampling = 2 ** (widths.length - 1);
  walk.start();
  walk.merge("controlnet_cond_embedding", "controlnet_cond_embedding", imageEmbedding([conditioning_channels, ...widths, width]), "controlnet_cond");
  walk.down();
  walk.middle();
  for (const skip of walk.skips) walk.pointwise(`controlnet_down_blocks.${skip.index}`, skip);
  walk.pointwise("controlnet_mid_block", walk.position);
  const description: ComponentDescription = {
    class: "ControlNetModel",
    inputs: [
      { name: "sample", type: "float32", shape: ({ height, width }) => [plan.inChannels, height, width] },
      ...condition.inputs,
      { name: "controlnet_cond", type: "float32", shape: ({ height, width }) => [conditioning_channels, upsampling * height, upsampling * width] },
    ],
    layers: walk.layers,
    ...sizesOf(plan),
  };
  return { kind: "controlNet", description: checkDescription(description, file, "norm_num_groups") };
}

/** Added to the hidden state: the image, halved in size from each width to the next. @param sizes Channels, from the image's to the hidden state's. */
function imageEmbedding([imageChannels, first, ...rest]: readonly number[]): OperatorList {
  const list = new OperatorListBuilder(["hidden_states", "controlnet_cond"]);
  const widths = rest.slice(0, -1);
  let hidden = list.activation("silu", list.conv2d("conv_in", "controlnet_cond", imageChannels, first, 3));
  let before = first;
  for (const [index, width] of widths.entries()) {
    hidden = list.activation("silu", list.conv2d(`blocks.${2 * index}`, hidden, before, before, 3));
    hidden = list.activation("silu", list.conv2d(`blocks.${2 * index + 1}`, hidden, before, width, 3, { stride: 2 }));
    before = width;
  }
  return list.finish(list.sum("hidden_states", list.conv2d("conv_out", hidden, before, rest[rest.length - 1], 3)));
}
