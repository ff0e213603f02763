/** Normalisation whose scale and shift are made from the conditioning (adaLN): one set of values per sample, [N, 1, C] each. */
import type { OperatorListBuilder } from "../../operatorListBuilder";

/** Of the parameterless norms in diffusers' adaptive layers. */
export const adaptiveNormEpsilon = 1e-6;

/** Rows of [N, count, C], each [N, 1, C]. */
export function rows(list: OperatorListBuilder, input: string, count: number): readonly string[] {
  return list.chunk(input, count, 1, 1);
}

/** `count` sets of values from a conditioning vector [N, inFeatures], in the order of the linear layer's outputs. */
export function modulation(list: OperatorListBuilder, module: string, conditioning: string, sizes: { inFeatures: number; features: number; count: number }): readonly string[] {
  const { inFeatures, features, count } = sizes;
  const projected = list.linear(module, list.activation("silu", conditioning), inFeatures, count * features);
  return rows(list, list.rearrange(projected, "n (s c) -> n s c", { s: count }), count);
}

/** A layer normalisation without parameters. */
export function plainNorm(list: OperatorListBuilder, module: string, input: string, features: number, epsilon = adaptiveNormEpsilon): string {
  return list.add({ op: "layerNorm", module, input, features, epsilon, affine: "none" });
}

export function modulate(list: OperatorListBuilder, input: string, scale: string, shift: string): string {
  return list.add({ op: "modulate", input, scale, shift });
}

/** input + gate * branch. */
export function gatedSum(list: OperatorListBuilder, input: string, gate: string, branch: string): string {
  return list.sum(input, list.add({ op: "multiply", left: gate, right: branch }));
}

/** diffusers' AdaLayerNormContinuous: scale first. */
export function continuousNorm(list: OperatorListBuilder, path: string, input: string, conditioning: string, features: number): string {
  const [scale, shift] = modulation(list, `${path}.linear`, conditioning, { inFeatures: features, features, count: 2 });
  return modulate(list, plainNorm(list, `${path}.norm`, input, features), scale, shift);
}
