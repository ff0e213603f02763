/** What mixes the frames of a video whose images a UNet works on one by one: values are [N, F, C, H, W]. */
import type { Operator, OperatorList } from "../../../model/operator";
import { OperatorListBuilder } from "../../operatorListBuilder";
import { basicTransformerBlock, transformerGroupNormEpsilon } from "./attention";

const convolutionEpsilon = 1e-5;

/** diffusers' TemporalConvLayer: four convolutions over time, added to the input. */
export function temporalConvolution(channels: number, groups: number): OperatorList {
  const list = new OperatorListBuilder(["hidden_states"]);
  let hidden = list.rearrange("hidden_states", "n f c h w -> n c f h w");
  const identity = hidden;
  for (const [index, last] of [2, 3, 3, 3].entries()) {
    const path = `conv${index + 1}`;
    const activated = list.activation("silu", list.add({ op: "groupNorm", module: `${path}.0`, input: hidden, groups, channels, epsilon: convolutionEpsilon }));
    hidden = list.add({
      op: "convolution", module: `${path}.${last}`, input: activated, inChannels: channels, outChannels: channels, bias: true,
      kernel: [3, 1, 1], stride: [1, 1, 1], paddingBefore: [1, 0, 0], paddingAfter: [1, 0, 0],
    });
  }
  return list.finish(list.rearrange(list.sum(identity, hidden), "n c f h w -> n f c h w"));
}

export interface TemporalTransformerOptions {
  readonly channels: number;
  readonly heads: number;
  readonly headFeatures: number;
  readonly groups: number;
}

/** diffusers' TransformerTemporalModel of one block: each pixel attends to itself at other times, twice. */
export function temporalTransformer({ channels, heads, headFeatures, groups }: TemporalTransformerOptions): OperatorList {
  const inner = heads * headFeatures;
  const list = new OperatorListBuilder(["hidden_states"]);
  const video = list.rearrange("hidden_states", "n f c h w -> n c f h w");
  const normalized = list.add({ op: "groupNorm", module: "norm", input: video, groups, channels, epsilon: transformerGroupNormEpsilon });
  const tokens = list.linear("proj_in", list.rearrange(normalized, "n c f h w -> (n h w) f c"), channels, inner);
  const block = basicTransformerBlock(list, "transformer_blocks.0", tokens, { features: inner, heads, contexts: [undefined, undefined] });
  const projected = list.linear("proj_out", block, inner, channels);
  const back = list.rearrange(projected, "(n h w) f c -> n f c h w", undefined, { value: "hidden_states", pattern: "n f c h w" });
  return list.finish(list.sum(back, "hidden_states"));
}

/** Of values that are folded into the batch, frame after frame; others are repeated for every frame. */
const images = new Set(["hidden_states", "skip", "sample"]);
const unfolded: Readonly<Record<number, string>> = { 2: "n c", 3: "n l c" };
const folded: Readonly<Record<number, string>> = { 2: "(n f) c", 3: "(n f) l c" };

/**
 * The same operators on every frame. Inputs keep their names with "video." before them: images [N, F, C, H, W], and what is one
 * per sample, repeated for the frames of the first input.
 * @param ranks Of inputs that are no images.
 */
export function perFrame(body: OperatorList, ranks: Readonly<Record<string, 2 | 3>> = {}): OperatorList {
  const outer = (name: string) => `video.${name}`;
  const like = { value: outer(body.inputs[0]), pattern: "n f c0 h0 w0" };
  const fold = body.inputs.map((input): Operator => {
    const rank = ranks[input];
    return images.has(input) || rank === undefined
      ? { op: "rearrange", input: outer(input), pattern: "n f c h w -> (n f) c h w", output: input }
      : { op: "rearrange", input: outer(input), pattern: `${unfolded[rank]} -> ${folded[rank]}`, like, output: input };
  });
  const unfold = body.outputs.map((output): Operator => ({ op: "rearrange", input: output, pattern: "(n f) c h w -> n f c h w", like: { ...like, pattern: "n f c0 h0 w0" }, output: outer(output) }));
  return { inputs: body.inputs.map(outer), operators: [...fold, ...body.operators, ...unfold], outputs: body.outputs.map(outer) };
}
