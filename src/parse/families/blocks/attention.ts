/** Attention layers of diffusers: Transformer2DModel (self- and cross-attention, feed-forward) and the autoencoder's single self-attention. */
import type { OperatorList } from "../../../model/operator";
import { OperatorListBuilder } from "../../operatorListBuilder";

export interface Transformer2dOptions {
  readonly channels: number;
  readonly heads: number;
  readonly headFeatures: number;
  readonly blocks: number;
  readonly crossAttentionFeatures: number;
  readonly groups: number;
  readonly linearProjection: boolean;
}

/** Fixed in Transformer2DModel and BasicTransformerBlock, whatever the UNet's own epsilon. */
const groupNormEpsilon = 1e-6;
const layerNormEpsilon = 1e-5;

/** Inputs: "hidden_states" (an image) and "encoder_hidden_states". */
export function transformer2d(options: Transformer2dOptions): OperatorList {
  const { channels, heads, headFeatures, blocks, groups, linearProjection } = options;
  const inner = heads * headFeatures;
  const list = new OperatorListBuilder(["hidden_states", "encoder_hidden_states"]);
  const normalized = list.add({ op: "groupNorm", module: "norm", input: "hidden_states", groups, channels, epsilon: groupNormEpsilon });
  let hidden = linearProjection
    ? list.linear("proj_in", list.imageToTokens(normalized), channels, inner)
    : list.imageToTokens(list.conv2d("proj_in", normalized, channels, inner, 1));
  for (let block = 0; block < blocks; block++) hidden = basicTransformerBlock(list, `transformer_blocks.${block}`, hidden, inner, options);
  hidden = linearProjection
    ? list.tokensToImage(list.linear("proj_out", hidden, inner, channels), "hidden_states")
    : list.conv2d("proj_out", list.tokensToImage(hidden, "hidden_states"), inner, channels, 1);
  return list.finish(list.sum(hidden, "hidden_states"));
}

function basicTransformerBlock(list: OperatorListBuilder, path: string, input: string, features: number, { heads, crossAttentionFeatures }: Transformer2dOptions): string {
  const norm = (name: string, value: string) => list.add({ op: "layerNorm", module: `${path}.${name}`, input: value, features, epsilon: layerNormEpsilon, affine: "weight and bias" });
  let hidden = input;
  const query = norm("norm1", hidden);
  hidden = list.sum(attention(list, `${path}.attn1.`, query, query, { features, contextFeatures: features, heads, bias: false }), hidden);
  const cross = attention(list, `${path}.attn2.`, norm("norm2", hidden), "encoder_hidden_states", { features, contextFeatures: crossAttentionFeatures, heads, bias: false });
  hidden = list.sum(cross, hidden);
  const widened = list.linear(`${path}.ff.net.0.proj`, norm("norm3", hidden), features, 8 * features);
  const gated = list.add({ op: "gated", function: "gelu", input: widened });
  const narrowed = list.linear(`${path}.ff.net.2`, gated, 4 * features, features);
  return list.sum(narrowed, hidden);
}

interface AttentionOptions {
  readonly features: number;
  /** Features of the tokens attended to. */
  readonly contextFeatures: number;
  readonly heads: number;
  /** Of the query, key and value projections; the output projection always has one. */
  readonly bias: boolean;
}

/** @param path Prefix of the projections' modules: a path with its final dot, or nothing. */
function attention(list: OperatorListBuilder, path: string, tokens: string, context: string, { features, contextFeatures, heads, bias }: AttentionOptions): string {
  const query = list.linear(`${path}to_q`, tokens, features, features, bias);
  const key = list.linear(`${path}to_k`, context, contextFeatures, features, bias);
  const value = list.linear(`${path}to_v`, context, contextFeatures, features, bias);
  const attended = list.add({ op: "attention", query, key, value, heads, causal: false });
  return list.linear(`${path}to_out.0`, attended, features, features);
}

/** The autoencoder's attention: normalised over groups, one head over all pixels, added to its input. */
export function imageSelfAttention(channels: number, groups: number, epsilon: number): OperatorList {
  const list = new OperatorListBuilder(["hidden_states"]);
  const normalized = list.add({ op: "groupNorm", module: "group_norm", input: "hidden_states", groups, channels, epsilon });
  const tokens = list.imageToTokens(normalized);
  const attended = attention(list, "", tokens, tokens, { features: channels, contextFeatures: channels, heads: 1, bias: true });
  const image = list.tokensToImage(attended, "hidden_states");
  return list.finish(list.sum(image, "hidden_states"));
}
