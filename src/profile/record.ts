/** The profile document: a bound model's layers with what was measured of them. */
import type { BoundLayer, BoundModel } from "../model/model";
import { isUsable, type LayerTime, type Profile } from "../model/profile";
import type { Outcome, Outcomes, PassOutcomes } from "./measureLayers";
import { workKey } from "./passes";
import { profileSkeleton } from "./skeleton";

export interface MeasuredWith {
  /** Name and version, e.g. "onnxruntime 1.2.3". */
  readonly runtimeVersion: string;
  readonly device: Profile["device"] & { readonly busyCores?: number };
}

/**
 * Times of the input and weight gradients: the forward time scaled by the ratio of FLOPs, 0 where the layer has no such work.
 * A layer without FLOPs (only memory traffic) is taken to cost its forward time again.
 */
export function gradientEstimate(layer: BoundLayer, forwardMs: number): { readonly inputGradMs: number; readonly weightGradMs: number } {
  const ratio = (flops: number) => (layer.flopsPerSample > 0 ? flops / layer.flopsPerSample : 1);
  return {
    inputGradMs: layer.needsInputGrad ? forwardMs * ratio(layer.inputGradFlopsPerSample) : 0,
    weightGradMs: layer.needsWeightGrad ? forwardMs * ratio(layer.weightGradFlopsPerSample) : 0,
  };
}

function layerTime(layer: BoundLayer, batch: number, { forward, inputGrad, weightGrad }: PassOutcomes): LayerTime {
  const none = { batch, forwardMs: 0, inputGradMs: 0, weightGradMs: 0, source: "measured" } as const;
  if (!forward || forward.status !== "ok") return { ...none, status: forward?.status ?? "crashed", message: forward?.message ?? "Its forward pass was not measured." };
  const full = [inputGrad, weightGrad].find((outcome) => outcome?.status === "oom");
  if (full?.status === "oom") return { ...none, status: "oom", message: full.message };
  const estimate = gradientEstimate(layer, forward.medianMs);
  /** A pass that the layer does not have takes no time; one that could not be timed is estimated. */
  const gradient = (needed: boolean, outcome: Outcome | undefined, guess: number) =>
    !needed ? { ms: 0, spread: 0, isEstimate: false } : outcome?.status === "ok" ? { ms: outcome.medianMs, spread: outcome.spreadMs, isEstimate: false } : { ms: guess, spread: 0, isEstimate: true };
  const ofInput = gradient(layer.needsInputGrad, inputGrad, estimate.inputGradMs);
  const ofWeight = gradient(layer.needsWeightGrad, weightGrad, estimate.weightGradMs);
  return {
    batch,
    forwardMs: forward.medianMs,
    inputGradMs: ofInput.ms,
    weightGradMs: ofWeight.ms,
    spreadMs: Math.hypot(forward.spreadMs, ofInput.spread, ofWeight.spread),
    source: "measured",
    ...((ofInput.isEstimate || ofWeight.isEstimate) && { gradSource: "estimate" }),
    ...messageOf([forward, inputGrad, weightGrad]),
  };
}

function messageOf(outcomes: readonly (Outcome | undefined)[]): { readonly message?: string } {
  const left = [...new Set(outcomes.flatMap((outcome) => (outcome?.status === "ok" ? (outcome.leftToCpu ?? []) : [])))].sort();
  const parts = [
    ...(left.length > 0 ? [`The provider left these operators to the CPU: ${left.join(", ")}.`] : []),
    ...outcomes.flatMap((outcome) => (outcome?.status === "crashed" ? [`A gradient is estimated: ${outcome.message}`] : [])),
  ];
  return parts.length > 0 ? { message: parts.join(" ") } : {};
}

/** Ms per FLOP over all that was measured: small layers, which are slow per FLOP, count for little. Undefined where nothing was. */
function typicalMsPerFlop(measured: ReadonlyMap<BoundLayer, readonly LayerTime[]>): number | undefined {
  let [ms, flops] = [0, 0];
  for (const [layer, times] of measured) {
    for (const time of times) {
      if (!isUsable(time) || layer.flopsPerSample === 0) continue;
      ms += time.forwardMs;
      flops += layer.flopsPerSample * time.batch;
    }
  }
  return flops > 0 ? ms / flops : undefined;
}

/** Every layer has a usable time: one that could not be measured at all gets an estimate beside the record of its failures. */
function withEstimate(layer: BoundLayer, measured: readonly LayerTime[], msPerFlop: number): readonly LayerTime[] {
  if (measured.some(isUsable)) return measured;
  const forwardMs = msPerFlop * layer.flopsPerSample;
  const message = "Not measured: see this layer's other times. Estimated from its FLOPs at the rate of the measured layers.";
  return [...measured, { batch: 1, forwardMs, ...gradientEstimate(layer, forwardMs), source: "estimate", message }];
}

/**
 * @param measured The times of every layer of `bound`, by ascending batch.
 * @throws Error with the first failure's message where not one layer could be measured.
 */
export function recordTimes(bound: BoundModel, measured: ReadonlyMap<BoundLayer, readonly LayerTime[]>, { runtimeVersion, device }: MeasuredWith): Profile {
  const msPerFlop = typicalMsPerFlop(measured);
  if (msPerFlop === undefined) {
    const messages = [...measured.values()].flat().flatMap((time) => (isUsable(time) ? [] : [time.message]));
    throw new Error(`No layer could be measured. ${messages[0] ?? ""}`);
  }
  const skeleton = profileSkeleton(bound, device);
  return {
    ...skeleton,
    runtimeVersion,
    components: skeleton.components.map((component, c) => ({
      ...component,
      layers: component.layers.map((layer, l) => {
        const source = bound.components[c].layers[l];
        return { ...layer, times: withEstimate(source, measured.get(source) ?? [], msPerFlop) };
      }),
    })),
  };
}

/** The document of passes that were measured here; gradients that could not be are estimates. @throws Error as `recordTimes`. */
export function profileDocument(bound: BoundModel, outcomes: Outcomes, measuredWith: MeasuredWith): Profile {
  const timesOf = (layer: BoundLayer) => [...(outcomes.get(workKey(layer)) ?? [])].filter(([, { forward }]) => forward).sort(([a], [b]) => a - b).map(([batch, found]) => layerTime(layer, batch, found));
  const measured = new Map(bound.components.flatMap(({ layers }) => layers.map((layer) => [layer, timesOf(layer)] as const)));
  return recordTimes(bound, measured, measuredWith);
}
