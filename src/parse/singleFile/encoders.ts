/** Configurations of the frozen parts from their tensors' shapes: autoencoder, CLIP, T5. */
import type { TensorShapes } from "./tensors";

type Json = Readonly<Record<string, unknown>>;

/** Features of one head in every CLIP text model. */
const clipHeadFeatures = 64;

/** AutoencoderKL: `encoder.down.0.block.0` (LDM) or `encoder.down_blocks.0.resnets.0` (diffusers). @throws UserError naming the tensor. */
export function autoencoderKl(tensors: TensorShapes): Json {
  const [levels, blocks] = tensors.hasUnder("encoder.down_blocks.") ? ["encoder.down_blocks.", "resnets."] : ["encoder.down.", "block."];
  const count = tensors.count(levels);
  if (count === 0 || count > 16) tensors.fail(levels, `${count} levels; expected 1 to 16.`);
  const layers = tensors.under(`${levels}0.`).count(blocks);
  const [moments] = tensors.need("encoder.conv_out.weight", 4);
  return {
    _class_name: "AutoencoderKL",
    in_channels: tensors.need("encoder.conv_in.weight", 4)[1],
    out_channels: tensors.shape("decoder.conv_out.weight")?.[0] ?? 3,
    down_block_types: Array<string>(count).fill("DownEncoderBlock2D"),
    up_block_types: Array<string>(count).fill("UpDecoderBlock2D"),
    block_out_channels: Array.from({ length: count }, (_, level) => tensors.need(`${levels}${level}.${blocks}0.conv1.weight`, 4)[0]),
    layers_per_block: layers,
    latent_channels: moments / 2,
    use_quant_conv: tensors.has("quant_conv.weight"),
    use_post_quant_conv: tensors.has("post_quant_conv.weight"),
    mid_block_add_attention: tensors.hasUnder("encoder.mid.attn_1.") || tensors.hasUnder("encoder.mid_block.attentions.0."),
  };
}

export interface TextEncoder {
  readonly class: string;
  readonly json: Json;
}

/**
 * A CLIP text model as transformers names it, with or without "text_model." before.
 * @param projects Whether a projection of the pooled output, where the file has one, is a part of the model.
 * @throws UserError naming the tensor.
 */
export function clipOfTransformers(whole: TensorShapes, projects: boolean): TextEncoder {
  const tensors = whole.hasUnder("text_model.") ? whole.under("text_model.") : whole;
  const projection = projects ? whole.shape("text_projection.weight") : undefined;
  return clip({
    tokens: tensors.need("embeddings.token_embedding.weight", 2),
    positions: tensors.need("embeddings.position_embedding.weight", 2),
    layers: tensors.count("encoder.layers."),
    intermediate: tensors.need("encoder.layers.0.mlp.fc1.weight", 2)[0],
    // OpenAI's models, as wide as 768, have the quick approximation; OpenCLIP's do not.
    activation: tensors.need("embeddings.token_embedding.weight", 2)[1] <= 768 ? "quick_gelu" : "gelu",
    projection: projection?.[0],
  });
}

/**
 * A CLIP text model as OpenCLIP names it.
 * @param pooled Stable Diffusion XL takes the pooled output; 2.x the hidden state before the last layer, which then does not run at all.
 * @throws UserError naming the tensor.
 */
export function clipOfOpenClip(tensors: TensorShapes, pooled: boolean): TextEncoder {
  const layers = tensors.count("transformer.resblocks.");
  return clip({
    tokens: tensors.need("token_embedding.weight", 2),
    positions: tensors.need("positional_embedding", 2),
    layers: pooled ? layers : layers - 1,
    intermediate: tensors.need("transformer.resblocks.0.mlp.c_fc.weight", 2)[0],
    activation: "gelu",
    projection: pooled ? tensors.need("text_projection", 2)[1] : undefined,
  });
}

interface ClipShapes {
  readonly tokens: readonly number[];
  readonly positions: readonly number[];
  readonly layers: number;
  readonly intermediate: number;
  readonly activation: string;
  readonly projection?: number;
}

function clip({ tokens: [vocabulary, features], positions: [positions], layers, intermediate, activation, projection }: ClipShapes): TextEncoder {
  const name = projection === undefined ? "CLIPTextModel" : "CLIPTextModelWithProjection";
  return {
    class: name,
    json: {
      architectures: [name],
      model_type: "clip_text_model",
      vocab_size: vocabulary,
      hidden_size: features,
      intermediate_size: intermediate,
      num_hidden_layers: layers,
      num_attention_heads: features % clipHeadFeatures === 0 ? features / clipHeadFeatures : 1,
      max_position_embeddings: positions,
      hidden_act: activation,
      ...(projection !== undefined && { projection_dim: projection }),
    },
  };
}

/** T5's encoder. @throws UserError naming the tensor. */
export function t5Encoder(tensors: TensorShapes): TextEncoder {
  const first = tensors.under("encoder.block.0.");
  const [relativeBuckets, heads] = first.need("layer.0.SelfAttention.relative_attention_bias.weight", 2);
  const [inner] = first.need("layer.0.SelfAttention.q.weight", 2);
  const gated = first.has("layer.1.DenseReluDense.wi_0.weight");
  if (heads === 0 || inner % heads !== 0) tensors.fail("encoder.block.0.layer.0.SelfAttention.q.weight", `${inner} features for ${heads} heads.`);
  const [vocabulary, features] = tensors.need(tensors.has("shared.weight") ? "shared.weight" : "encoder.embed_tokens.weight", 2);
  return {
    class: "T5EncoderModel",
    json: {
      architectures: ["T5EncoderModel"],
      model_type: "t5",
      vocab_size: vocabulary,
      d_model: features,
      d_kv: inner / heads,
      d_ff: first.need(`layer.1.DenseReluDense.${gated ? "wi_0" : "wi"}.weight`, 2)[0],
      num_layers: tensors.count("encoder.block."),
      num_heads: heads,
      relative_attention_num_buckets: relativeBuckets,
      feed_forward_proj: gated ? "gated-gelu" : "relu",
    },
  };
}
