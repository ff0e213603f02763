/** Attention layers of image models: Transformer2DModel, self-attention over pixels, and attention to pixels and context at once. */
import type { OperatorList } from "../../../model/operator";
import { OperatorListBuilder } from "../../operatorListBuilder";
import { feedForward } from "./feedForward";

export interface Transformer2dOptions {
  readonly channels: number;
  readonly heads: number;
  readonly headFeatures: number;
  readonly blocks: number;
  readonly contextFeatures: number;
  readonly groups: number;
  readonly linearProjection: boolean;
  /** The first attention of each block attends to the context too. */
  readonly onlyCross: boolean;
}

/** Fixed in Transformer2DModel and BasicTransformerBlock, whatever the UNet's own epsilon. */
export const transformerGroupNormEpsilon = 1e-6;
const layerNormEpsilon = 1e-5;

/** Inputs: "hidden_states" (an image) and, where there are blocks, "encoder_hidden_states". */
export function transformer2d(options: Transformer2dOptions): OperatorList {
  const { channels, heads, headFeatures, blocks, contextFeatures, groups, linearProjection, onlyCross } = options;
  const inner = heads * headFeatures;
  const list = new OperatorListBuilder(["hidden_states", ...(blocks > 0 ? ["encoder_hidden_states"] : [])]);
  const normalized = list.add({ op: "groupNorm", module: "norm", input: "hidden_states", groups, channels, epsilon: transformerGroupNormEpsilon });
  let hidden = linearProjection
    ? list.linear("proj_in", list.imageToTokens(normalized), channels, inner)
    : list.imageToTokens(list.conv2d("proj_in", normalized, channels, inner, 1));
  const context = { value: "encoder_hidden_states", features: contextFeatures };
  for (let block = 0; block < blocks; block++) {
    hidden = basicTransformerBlock(list, `transformer_blocks.${block}`, hidden, { features: inner, heads, contexts: [onlyCross ? context : undefined, context] });
  }
  hidden = linearProjection
    ? list.tokensToImage(list.linear("proj_out", hidden, inner, channels), "hidden_states")
    : list.conv2d("proj_out", list.tokensToImage(hidden, "hidden_states"), inner, channels, 1);
  return list.finish(list.sum(hidden, "hidden_states"));
}

export interface TransformerBlockOptions {
  readonly features: number;
  readonly heads: number;
  /** What each of the two attentions attends to; the tokens themselves where undefined. */
  readonly contexts: readonly ({ readonly value: string; readonly features: number } | undefined)[];
}

/** diffusers' BasicTransformerBlock with plain norms: two attentions and a gated feed-forward, each added to its input. */
export function basicTransformerBlock(list: OperatorListBuilder, path: string, input: string, { features, heads, contexts }: TransformerBlockOptions): string {
  const norm = (name: string, value: string) => list.add({ op: "layerNorm", module: `${path}.${name}`, input: value, features, epsilon: layerNormEpsilon, affine: "weight and bias" });
  let hidden = input;
  for (const [index, context] of contexts.entries()) {
    const query = norm(`norm${index + 1}`, hidden);
    const attended = attention(list, `${path}.attn${index + 1}.`, query, context?.value ?? query, { features, contextFeatures: context?.features ?? features, heads, bias: false });
    hidden = list.sum(attended, hidden);
  }
  return list.sum(feedForward(list, `${path}.ff.`, norm("norm3", hidden), { features, activation: "geglu" }), hidden);
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
export function attention(list: OperatorListBuilder, path: string, tokens: string, context: string, { features, contextFeatures, heads, bias }: AttentionOptions): string {
  const query = list.linear(`${path}to_q`, tokens, features, features, bias);
  const key = list.linear(`${path}to_k`, context, contextFeatures, features, bias);
  const value = list.linear(`${path}to_v`, context, contextFeatures, features, bias);
  const attended = list.add({ op: "attention", query, key, value, heads, causal: false });
  return list.linear(`${path}to_out.0`, attended, features, features);
}

export interface ImageSelfAttentionOptions {
  readonly channels: number;
  readonly heads: number;
  readonly headFeatures: number;
  /** No norm where left out. */
  readonly groups?: number;
  readonly epsilon: number;
  readonly outputScaleFactor: number;
}

/** Attention over the pixels of an image, normalised over groups and added to its input. */
export function imageSelfAttention({ channels, heads, headFeatures, groups, epsilon, outputScaleFactor }: ImageSelfAttentionOptions): OperatorList {
  const list = new OperatorListBuilder(["hidden_states"]);
  const normalized = groups === undefined ? "hidden_states" : list.add({ op: "groupNorm", module: "group_norm", input: "hidden_states", groups, channels, epsilon });
  const tokens = list.imageToTokens(normalized);
  const inner = heads * headFeatures;
  const [query, key, value] = ["to_q", "to_k", "to_v"].map((module) => list.linear(module, tokens, channels, inner));
  const attended = list.linear("to_out.0", list.add({ op: "attention", query, key, value, heads, causal: false }), inner, channels);
  const sum = list.sum(list.tokensToImage(attended, "hidden_states"), "hidden_states");
  return list.finish(outputScaleFactor === 1 ? sum : list.add({ op: "scale", input: sum, factor: 1 / outputScaleFactor }));
}

export interface AddedKeyValueAttentionOptions {
  readonly channels: number;
  readonly heads: number;
  readonly headFeatures: number;
  readonly contextFeatures: number;
  readonly groups: number;
  /** The pixels attend to the context, not to each other. */
  readonly onlyCross: boolean;
  readonly contextNorm?: "layer_norm" | "group_norm";
}

/** Fixed in diffusers' Attention for its norm of the context. */
const contextGroups = 32;

/** Pixels attend to the context and to each other at once: diffusers' Attention with added key and value projections. */
export function addedKeyValueAttention({ channels, heads, headFeatures, contextFeatures, groups, onlyCross, contextNorm }: AddedKeyValueAttentionOptions): OperatorList {
  const list = new OperatorListBuilder(["hidden_states", "encoder_hidden_states"]);
  const inner = heads * headFeatures;
  let context = "encoder_hidden_states";
  if (contextNorm === "layer_norm") context = list.add({ op: "layerNorm", module: "norm_cross", input: context, features: channels, epsilon: layerNormEpsilon, affine: "weight and bias" });
  if (contextNorm === "group_norm") {
    const featuresFirst = list.rearrange(context, "n l c -> n c l");
    context = list.rearrange(list.add({ op: "groupNorm", module: "norm_cross", input: featuresFirst, groups: contextGroups, channels: contextFeatures, epsilon: layerNormEpsilon }), "n c l -> n l c");
  }
  const tokens = list.imageToTokens(list.add({ op: "groupNorm", module: "group_norm", input: "hidden_states", groups, channels, epsilon: layerNormEpsilon }));
  const query = list.linear("to_q", tokens, channels, inner);
  const [key, value] = ["k", "v"].map((name) => {
    const added = list.linear(`add_${name}_proj`, context, contextFeatures, inner);
    return onlyCross ? added : list.add({ op: "concat", inputs: [added, list.linear(`to_${name}`, tokens, channels, inner)], axis: 1 });
  });
  const attended = list.linear("to_out.0", list.add({ op: "attention", query, key, value, heads, causal: false }), inner, channels);
  return list.finish(list.sum(list.tokensToImage(attended, "hidden_states"), "hidden_states"));
}
