/** diffusers' FeedForward: two linear layers around an activation, gated or not. */
import type { ActivationFunction } from "../../../model/operator";
import type { OperatorListBuilder } from "../../operatorListBuilder";

/** By the name in configuration files: what is computed, and whether it is gated. */
const forms = {
  gelu: { function: "gelu", gated: false },
  "gelu-approximate": { function: "geluTanh", gated: false },
  geglu: { function: "gelu", gated: true },
  "geglu-approximate": { function: "quickGelu", gated: false },
  swiglu: { function: "silu", gated: true },
  "linear-silu": { function: "silu", gated: false },
} as const satisfies Record<string, { readonly function: ActivationFunction; readonly gated: boolean }>;

export type FeedForwardActivation = keyof typeof forms;
export const feedForwardActivations = Object.keys(forms) as readonly FeedForwardActivation[];

export interface FeedForwardOptions {
  readonly features: number;
  /** Between the two layers; four times `features` where left out. */
  readonly innerFeatures?: number;
  /** As many as come in where left out. */
  readonly outFeatures?: number;
  readonly activation: FeedForwardActivation;
}

/** @param path Prefix of the modules: a path with its final dot, or nothing. */
export function feedForward(list: OperatorListBuilder, path: string, input: string, options: FeedForwardOptions): string {
  const { features, innerFeatures = 4 * features, outFeatures = features } = options;
  const { gated, function: name } = forms[options.activation];
  const widened = list.linear(`${path}net.0.proj`, input, features, gated ? 2 * innerFeatures : innerFeatures);
  const activated = gated ? list.add({ op: "gated", function: name, input: widened }) : list.activation(name, widened);
  return list.linear(`${path}net.2`, activated, innerFeatures, outFeatures);
}
