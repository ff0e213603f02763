/** diffusers' ResnetBlock2D with the default time conditioning: a shift per channel. */
import type { ActivationFunction, OperatorList } from "../../../model/operator";
import { OperatorListBuilder } from "../../operatorListBuilder";
import { samePadding } from "./projections";

export interface ResnetBlock2dOptions {
  readonly inChannels: number;
  readonly outChannels: number;
  /** Channels of a skip that is concatenated to the input first; its channels are not among `inChannels`. */
  readonly skipChannels?: number;
  /** Absent in an autoencoder. */
  readonly timeChannels?: number;
  readonly groups: number;
  readonly epsilon: number;
  readonly activation: ActivationFunction;
  readonly outputScaleFactor: number;
}

/** Inputs: "hidden_states", then "skip" and "temb" where there are any. */
export function resnetBlock2d(options: ResnetBlock2dOptions): OperatorList {
  const { outChannels, skipChannels, timeChannels, groups, epsilon, activation, outputScaleFactor } = options;
  const list = new OperatorListBuilder(["hidden_states", ...(skipChannels === undefined ? [] : ["skip"]), ...(timeChannels === undefined ? [] : ["temb"])]);
  const inChannels = options.inChannels + (skipChannels ?? 0);
  const input = skipChannels === undefined ? "hidden_states" : list.add({ op: "concat", inputs: ["hidden_states", "skip"] });
  const normActivation = (norm: string, value: string, channels: number) =>
    list.add({ op: "activation", function: activation, input: list.add({ op: "groupNorm", module: norm, input: value, groups, channels, epsilon }) });

  let hidden = normActivation("norm1", input, inChannels);
  hidden = list.add({ op: "conv2d", module: "conv1", input: hidden, inChannels, outChannels, kernel: 3, stride: 1, ...samePadding(3) });
  if (timeChannels !== undefined) {
    const activated = list.add({ op: "activation", function: activation, input: "temb" });
    const bias = list.add({ op: "linear", module: "time_emb_proj", input: activated, inFeatures: timeChannels, outFeatures: outChannels, bias: true });
    hidden = list.add({ op: "addChannelBias", input: hidden, bias });
  }
  hidden = normActivation("norm2", hidden, outChannels);
  hidden = list.add({ op: "conv2d", module: "conv2", input: hidden, inChannels: outChannels, outChannels, kernel: 3, stride: 1, ...samePadding(3) });
  const residual = inChannels === outChannels
    ? input
    : list.add({ op: "conv2d", module: "conv_shortcut", input, inChannels, outChannels, kernel: 1, stride: 1, ...samePadding(1) });
  const sum = list.add({ op: "add", left: residual, right: hidden });
  return list.finish(outputScaleFactor === 1 ? sum : list.add({ op: "scale", input: sum, factor: 1 / outputScaleFactor }));
}
