/** Causal operators on videos [N, C, F, H, W]: a frame sees those before it, never those after. */
import type { OperatorListBuilder } from "../../operatorListBuilder";

export interface VideoConvolution {
  readonly inChannels: number;
  readonly outChannels: number;
  /** Frames, height, width: odd, images keep their size. */
  readonly kernel: readonly [number, number, number];
  /** What stands before the first frame: nothing, or that frame again. */
  readonly before: "zeros" | "first frame";
}

/** A convolution in which the last frame of a kernel is the frame that it makes. */
export function causalConvolution(list: OperatorListBuilder, module: string, input: string, { inChannels, outChannels, kernel, before }: VideoConvolution): string {
  const [frames, height, width] = kernel;
  const repeats = before === "first frame" ? frames - 1 : 0;
  const padded = repeats === 0 ? input : list.add({ op: "concat", inputs: [...new Array<string>(repeats).fill(firstFrame(list, input)), input], axis: 2 });
  const [down, across] = [(height - 1) / 2, (width - 1) / 2];
  return list.add({
    op: "convolution", module, input: padded, inChannels, outChannels, kernel, stride: [1, 1, 1], bias: true,
    paddingBefore: [before === "zeros" ? frames - 1 : 0, down, across], paddingAfter: [0, down, across],
  });
}

export function firstFrame(list: OperatorListBuilder, input: string): string {
  return list.add({ op: "slice", input, axis: 2, start: 0, size: 1 });
}

/** Each frame by itself at half the height and width, padded below and on the right. The module is a Conv2d: its kernel has no frames. */
export function halveFrames(list: OperatorListBuilder, module: string, input: string, width: number): string {
  const images = list.rearrange(input, "n c f h w -> (n f) c h w");
  const halved = list.conv2d(module, images, width, width, 3, { stride: 2, paddingBefore: 0, paddingAfter: 1 });
  return list.rearrange(halved, "(n f) c h w -> n c f h w", undefined, { value: input, pattern: "n c f before_h before_w" });
}

