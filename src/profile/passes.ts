/** The passes of a layer that are timed, and the graphs to time. */
import { UserError } from "../model/errors";
import type { BoundLayer } from "../model/model";
import type { LoweringOptions, OnnxGraph } from "../model/onnx";

export const passes = ["forward", "inputGrad", "weightGrad"] as const;
export type Pass = (typeof passes)[number];

/** For people. */
export const passNames: Readonly<Record<Pass, string>> = { forward: "F", inputGrad: "I", weightGrad: "W" };

/**
 * Layers with the same key do the same work: forward by their signature, and backward since the FLOPs of either gradient say which of
 * them are needed, of which inputs and parameters.
 */
export function workKey({ signature, needsInputGrad, needsWeightGrad, inputGradFlopsPerSample, weightGradFlopsPerSample }: BoundLayer): string {
  return [signature, ...(needsInputGrad ? [`I${inputGradFlopsPerSample}`] : []), ...(needsWeightGrad ? [`W${weightGradFlopsPerSample}`] : [])].join(" ");
}

/** The passes of a layer that can be timed: gradients as far as they are needed and its operators are known. */
export function passesOf(layer: BoundLayer): readonly Pass[] {
  const { needsInputGrad, needsWeightGrad, backward } = layer;
  return ["forward", ...(backward && needsInputGrad ? (["inputGrad"] as const) : []), ...(backward && needsWeightGrad ? (["weightGrad"] as const) : [])];
}

export function passFlops(layer: BoundLayer, pass: Pass): number {
  return { forward: layer.flopsPerSample, inputGrad: layer.inputGradFlopsPerSample, weightGrad: layer.weightGradFlopsPerSample }[pass];
}

/** The graph of a pass at a batch size, or why there is none: a layer that was traced and not exported, an operator without a gradient. Undefined where there is nothing to compute. */
export function passGraph(layer: BoundLayer, pass: Pass, batch: number, options: LoweringOptions): OnnxGraph | { readonly problem: string } | undefined {
  try {
    return pass === "forward" ? layer.graph(batch, options) : layer.backward?.(batch)[pass];
  } catch (error) {
    if (error instanceof UserError) return { problem: error.message };
    throw error;
  }
}
