/** diffusers' AutoencoderTiny (TAESD), encoder half: small residual blocks without norms, from pixels to the latents themselves. */
import { z } from "zod";
import { UserError } from "../../model/errors";
import type { ActivationFunction, OperatorList } from "../../model/operator";
import { channels, checkConfig, checkDescription, count, maxLayers, only } from "../config";
import { OperatorListBuilder } from "../operatorListBuilder";
import { expectMultiples } from "../sizes";
import { diffusersActivation } from "./activations";
import { LayerSequence } from "./blocks/layerSequence";
import { conv2dBody } from "./blocks/projections";
import type { Autoencoder } from "./family";

/** Defaults are those of diffusers. */
const schema = z.object({
  _class_name: only(["AutoencoderTiny"]).optional(),
  in_channels: channels.default(3),
  encoder_block_out_channels: z.array(channels).min(1).max(16).default([64, 64, 64, 64]),
  num_encoder_blocks: z.array(z.union([z.literal(0), count])).min(1).max(16).default([1, 3, 3, 3]),
  act_fn: diffusersActivation.default("relu"),
  latent_channels: channels.default(4),
});

/** @throws UserError for a configuration that diffusers would refuse or that is not supported. */
export function parseAutoencoderTiny(config: unknown, file: string): Autoencoder {
  const { in_channels: inChannels, encoder_block_out_channels: widths, num_encoder_blocks: counts, act_fn, latent_channels: latentChannels } = checkConfig(schema, config, file);
  if (counts.length !== widths.length) throw new UserError(`${counts.length} values for ${widths.length} widths.`, { file, field: "num_encoder_blocks" });
  if (widths.some((width) => width !== widths[0])) throw new UserError("All levels must have one width: nothing between them changes it.", { file, field: "encoder_block_out_channels" });
  if (counts.reduce<number>((sum, blocks) => sum + blocks, 0) > maxLayers) throw new UserError(`More than ${maxLayers} layers.`, { file, field: "num_encoder_blocks" });
  const [width] = widths;
  const sequence = new LayerSequence("sample");
  /** Modules are numbered through all levels. */
  const add = (kind: string, body: (module: string) => OperatorList) => {
    const index = String(sequence.layers.length);
    sequence.add(`encoder.layers.${index}`, kind, body(index), { root: "encoder.layers." });
  };
  for (const [level, blocks] of counts.entries()) {
    if (level === 0) add("conv_2d", (module) => input(module, inChannels, width));
    else add("downsample_2d", (module) => halve(module, width));
    for (let block = 0; block < blocks; block++) add("tiny_block_2d", (module) => tinyBlock(module, width, act_fn));
  }
  add("conv_2d", (module) => conv2dBody("hidden_states", { module, inChannels: width, outChannels: latentChannels, kernel: 3 }));
  const downsampling = 2 ** (widths.length - 1);
  const description = checkDescription(
    {
      class: "AutoencoderTiny",
      inputs: [{ name: "sample", type: "float32", shape: (sizes) => [inChannels, sizes.height, sizes.width] }],
      layers: sequence.layers,
      defaultSizes: { height: 64 * downsampling, width: 64 * downsampling, sequenceLength: 1 },
      checkSizes: (sizes) => expectMultiples(sizes, downsampling),
    },
    file,
    "",
  );
  return { kind: "autoencoder", description, latentChannels, downsampling };
}

/** Pixels are brought from -1 … 1 to 0 … 1 first. */
function input(module: string, inChannels: number, outChannels: number): OperatorList {
  const list = new OperatorListBuilder(["sample"]);
  return list.finish(list.conv2d(module, list.add({ op: "scale", input: "sample", factor: 0.5, offset: 0.5 }), inChannels, outChannels, 3));
}

function halve(module: string, width: number): OperatorList {
  const list = new OperatorListBuilder(["hidden_states"]);
  return list.finish(list.conv2d(module, "hidden_states", width, width, 3, { stride: 2, bias: false }));
}

function tinyBlock(module: string, width: number, activation: ActivationFunction): OperatorList {
  const list = new OperatorListBuilder(["hidden_states"]);
  const conv = (index: number, value: string) => list.conv2d(`${module}.conv.${index}`, value, width, width, 3);
  const hidden = conv(4, list.activation(activation, conv(2, list.activation(activation, conv(0, "hidden_states")))));
  return list.finish(list.activation("relu", list.sum(hidden, "hidden_states")));
}
