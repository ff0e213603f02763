/**
 * diffusers' AutoencoderKL and the image autoencoders with the same encoder, encoder half: what training a latent model runs, from
 * pixels to the moments of the latents (VQModel: to the latents themselves, before they are quantised). Settings of the
 * decoder and of the latents' scale do not change it. Defaults are those of diffusers.
 */
import { z } from "zod";
import { channels, checkConfig, count, flag, only } from "../config";
import { imageAutoencoder, imageEncoderBlocks, imageEncoderSettings } from "./blocks/imageEncoder";
import type { Autoencoder } from "./family";

const klSchema = z.object({
  _class_name: only(["AutoencoderKL"]).optional(),
  ...imageEncoderSettings,
  latent_channels: channels.default(4),
  use_quant_conv: flag.default(true),
  mid_block_add_attention: flag.default(true),
});

/** @throws UserError for a configuration that diffusers would refuse or that is not supported. */
export function parseAutoencoderKl(config: unknown, file: string): Autoencoder {
  const settings = checkConfig(klSchema, config, file);
  const moments = 2 * settings.latent_channels;
  return imageAutoencoder({
    class: "AutoencoderKL", ...ofEncoder(settings), midAttention: settings.mid_block_add_attention, outChannels: moments, latentChannels: settings.latent_channels,
    ...(settings.use_quant_conv && { quantChannels: moments }),
  }, file);
}

const temporalSchema = z.object({
  _class_name: only(["AutoencoderKLTemporalDecoder"]).optional(),
  ...imageEncoderSettings,
  act_fn: only(["silu"]).optional(),
  norm_num_groups: only([32]).optional(),
  latent_channels: channels.default(4),
});

/** Stable Video Diffusion's: its encoder sees every frame as an image. @throws UserError for a configuration that diffusers would refuse or that is not supported. */
export function parseAutoencoderKlTemporalDecoder(config: unknown, file: string): Autoencoder {
  const settings = checkConfig(temporalSchema, config, file);
  const moments = 2 * settings.latent_channels;
  return imageAutoencoder({
    class: "AutoencoderKLTemporalDecoder", ...ofEncoder({ ...settings, act_fn: "silu", norm_num_groups: 32 }), midAttention: true, outChannels: moments, quantChannels: moments,
    latentChannels: settings.latent_channels,
  }, file);
}

const asymmetricSchema = z.object({
  _class_name: only(["AsymmetricAutoencoderKL"]).optional(),
  in_channels: imageEncoderSettings.in_channels,
  down_block_types: imageEncoderBlocks,
  down_block_out_channels: imageEncoderSettings.block_out_channels,
  layers_per_down_block: count.default(1),
  act_fn: imageEncoderSettings.act_fn,
  norm_num_groups: imageEncoderSettings.norm_num_groups,
  latent_channels: channels.default(4),
});

/** @throws UserError for a configuration that diffusers would refuse or that is not supported. */
export function parseAsymmetricAutoencoderKl(config: unknown, file: string): Autoencoder {
  const settings = checkConfig(asymmetricSchema, config, file);
  const moments = 2 * settings.latent_channels;
  return imageAutoencoder({
    class: "AsymmetricAutoencoderKL",
    ...ofEncoder({ ...settings, block_out_channels: settings.down_block_out_channels, layers_per_block: settings.layers_per_down_block }),
    fields: { widths: "down_block_out_channels", layers: "layers_per_down_block" },
    midAttention: true, outChannels: moments, quantChannels: moments, latentChannels: settings.latent_channels,
  }, file);
}

const vqSchema = z.object({
  _class_name: only(["VQModel"]).optional(),
  ...imageEncoderSettings,
  latent_channels: channels.default(3),
  vq_embed_dim: channels.nullable().default(null),
  mid_block_add_attention: flag.default(true),
});

/** @throws UserError for a configuration that diffusers would refuse or that is not supported. */
export function parseVqModel(config: unknown, file: string): Autoencoder {
  const settings = checkConfig(vqSchema, config, file);
  const quantChannels = settings.vq_embed_dim ?? settings.latent_channels;
  return imageAutoencoder({
    class: "VQModel", ...ofEncoder(settings), midAttention: settings.mid_block_add_attention, outChannels: settings.latent_channels, quantChannels, latentChannels: quantChannels,
  }, file);
}

type EncoderSettings = z.infer<z.ZodObject<typeof imageEncoderSettings>>;

function ofEncoder({ in_channels, down_block_types, block_out_channels, layers_per_block, act_fn, norm_num_groups }: EncoderSettings) {
  return { inChannels: in_channels, blocks: down_block_types, widths: block_out_channels, layersPerBlock: layers_per_block, activation: act_fn, groups: norm_num_groups };
}
