/** Changes of resolution by a factor of two. */
import type { OperatorList } from "../../../model/operator";
import { OperatorListBuilder } from "../../operatorListBuilder";

/** Halves an even height and width. @param padding 1: on all sides; 0: diffusers pads below and on the right only. */
export function downsample2d(channels: number, padding: 0 | 1): OperatorList {
  const list = new OperatorListBuilder(["hidden_states"]);
  return list.finish(list.conv2d("conv", "hidden_states", channels, channels, 3, { stride: 2, paddingBefore: padding, paddingAfter: 1 }));
}

export function upsample2d(channels: number): OperatorList {
  const list = new OperatorListBuilder(["hidden_states"]);
  return list.finish(list.conv2d("conv", list.add({ op: "upsampleNearest", input: "hidden_states", factors: [2, 2] }), channels, channels, 3));
}
