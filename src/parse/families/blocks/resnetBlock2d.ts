/** diffusers' ResnetBlock2D with the default time conditioning: a shift per channel. */
import type { ActivationFunction, OperatorList } from "../../../model/operator";
import { OperatorListBuilder } from "../../operatorListBuilder";

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
  const input = skipChannels === undefined ? "hidden_states" : list.add({ op: "concat", inputs: ["hidden_states", "skip"], axis: 1 });
  const normActivation = (norm: string, value: string, channels: number) =>
    list.activation(activation, list.add({ op: "groupNorm", module: norm, input: value, groups, channels, epsilon }));

  let hidden = normActivation("norm1", input, inChannels);
  hidden = list.conv2d("conv1", hidden, inChannels, outChannels, 3);
  if (timeChannels !== undefined) {
    const shift = list.linear("time_emb_proj", list.activation(activation, "temb"), timeChannels, outChannels);
    hidden = list.sum(hidden, list.rearrange(shift, "n c -> n c 1 1"));
  }
  hidden = normActivation("norm2", hidden, outChannels);
  hidden = list.conv2d("conv2", hidden, outChannels, outChannels, 3);
  const sum = list.sum(inChannels === outChannels ? input : list.conv2d("conv_shortcut", input, inChannels, outChannels, 1), hidden);
  return list.finish(outputScaleFactor === 1 ? sum : list.add({ op: "scale", input: sum, factor: 1 / outputScaleFactor }));
}
