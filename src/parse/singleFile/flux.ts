/** The configuration of a FluxTransformer2DModel from its tensors' shapes, in its authors' layout or in that of diffusers. */
import type { TensorShapes } from "./tensors";

type Json = Readonly<Record<string, unknown>>;

const authors = {
  image: "img_in.weight", text: "txt_in.weight", pooled: "vector_in.in_layer.weight", guidance: "guidance_in.in_layer.weight", out: "final_layer.linear.weight",
  double: "double_blocks.", single: "single_blocks.", head: "double_blocks.0.img_attn.norm.query_norm.scale", widened: "double_blocks.0.img_mlp.0.weight",
} as const;
const diffusers: Record<keyof typeof authors, string> = {
  image: "x_embedder.weight", text: "context_embedder.weight", pooled: "time_text_embed.text_embedder.linear_1.weight", guidance: "time_text_embed.guidance_embedder.linear_1.weight", out: "proj_out.weight",
  double: "transformer_blocks.", single: "single_transformer_blocks.", head: "transformer_blocks.0.attn.norm_q.weight", widened: "transformer_blocks.0.ff.net.0.proj.weight",
};

/** @throws UserError naming the tensor that is missing or has another shape than the family has. */
export function fluxTransformer(tensors: TensorShapes, layout: "authors" | "diffusers"): Json {
  const names = layout === "authors" ? authors : diffusers;
  const [features, inChannels] = tensors.need(names.image, 2);
  const [headFeatures] = tensors.need(names.head, 1);
  if (headFeatures === 0 || features % headFeatures !== 0) tensors.fail(names.head, `Heads of ${headFeatures} features do not divide ${features}.`);
  const [widened] = tensors.need(names.widened, 2);
  if (widened !== 4 * features) tensors.fail(names.widened, `The inner layer has ${widened} features; expected four times ${features}.`);
  const [outChannels] = tensors.need(names.out, 2);
  return {
    _class_name: "FluxTransformer2DModel",
    patch_size: 1,
    in_channels: inChannels,
    ...(outChannels !== inChannels && { out_channels: outChannels }),
    num_layers: tensors.count(names.double),
    num_single_layers: tensors.count(names.single),
    attention_head_dim: headFeatures,
    num_attention_heads: features / headFeatures,
    joint_attention_dim: tensors.need(names.text, 2)[1],
    pooled_projection_dim: tensors.need(names.pooled, 2)[1],
    guidance_embeds: tensors.has(names.guidance),
    axes_dims_rope: rotaryFeatures(headFeatures),
  };
}

/** Of a head's features, an eighth turns with the image's index (16 of 128), the rest with row and column; each an even number. */
function rotaryFeatures(headFeatures: number): readonly number[] {
  const side = Math.floor((headFeatures * 7) / 32) * 2;
  return [headFeatures - 2 * side, side, side];
}
