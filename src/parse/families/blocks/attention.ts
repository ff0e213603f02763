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
  const pointwise = { kernel: 1, stride: 1, paddingBefore: 0, paddingAfter: 0 };
  let hidden: string;
  if (linearProjection) {
    const tokens = list.add({ op: "imageToTokens", input: normalized });
    hidden = list.add({ op: "linear", module: "proj_in", input: tokens, inFeatures: channels, outFeatures: inner, bias: true });
  } else {
    hidden = list.add({ op: "imageToTokens", input: list.add({ op: "conv2d", module: "proj_in", input: normalized, inChannels: channels, outChannels: inner, ...pointwise }) });
  }
  for (let block = 0; block < blocks; block++) hidden = basicTransformerBlock(list, `transformer_blocks.${block}`, hidden, inner, options);
  if (linearProjection) {
    hidden = list.add({ op: "linear", module: "proj_out", input: hidden, inFeatures: inner, outFeatures: channels, bias: true });
    hidden = list.add({ op: "tokensToImage", input: hidden, like: "hidden_states" });
  } else {
    hidden = list.add({ op: "tokensToImage", input: hidden, like: "hidden_states" });
    hidden = list.add({ op: "conv2d", module: "proj_out", input: hidden, inChannels: inner, outChannels: channels, ...pointwise });
  }
  return list.finish(list.add({ op: "add", left: hidden, right: "hidden_states" }));
}

function basicTransformerBlock(list: OperatorListBuilder, path: string, input: string, features: number, { heads, crossAttentionFeatures }: Transformer2dOptions): string {
  const norm = (name: string, value: string) => list.add({ op: "layerNorm", module: `${path}.${name}`, input: value, features, epsilon: layerNormEpsilon });
  let hidden = input;
  const query = norm("norm1", hidden);
  hidden = list.add({ op: "add", left: attention(list, `${path}.attn1.`, query, query, { features, contextFeatures: features, heads, bias: false }), right: hidden });
  const cross = attention(list, `${path}.attn2.`, norm("norm2", hidden), "encoder_hidden_states", { features, contextFeatures: crossAttentionFeatures, heads, bias: false });
  hidden = list.add({ op: "add", left: cross, right: hidden });
  const widened = list.add({ op: "linear", module: `${path}.ff.net.0.proj`, input: norm("norm3", hidden), inFeatures: features, outFeatures: 8 * features, bias: true });
  const gated = list.add({ op: "geglu", input: widened });
  const narrowed = list.add({ op: "linear", module: `${path}.ff.net.2`, input: gated, inFeatures: 4 * features, outFeatures: features, bias: true });
  return list.add({ op: "add", left: narrowed, right: hidden });
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
  const query = list.add({ op: "linear", module: `${path}to_q`, input: tokens, inFeatures: features, outFeatures: features, bias });
  const key = list.add({ op: "linear", module: `${path}to_k`, input: context, inFeatures: contextFeatures, outFeatures: features, bias });
  const value = list.add({ op: "linear", module: `${path}to_v`, input: context, inFeatures: contextFeatures, outFeatures: features, bias });
  const attended = list.add({ op: "attention", query, key, value, heads, causal: false });
  return list.add({ op: "linear", module: `${path}to_out.0`, input: attended, inFeatures: features, outFeatures: features, bias: true });
}

/** The autoencoder's attention: normalised over groups, one head over all pixels, added to its input. */
export function imageSelfAttention(channels: number, groups: number, epsilon: number): OperatorList {
  const list = new OperatorListBuilder(["hidden_states"]);
  const normalized = list.add({ op: "groupNorm", module: "group_norm", input: "hidden_states", groups, channels, epsilon });
  const tokens = list.add({ op: "imageToTokens", input: normalized });
  const attended = attention(list, "", tokens, tokens, { features: channels, contextFeatures: channels, heads: 1, bias: true });
  const image = list.add({ op: "tokensToImage", input: attended, like: "hidden_states" });
  return list.finish(list.add({ op: "add", left: image, right: "hidden_states" }));
}
