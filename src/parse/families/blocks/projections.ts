/** The short layers at the ends of models: a convolution or a linear layer alone, and norm, activation and convolution. */
import type { ActivationFunction, OperatorList } from "../../../model/operator";
import type { LayerDescription } from "../../component";
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
  return list.finish(list.conv2d(module, input, inChannels, outChannels, kernel));
}

/** conv_norm_out, conv_act, conv_out. */
export function outputBody(options: { channels: number; outChannels: number; kernel: number; groups: number; epsilon: number; activation: ActivationFunction }): OperatorList {
  const { channels, outChannels, kernel, groups, epsilon, activation } = options;
  const list = new OperatorListBuilder(["hidden_states"]);
  const normalized = list.add({ op: "groupNorm", module: "conv_norm_out", input: "hidden_states", groups, channels, epsilon });
  return list.finish(list.conv2d("conv_out", list.activation(activation, normalized), channels, outChannels, kernel));
}

/** A linear layer alone, on an input of the component. */
export function linearLayer(name: string, input: string, inFeatures: number, outFeatures: number): LayerDescription {
  const list = new OperatorListBuilder([input]);
  return { name, kind: "linear", modules: [name], root: "", body: list.finish(list.linear(name, input, inFeatures, outFeatures)), sources: { [input]: { input } } };
}
