/** Attention over two streams of tokens, image and text, each with projections of its own (SD3, FLUX). */
import type { OperatorListBuilder } from "../../operatorListBuilder";

export interface JointAttentionOptions {
  readonly features: number;
  readonly headFeatures: number;
  /** Of queries and keys, each head alone. */
  readonly norm: "rms_norm" | "layer_norm" | null;
  /** Which stream stands first: it is where the rotary tables begin. */
  readonly first: "text" | "image";
  /** Tables over all tokens. */
  readonly rotary?: { readonly cos: string; readonly sin: string };
}

type Projections = readonly [query: string, key: string, value: string];

/** Of queries and keys in diffusers' joint attention. */
const epsilon = 1e-6;

/**
 * @param path Prefix of the modules, with its final dot.
 * @returns What is added to each stream after its gate; the text before its projection where `textOutput` says that it is not needed
 * any further (the last block of SD3 has no such projection).
 */
export function jointAttention(list: OperatorListBuilder, path: string, image: string, text: string, options: JointAttentionOptions, textOutput = true): { readonly image: string; readonly text: string } {
  const { features, first } = options;
  const ofImage = projections(list, path, image, ["to_q", "to_k", "to_v"], ["norm_q", "norm_k"], options);
  const ofText = projections(list, path, text, ["add_q_proj", "add_k_proj", "add_v_proj"], ["norm_added_q", "norm_added_k"], options);
  const [before, after] = first === "text" ? [ofText, ofImage] : [ofImage, ofText];
  const joined = (index: number) => list.add({ op: "concat", axis: 1, inputs: [before[index], after[index]] });
  const [head, tail] = splitTokens(list, attend(list, [joined(0), joined(1), joined(2)], options), first === "text" ? text : image);
  const [imagePart, textPart] = first === "text" ? [tail, head] : [head, tail];
  return {
    image: list.linear(`${path}to_out.0`, imagePart, features, features),
    text: textOutput ? list.linear(`${path}to_add_out`, textPart, features, features) : textPart,
  };
}

/** Tokens that attend to themselves, before any output projection. */
export function selfAttention(list: OperatorListBuilder, path: string, tokens: string, options: Pick<JointAttentionOptions, "features" | "headFeatures" | "norm" | "rotary">): string {
  return attend(list, projections(list, path, tokens, ["to_q", "to_k", "to_v"], ["norm_q", "norm_k"], options), options);
}

/** The first tokens, as many as `first` has, and the rest. */
export function splitTokens(list: OperatorListBuilder, tokens: string, first: string): readonly [first: string, rest: string] {
  const count = { like: first, axis: 1 };
  return [list.add({ op: "slice", input: tokens, axis: 1, start: 0, size: count }), list.add({ op: "slice", input: tokens, axis: 1, start: count })];
}

function projections(
  list: OperatorListBuilder, path: string, tokens: string, names: readonly string[], norms: readonly string[],
  { features, headFeatures, norm }: Pick<JointAttentionOptions, "features" | "headFeatures" | "norm">,
): Projections {
  const [query, key, value] = names.map((name) => list.linear(`${path}${name}`, tokens, features, features));
  const normalized = (name: string, input: string) => {
    const shared = { module: `${path}${name}`, input, features: headFeatures, epsilon };
    if (norm === null) return input;
    return norm === "rms_norm" ? list.add({ op: "rmsNorm", ...shared, affine: "weight", offset: 0 }) : list.add({ op: "layerNorm", ...shared, affine: "weight and bias" });
  };
  return [normalized(norms[0], query), normalized(norms[1], key), value];
}

function attend(list: OperatorListBuilder, [query, key, value]: Projections, { features, headFeatures, rotary }: Pick<JointAttentionOptions, "features" | "headFeatures" | "rotary">): string {
  const turned = (input: string) => (rotary ? list.add({ op: "rotary", input, ...rotary, layout: "interleaved" }) : input);
  return list.add({ op: "attention", query: turned(query), key: turned(key), value, heads: features / headFeatures, causal: false });
}
