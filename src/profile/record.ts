/** The profile document from a bound model and its measurements. */
import type { BoundLayer, BoundModel } from "../model/model";
import type { LayerTime, Profile, ProfileLayer } from "../model/profile";
import type { Outcome, Outcomes } from "./measureLayers";
import { median } from "./statistics";

const bytesPerParameter = 4;

export interface MeasuredWith {
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

function layerTime(layer: BoundLayer, batch: number, outcome: Outcome): LayerTime {
  if (outcome.status !== "ok") {
    return { batch, forwardMs: 0, inputGradMs: 0, weightGradMs: 0, source: "measured", status: outcome.status, message: outcome.message };
  }
  const left = outcome.leftToCpu?.length ? { message: `The provider left these operators to the CPU: ${outcome.leftToCpu.join(", ")}.` } : {};
  return { batch, forwardMs: outcome.medianMs, ...gradientEstimate(layer, outcome.medianMs), spreadMs: outcome.spreadMs, source: "measured", gradSource: "estimate", ...left };
}

/** Median ms per FLOP of all layers that were measured, at any batch. Undefined where none was. */
function typicalMsPerFlop(layers: readonly BoundLayer[], outcomes: Outcomes): number | undefined {
  const rates = layers.flatMap((layer) =>
    [...(outcomes.get(layer.signature) ?? [])].flatMap(([batch, outcome]) => (outcome.status === "ok" && layer.flopsPerSample > 0 ? [outcome.medianMs / (layer.flopsPerSample * batch)] : [])),
  );
  return rates.length > 0 ? median(rates) : undefined;
}

/** Every layer has a usable time: one that could not be measured at all gets an estimate beside the record of its failures. */
function times(layer: BoundLayer, outcomes: ReadonlyMap<number, Outcome>, msPerFlop: number): LayerTime[] {
  const measured = [...outcomes].sort(([a], [b]) => a - b).map(([batch, outcome]) => layerTime(layer, batch, outcome));
  if (measured.some((time) => time.status === undefined)) return measured;
  const forwardMs = msPerFlop * layer.flopsPerSample;
  const message = "Not measured: see this layer's other times. Estimated from its FLOPs at the rate of the measured layers.";
  return [...measured, { batch: 1, forwardMs, ...gradientEstimate(layer, forwardMs), source: "estimate", message }];
}

function profileLayer(layer: BoundLayer, outcomes: ReadonlyMap<number, Outcome>, msPerFlop: number): ProfileLayer {
  const paramBytes = layer.parameters * bytesPerParameter;
  return {
    name: layer.name,
    needsInputGrad: layer.needsInputGrad,
    needsWeightGrad: layer.needsWeightGrad,
    signature: layer.signature,
    paramBytes,
    gradBytes: layer.needsWeightGrad ? paramBytes : 0,
    flopsPerSample: layer.flopsPerSample,
    trafficBytesPerSample: layer.trafficBytesPerSample,
    savedBytesPerSample: layer.savedBytesPerSample,
    cutBytesPerSample: layer.cutBytesPerSample,
    times: times(layer, outcomes, msPerFlop),
  };
}

/** @throws Error with the first failure's message where not one layer could be measured. */
export function profileDocument(bound: BoundModel, outcomes: Outcomes, { runtimeVersion, device }: MeasuredWith): Profile {
  const msPerFlop = typicalMsPerFlop(bound.components.flatMap((component) => component.layers), outcomes);
  if (msPerFlop === undefined) {
    const messages = [...outcomes.values()].flatMap((byBatch) => [...byBatch.values()].flatMap((outcome) => (outcome.status === "ok" ? [] : [outcome.message])));
    throw new Error(`No layer could be measured. ${messages[0] ?? ""}`);
  }
  return {
    format: "diffusionpipe.profile/1",
    model: bound.model,
    runtimeVersion: `onnxruntime ${runtimeVersion}`,
    bindings: bound.bindings,
    device,
    chains: bound.chains,
    components: bound.components.map((component) => ({
      name: component.name,
      class: component.class,
      after: component.after,
      layers: component.layers.map((layer) => profileLayer(layer, outcomes.get(layer.signature) ?? new Map(), msPerFlop)),
    })),
    tensors: bound.tensors,
  };
}
