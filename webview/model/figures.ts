/** What layers cost together, and how it is written. */
import type { InspectedLayer, Inspection } from "../../src/model/inspection";
import { formatBytes, formatCount, formatDecimal } from "../../src/timeline/layout/format";
import { tileGroup } from "../panels/tiles";

export interface Totals {
  readonly parameters: number;
  /** Those that get gradients. */
  readonly trainable: number;
  readonly flops: number;
  readonly backwardFlops: number;
  /** Bytes kept from the forward pass, per sample. */
  readonly saved: number;
}

export function totalsOf(layers: readonly InspectedLayer[]): Totals {
  const sum = (of: (layer: InspectedLayer) => number) => layers.reduce((total, layer) => total + of(layer), 0);
  return {
    parameters: sum(({ parameters }) => parameters),
    trainable: sum((layer) => (layer.needsWeightGrad ? (layer.trainableParameters ?? layer.parameters) : 0)),
    flops: sum(({ flopsPerSample }) => flopsPerSample),
    backwardFlops: sum((layer) => layer.inputGradFlopsPerSample + layer.weightGradFlopsPerSample),
    saved: sum(({ savedBytesPerSample: saved }) => saved.untilInputGrad + saved.untilWeightGrad),
  };
}

/** E.g. "F I W": what some of the layers compute; with a dash where none does. */
export function workOf(layers: readonly InspectedLayer[]): readonly ("F" | "I" | "W" | "–")[] {
  return ["F", layers.some((layer) => layer.needsInputGrad) ? "I" : "–", layers.some((layer) => layer.needsWeightGrad) ? "W" : "–"];
}

export const formatFlops = (flops: number) => formatDecimal(flops, "FLOP");

/** The figures of the whole model, one tile each. */
export function headline({ components, chains }: Inspection): HTMLElement {
  const totals = totalsOf(components.flatMap(({ layers }) => layers));
  const trained = components.filter(({ role }) => role === "trained").map(({ name }) => name);
  const chained = chains.reduce((sum, { segments }) => sum + segments.reduce((count, { from, to }) => count + to - from, 0), 0);
  return tileGroup("Model, per sample at this size", [
    { label: "Parameters", value: formatDecimal(totals.parameters), note: formatCount(totals.parameters) },
    { label: "Trainable", value: formatDecimal(totals.trainable), note: `${formatCount(totals.trainable)} in ${trained.join(", ")}` },
    { label: "Forward", value: formatFlops(totals.flops), note: `backward ${formatFlops(totals.backwardFlops)}` },
    { label: "Saved activations", value: formatBytes(totals.saved), note: "kept for the backward pass" },
    { label: chains.length === 1 ? "Chain" : "Chains", value: `${formatCount(chained)} layers`, note: chains.map(({ id }) => id).join(", ") },
  ]);
}
