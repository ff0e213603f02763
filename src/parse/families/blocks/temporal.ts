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

/** Of a layer that works on every frame alone: values of the whole video have "video." before their names. */
const whole = (name: string) => `video.${name}`;

/** Axes of a video between layers, and where it comes into a component or leaves it. */
const inside = "n f c h w";
const outside = "n c f h w";
const images = "(n f) c h w";
/** Of inputs that are one per sample. */
const perSample: Readonly<Record<string, readonly [from: string, to: string]>> = { temb: ["n c", "(n f) c"], encoder_hidden_states: ["n l c", "(n f) l c"] };

/**
 * The same operators on every frame, folded into the batch. Inputs that are one per sample are repeated for the frames.
 * @param axes Of the first input and of the output.
 */
export function perFrame(body: OperatorList, axes: { readonly first?: "outside"; readonly output?: "outside" } = {}): OperatorList {
  const [first] = body.inputs;
  const axesOf = (input: string) => (input === first && axes.first ? outside : inside);
  // Frames alone are read from the first input: the operators may change the other axes.
  const like = { value: whole(first), pattern: axes.first ? "n any0 f any1 any2" : "n f any0 any1 any2" };
  const fold = body.inputs.map((input): Operator => {
    const sample = perSample[input];
    return sample
      ? { op: "rearrange", input: whole(input), pattern: `${sample[0]} -> ${sample[1]}`, like, output: input }
      : { op: "rearrange", input: whole(input), pattern: `${axesOf(input)} -> ${images}`, output: input };
  });
  const unfold = body.outputs.map((output): Operator => ({ op: "rearrange", input: output, pattern: `${images} -> ${axes.output ? outside : inside}`, like, output: whole(output) }));
  return { inputs: body.inputs.map(whole), operators: [...fold, ...body.operators, ...unfold], outputs: body.outputs.map(whole) };
}

/** Sources of the inputs of a body, as sources of the inputs of the same per frame. */
export function perFrameSources<T>(sources: Readonly<Record<string, T>>): Readonly<Record<string, T>> {
  return Object.fromEntries(Object.entries(sources).map(([input, source]) => [whole(input), source]));
}
