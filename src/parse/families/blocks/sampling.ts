/** diffusers' Downsample2D and Upsample2D with a convolution. */
import type { OperatorList } from "../../../model/operator";
import { OperatorListBuilder } from "../../operatorListBuilder";
import { samePadding } from "./projections";

/** Halves an even height and width. @param padding 1: on all sides; 0: diffusers pads below and on the right only. */
export function downsample2d(channels: number, padding: 0 | 1): OperatorList {
  const list = new OperatorListBuilder(["hidden_states"]);
  return list.finish(
    list.add({ op: "conv2d", module: "conv", input: "hidden_states", inChannels: channels, outChannels: channels, kernel: 3, stride: 2, paddingBefore: padding, paddingAfter: 1 }),
  );
}

export function upsample2d(channels: number): OperatorList {
  const list = new OperatorListBuilder(["hidden_states"]);
  const upsampled = list.add({ op: "upsampleNearest2x", input: "hidden_states" });
  return list.finish(list.add({ op: "conv2d", module: "conv", input: upsampled, inChannels: channels, outChannels: channels, kernel: 3, stride: 1, ...samePadding(3) }));
}
