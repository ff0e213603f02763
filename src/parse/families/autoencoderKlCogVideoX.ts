/**
 * diffusers' AutoencoderKLCogVideoX, encoder half: causal 3D convolutions over a whole video. diffusers encodes a long one in pieces
 * of 8 frames that hand their last frames on; group norms apart, which it takes over each piece alone, the result is the same.
 */
import { z } from "zod";
import { UserError } from "../../model/errors";
import type { ActivationFunction, OperatorList } from "../../model/operator";
import { channels, checkConfig, checkDescription, count, epsilon, expectOnePerBlock, flag, maxLayers, only } from "../config";
import { OperatorListBuilder } from "../operatorListBuilder";
import { expectMultiples, expectWholeClip } from "../sizes";
import { diffusersActivation } from "./activations";
import { LayerSequence } from "./blocks/layerSequence";
import { causalConvolution, firstFrame, halveFrames } from "./blocks/video";
import type { Autoencoder } from "./family";

const block = "CogVideoXDownBlock3D";

/** Defaults are those of diffusers. */
const schema = z.object({
  _class_name: only(["AutoencoderKLCogVideoX"]).optional(),
  in_channels: channels.default(3),
  out_channels: channels.default(3),
  down_block_types: z.array(only([block], "This block is not supported")).min(1).max(16).default([block, block, block, block]),
  block_out_channels: z.array(channels).min(1).max(16).default([128, 256, 256, 512]),
  latent_channels: channels.default(16),
  layers_per_block: count.default(3),
  act_fn: diffusersActivation.default("silu"),
  norm_eps: epsilon.default(1e-6),
  norm_num_groups: channels.default(32),
  temporal_compression_ratio: z.number().min(1).max(1024).default(4),
  use_quant_conv: flag.default(false),
});

interface Norm {
  readonly groups: number;
  readonly epsilon: number;
  readonly activation: ActivationFunction;
}

/** Of the encoder's last norm, whatever the others have. */
const outputEpsilon = 1e-6;
const cube = [3, 3, 3] as const;
const defaultFrames = 49;

/** @throws UserError for a configuration that diffusers would refuse or that is not supported. */
export function parseAutoencoderKlCogVideoX(config: unknown, file: string): Autoencoder {
  const settings = checkConfig(schema, config, file);
  const { block_out_channels: widths, layers_per_block: layersPerBlock, latent_channels: latentChannels, in_channels: inChannels } = settings;
  expectOnePerBlock("block_out_channels", widths.length, settings.down_block_types.length, file);
  if (widths.length * layersPerBlock > maxLayers) throw new UserError(`More than ${maxLayers} layers.`, { file, field: "layers_per_block" });
  const compressed = Math.min(Math.floor(Math.log2(settings.temporal_compression_ratio)), widths.length - 1);
  const norm = { groups: settings.norm_num_groups, epsilon: settings.norm_eps, activation: settings.act_fn };
  const moments = 2 * latentChannels;

  const sequence = new LayerSequence("sample");
  sequence.add("encoder.conv_in", "causal_conv_3d", convolutionBody("sample", "conv", inChannels, widths[0]));
  let width = widths[0];
  for (const [level, outChannels] of widths.entries()) {
    const path = `encoder.down_blocks.${level}`;
    for (let index = 0; index < layersPerBlock; index++) {
      sequence.add(`${path}.resnets.${index}`, "resnet_block_3d", resnetBlock(width, outChannels, norm));
      width = outChannels;
    }
    if (level < widths.length - 1) sequence.add(`${path}.downsamplers.0`, "downsample_3d", downsample(width, level < compressed));
  }
  for (const index of [0, 1]) sequence.add(`encoder.mid_block.resnets.${index}`, "resnet_block_3d", resnetBlock(width, width, norm));
  sequence.add("encoder.conv_out", "output_3d", outputBody(width, moments, norm.groups), { modules: ["encoder.norm_out", "encoder.conv_act", "encoder.conv_out"], root: "encoder." });
  if (settings.use_quant_conv) {
    if (settings.out_channels !== latentChannels) throw new UserError(`The convolution takes ${2 * settings.out_channels} channels (diffusers reads this field for it); the encoder makes ${moments}.`, { file, field: "out_channels" });
    const list = new OperatorListBuilder(["hidden_states"]);
    sequence.add("quant_conv", "causal_conv_3d", list.finish(causalConvolution(list, "quant_conv", "hidden_states", { inChannels: moments, outChannels: moments, kernel: [1, 1, 1], before: "zeros" })), { root: "" });
  }
  const downsampling = 2 ** (widths.length - 1);
  const temporalDownsampling = 2 ** compressed;
  const description = checkDescription(
    {
      class: "AutoencoderKLCogVideoX",
      inputs: [{ name: "sample", type: "float32", shape: ({ frames = defaultFrames, height, width: across }) => [inChannels, frames, height, across] }],
      layers: sequence.layers,
      defaultSizes: { height: 60 * downsampling, width: 90 * downsampling, sequenceLength: 1, frames: 12 * temporalDownsampling + 1 },
      checkSizes(sizes) {
        expectMultiples(sizes, downsampling);
        expectWholeClip(sizes, temporalDownsampling);
      },
    },
    file,
    "norm_num_groups",
  );
  return { kind: "autoencoder", description, latentChannels, downsampling, temporalDownsampling };
}

function convolutionBody(input: string, module: string, inChannels: number, outChannels: number): OperatorList {
  const list = new OperatorListBuilder([input]);
  return list.finish(causalConvolution(list, module, input, { inChannels, outChannels, kernel: cube, before: "first frame" }));
}

function resnetBlock(inChannels: number, outChannels: number, { groups, epsilon: eps, activation }: Norm): OperatorList {
  const list = new OperatorListBuilder(["hidden_states"]);
  const half = (index: number, value: string, width: number) => {
    const normalized = list.add({ op: "groupNorm", module: `norm${index}`, input: value, groups, channels: width, epsilon: eps });
    return causalConvolution(list, `conv${index}.conv`, list.activation(activation, normalized), { inChannels: width, outChannels, kernel: cube, before: "first frame" });
  };
  const hidden = half(2, half(1, "hidden_states", inChannels), outChannels);
  const shortcut = { inChannels, outChannels, kernel: [1, 1, 1], before: "zeros" } as const;
  return list.finish(list.sum(hidden, inChannels === outChannels ? "hidden_states" : causalConvolution(list, "conv_shortcut", "hidden_states", shortcut)));
}

/** Pairs of frames become their mean, the first frame apart. */
function downsample(width: number, compressesTime: boolean): OperatorList {
  const list = new OperatorListBuilder(["hidden_states"]);
  let hidden = "hidden_states";
  if (compressesTime) {
    const pairs = list.add({ op: "averagePool", input: list.add({ op: "slice", input: hidden, axis: 2, start: 1 }), kernel: [2, 1, 1] });
    hidden = list.add({ op: "concat", inputs: [firstFrame(list, hidden), pairs], axis: 2 });
  }
  return list.finish(halveFrames(list, "conv", hidden, width));
}

function outputBody(width: number, moments: number, groups: number): OperatorList {
  const list = new OperatorListBuilder(["hidden_states"]);
  const normalized = list.add({ op: "groupNorm", module: "norm_out", input: "hidden_states", groups, channels: width, epsilon: outputEpsilon });
  return list.finish(causalConvolution(list, "conv_out.conv", list.activation("silu", normalized), { inChannels: width, outChannels: moments, kernel: cube, before: "first frame" }));
}
