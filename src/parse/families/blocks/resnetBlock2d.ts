/** diffusers' ResnetBlock2D: two convolutions around the time conditioning, with a change of resolution inside or none. */
import type { ActivationFunction, OperatorList } from "../../../model/operator";
import { OperatorListBuilder } from "../../operatorListBuilder";

export interface ResnetSettings {
  readonly groups: number;
  readonly epsilon: number;
  readonly activation: ActivationFunction;
  /** The sum of the two branches is divided by it. */
  readonly outputScaleFactor: number;
  /** How the time embedding enters: added, or as scale and shift after the second norm. */
  readonly timeShift: "default" | "scale_shift";
  /** The time embedding comes activated. */
  readonly skipTimeActivation: boolean;
}

export interface ResnetBlock2dOptions extends Omit<ResnetSettings, "timeShift" | "skipTimeActivation"> {
  readonly timeShift?: ResnetSettings["timeShift"];
  readonly skipTimeActivation?: boolean;
  readonly inChannels: number;
  readonly outChannels: number;
  /** Channels of a skip that is concatenated to the input first; its channels are not among `inChannels`. */
  readonly skipChannels?: number;
  /** The skip has another value added to it: the input "residual". */
  readonly controlled?: boolean;
  /** Absent in an autoencoder. */
  readonly timeChannels?: number;
  readonly resample?: "up" | "down";
}

/** Inputs: "hidden_states", then "skip", "residual" and "temb" where there are any. */
export function resnetBlock2d(options: ResnetBlock2dOptions): OperatorList {
  const { outChannels, skipChannels, timeChannels, groups, epsilon, activation, outputScaleFactor, resample, timeShift = "default" } = options;
  const optional = [["skip", skipChannels !== undefined], ["residual", options.controlled], ["temb", timeChannels !== undefined]] as const;
  const list = new OperatorListBuilder(["hidden_states", ...optional.flatMap(([name, present]) => (present ? [name] : []))]);
  const inChannels = options.inChannels + (skipChannels ?? 0);
  const skip = options.controlled ? list.sum("skip", "residual") : "skip";
  let input = skipChannels === undefined ? "hidden_states" : list.add({ op: "concat", inputs: ["hidden_states", skip], axis: 1 });
  const norm = (module: string, value: string, channels: number) => list.add({ op: "groupNorm", module, input: value, groups, channels, epsilon });

  let hidden = list.activation(activation, norm("norm1", input, inChannels));
  if (resample) [input, hidden] = [input, hidden].map((value) => list.add(resample === "up" ? { op: "upsampleNearest", input: value, factors: [2, 2] } : { op: "averagePool", input: value, kernel: [2, 2] }));
  hidden = list.conv2d("conv1", hidden, inChannels, outChannels, 3);
  if (timeChannels === undefined) hidden = norm("norm2", hidden, outChannels);
  else {
    const features = timeShift === "default" ? outChannels : 2 * outChannels;
    const activated = options.skipTimeActivation ? "temb" : list.activation(activation, "temb");
    const time = list.rearrange(list.linear("time_emb_proj", activated, timeChannels, features), "n c -> n c 1 1");
    if (timeShift === "default") hidden = norm("norm2", list.sum(hidden, time), outChannels);
    else {
      const [scale, shift] = list.chunk(time, 2, outChannels, 1);
      hidden = list.add({ op: "modulate", input: norm("norm2", hidden, outChannels), scale, shift });
    }
  }
  hidden = list.conv2d("conv2", list.activation(activation, hidden), outChannels, outChannels, 3);
  const sum = list.sum(inChannels === outChannels ? input : list.conv2d("conv_shortcut", input, inChannels, outChannels, 1), hidden);
  return list.finish(outputScaleFactor === 1 ? sum : list.add({ op: "scale", input: sum, factor: 1 / outputScaleFactor }));
}
