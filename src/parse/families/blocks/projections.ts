/** The short layers at the ends of image models: a convolution alone, and norm, activation and convolution. */
import type { ActivationFunction, OperatorList } from "../../../model/operator";
import { OperatorListBuilder } from "../../operatorListBuilder";

export interface ConvOptions {
  readonly module: string;
  readonly inChannels: number;
  readonly outChannels: number;
  /** Odd; the image keeps its size. */
  readonly kernel: number;
}

/** One convolution. @param input The name of the value it takes. */
export function conv2dBody(input: string, { module, inChannels, outChannels, kernel }: ConvOptions): OperatorList {
  const list = new OperatorListBuilder([input]);
  return list.finish(list.add({ op: "conv2d", module, input, inChannels, outChannels, kernel, stride: 1, ...samePadding(kernel) }));
}

/** conv_norm_out, conv_act, conv_out. */
export function outputBody(options: { channels: number; outChannels: number; kernel: number; groups: number; epsilon: number; activation: ActivationFunction }): OperatorList {
  const { channels, outChannels, kernel, groups, epsilon, activation } = options;
  const list = new OperatorListBuilder(["hidden_states"]);
  const normalized = list.add({ op: "groupNorm", module: "conv_norm_out", input: "hidden_states", groups, channels, epsilon });
  const activated = list.add({ op: "activation", input: normalized, function: activation });
  return list.finish(list.add({ op: "conv2d", module: "conv_out", input: activated, inChannels: channels, outChannels, kernel, stride: 1, ...samePadding(kernel) }));
}

export function samePadding(kernel: number): { readonly paddingBefore: number; readonly paddingAfter: number } {
  return { paddingBefore: (kernel - 1) / 2, paddingAfter: (kernel - 1) / 2 };
}
