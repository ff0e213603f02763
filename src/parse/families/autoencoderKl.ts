/** diffusers' AutoencoderKL, encoder half: what training a latent model runs, from pixels to the moments of the latents. */
import { z } from "zod";
import { UserError } from "../../model/errors";
import type { OperatorList } from "../../model/operator";
import type { Bindings } from "../../model/profile";
import type { LayerDescription } from "../component";
import { expectMultiples } from "../sizes";
import { channels, checkConfig, checkDescription, count, flag, maxLayers, only } from "../config";
import { diffusersActivation } from "./activations";
import type { Autoencoder } from "./family";
import { imageSelfAttention } from "./blocks/attention";
import { conv2dBody, outputBody } from "./blocks/projections";
import { resnetBlock2d } from "./blocks/resnetBlock2d";
import { downsample2d } from "./blocks/sampling";

/** Defaults are those of diffusers. Settings of the decoder and of the latents' scale do not change the encoder. */
const schema = z.object({
  _class_name: only(["AutoencoderKL"]).optional(),
  in_channels: channels.default(3),
  down_block_types: z.array(only(["DownEncoderBlock2D"], "This block is not supported")).min(1).max(16).default(["DownEncoderBlock2D"]),
  block_out_channels: z.array(channels).min(1).max(16).default([64]),
  layers_per_block: count.default(1),
  act_fn: diffusersActivation.default("silu"),
  latent_channels: channels.default(4),
  norm_num_groups: channels.default(32),
  use_quant_conv: flag.default(true),
  mid_block_add_attention: flag.default(true),
});

/** Fixed in diffusers' encoder. */
const normEpsilon = 1e-6;

/** @throws UserError for a configuration that diffusers would refuse or that is not supported. */
export function parseAutoencoderKl(config: unknown, file: string): Autoencoder {
  const settings = checkConfig(schema, config, file);
  const { block_out_channels: widths, down_block_types, latent_channels } = settings;
  if (down_block_types.length !== widths.length) {
    throw new UserError(`${widths.length} values for ${down_block_types.length} blocks of down_block_types.`, { file, field: "block_out_channels" });
  }
  if (widths.length * settings.layers_per_block > maxLayers) throw new UserError(`More than ${maxLayers} layers.`, { file, field: "layers_per_block" });
  const layers: LayerDescription[] = [];
  /** Adds a layer that takes the one before it. */
  const add = (name: string, kind: string, body: OperatorList, place: { modules: readonly string[]; root: string } = { modules: [name], root: `${name}.` }) => {
    const before = layers.at(-1);
    layers.push({ name, kind, ...place, body, sources: { [body.inputs[0]]: before ? { layer: before.name } : { input: "sample" } } });
  };
  const norm = { groups: settings.norm_num_groups, epsilon: normEpsilon };
  const resnet = (inChannels: number, outChannels: number) =>
    resnetBlock2d({ inChannels, outChannels, activation: settings.act_fn, outputScaleFactor: 1, ...norm });

  add("encoder.conv_in", "conv_2d", conv2dBody("sample", { module: "conv_in", inChannels: settings.in_channels, outChannels: widths[0], kernel: 3 }), { modules: ["encoder.conv_in"], root: "encoder." });
  let width = widths[0];
  for (const [level, outChannels] of widths.entries()) {
    const path = `encoder.down_blocks.${level}`;
    for (let index = 0; index < settings.layers_per_block; index++) {
      add(`${path}.resnets.${index}`, "resnet_block_2d", resnet(width, outChannels));
      width = outChannels;
    }
    if (level < widths.length - 1) add(`${path}.downsamplers.0`, "downsample_2d", downsample2d(width, 0));
  }
  add("encoder.mid_block.resnets.0", "resnet_block_2d", resnet(width, width));
  if (settings.mid_block_add_attention) add("encoder.mid_block.attentions.0", "attention_2d", imageSelfAttention({ channels: width, heads: 1, headFeatures: width, outputScaleFactor: 1, ...norm }));
  add("encoder.mid_block.resnets.1", "resnet_block_2d", resnet(width, width));
  add("encoder.conv_out", "output_2d", outputBody({ channels: width, outChannels: 2 * latent_channels, kernel: 3, activation: "silu", ...norm }), {
    modules: ["encoder.conv_norm_out", "encoder.conv_act", "encoder.conv_out"],
    root: "encoder.",
  });
  if (settings.use_quant_conv) {
    add("quant_conv", "conv_2d", conv2dBody("hidden_states", { module: "quant_conv", inChannels: 2 * latent_channels, outChannels: 2 * latent_channels, kernel: 1 }), { modules: ["quant_conv"], root: "" });
  }
  const downsampling = 2 ** (widths.length - 1);
  const description = {
    class: "AutoencoderKL",
    inputs: [{ name: "sample", type: "float32", shape: ({ height, width }: Bindings) => [settings.in_channels, height, width] } as const],
    layers,
    defaultSizes: { height: 64 * downsampling, width: 64 * downsampling, sequenceLength: 1 },
    checkSizes: (sizes: Bindings) => expectMultiples(sizes, downsampling),
  };

  return {
    kind: "autoencoder",
    description: checkDescription(description, file, "norm_num_groups"),
    latentChannels: latent_channels,
    downsampling,
  };
}
