/** diffusers' image encoder of an autoencoder (`Encoder`), which AutoencoderKL and its relatives share, with the convolution behind it. */
import { z } from "zod";
import { UserError } from "../../../model/errors";
import type { ActivationFunction } from "../../../model/operator";
import { channels, checkDescription, count, expectOnePerBlock, maxLayers, only } from "../../config";
import { expectMultiples } from "../../sizes";
import { diffusersActivation } from "../activations";
import type { Autoencoder } from "../family";
import { imageSelfAttention } from "./attention";
import { LayerSequence } from "./layerSequence";
import { conv2dBody, outputBody } from "./projections";
import { resnetBlock2d } from "./resnetBlock2d";
import { downsample2d } from "./sampling";

const attentionBlock = "AttnDownEncoderBlock2D";
export const imageEncoderBlocks = z.array(only(["DownEncoderBlock2D", attentionBlock], "This block is not supported")).min(1).max(16).default(["DownEncoderBlock2D"]);

/** Settings under the names that most of the family give them, with diffusers' defaults. */
export const imageEncoderSettings = {
  in_channels: channels.default(3),
  down_block_types: imageEncoderBlocks,
  block_out_channels: z.array(channels).min(1).max(16).default([64]),
  layers_per_block: count.default(1),
  act_fn: diffusersActivation.default("silu"),
  norm_num_groups: channels.default(32),
};

export interface ImageEncoderOptions {
  readonly class: string;
  readonly inChannels: number;
  readonly blocks: readonly unknown[];
  readonly widths: readonly number[];
  readonly layersPerBlock: number;
  readonly activation: ActivationFunction;
  readonly groups: number;
  readonly midAttention: boolean;
  /** Of the encoder's last convolution: twice the latents' where it makes moments. */
  readonly outChannels: number;
  /** Channels that the 1x1 convolution "quant_conv" makes of them; none where left out. */
  readonly quantChannels?: number;
  readonly latentChannels: number;
  /** Names of settings for messages, where they are not `block_out_channels` and `layers_per_block`. */
  readonly fields?: { readonly widths: string; readonly layers: string };
}

/** Fixed in diffusers' encoder. */
const epsilon = 1e-6;

/** @throws UserError for a configuration that diffusers would refuse. */
export function imageAutoencoder(options: ImageEncoderOptions, file: string): Autoencoder {
  const { widths, blocks, activation, groups, fields = { widths: "block_out_channels", layers: "layers_per_block" } } = options;
  expectOnePerBlock(fields.widths, widths.length, blocks.length, file);
  if (widths.length * options.layersPerBlock > maxLayers) throw new UserError(`More than ${maxLayers} layers.`, { file, field: fields.layers });
  const norm = { groups, epsilon };
  const resnet = (inChannels: number, outChannels: number) => resnetBlock2d({ inChannels, outChannels, activation, outputScaleFactor: 1, ...norm });
  const attention = (width: number) => imageSelfAttention({ channels: width, heads: 1, headFeatures: width, outputScaleFactor: 1, ...norm });

  const sequence = new LayerSequence("sample");
  sequence.add("encoder.conv_in", "conv_2d", conv2dBody("sample", { module: "conv_in", inChannels: options.inChannels, outChannels: widths[0], kernel: 3 }), { root: "encoder." });
  let width = widths[0];
  for (const [level, outChannels] of widths.entries()) {
    const path = `encoder.down_blocks.${level}`;
    for (let index = 0; index < options.layersPerBlock; index++) {
      sequence.add(`${path}.resnets.${index}`, "resnet_block_2d", resnet(width, outChannels));
      width = outChannels;
      if (blocks[level] === attentionBlock) sequence.add(`${path}.attentions.${index}`, "attention_2d", attention(width));
    }
    if (level < widths.length - 1) sequence.add(`${path}.downsamplers.0`, "downsample_2d", downsample2d(width, 0));
  }
  sequence.add("encoder.mid_block.resnets.0", "resnet_block_2d", resnet(width, width));
  if (options.midAttention) sequence.add("encoder.mid_block.attentions.0", "attention_2d", attention(width));
  sequence.add("encoder.mid_block.resnets.1", "resnet_block_2d", resnet(width, width));
  sequence.add("encoder.conv_out", "output_2d", outputBody({ channels: width, outChannels: options.outChannels, kernel: 3, activation: "silu", ...norm }), {
    modules: ["encoder.conv_norm_out", "encoder.conv_act", "encoder.conv_out"],
    root: "encoder.",
  });
  if (options.quantChannels !== undefined) {
    const conv = { module: "quant_conv", inChannels: options.outChannels, outChannels: options.quantChannels, kernel: 1 };
    sequence.add("quant_conv", "conv_2d", conv2dBody("hidden_states", conv), { root: "" });
  }
  const downsampling = 2 ** (widths.length - 1);
  return {
    kind: "autoencoder",
    description: checkDescription(
      {
        class: options.class,
        inputs: [{ name: "sample", type: "float32", shape: ({ height, width: across }) => [options.inChannels, height, across] }],
        layers: sequence.layers,
        defaultSizes: { height: 64 * downsampling, width: 64 * downsampling, sequenceLength: 1 },
        checkSizes: (sizes) => expectMultiples(sizes, downsampling),
      },
      file,
      "norm_num_groups",
    ),
    latentChannels: options.latentChannels,
    downsampling,
  };
}
