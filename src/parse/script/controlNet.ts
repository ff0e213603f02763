/** The settings that `ControlNetModel.from_unet` takes over from a UNet; all others are the ControlNet's own defaults. */
const copied = [
  "in_channels", "flip_sin_to_cos", "freq_shift", "down_block_types", "only_cross_attention", "block_out_channels", "layers_per_block", "downsample_padding", "mid_block_scale_factor", "act_fn", "norm_num_groups",
  "norm_eps", "cross_attention_dim", "attention_head_dim", "num_attention_heads", "use_linear_projection", "class_embed_type", "num_class_embeds", "upcast_attention", "resnet_time_scale_shift",
  "projection_class_embeddings_input_dim", "mid_block_type", "transformer_layers_per_block", "encoder_hid_dim", "encoder_hid_dim_type", "addition_embed_type", "addition_time_embed_dim",
];

/** @param settings What the call says beyond the UNet. */
export function controlNetOf(unet: Readonly<Record<string, unknown>>, settings: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  const { load_weights_from_unet: _weights, ...own } = settings;
  return { _class_name: "ControlNetModel", ...Object.fromEntries(copied.flatMap((key) => (Object.hasOwn(unet, key) ? [[key, unet[key]]] : []))), ...own };
}
