/** A profile of any width, made here: an encoder of equal frozen layers and a backbone that trains. */
import type { LayerTime, Profile, ProfileLayer } from "../../src/model/profile";

const mib = 1024 * 1024;

interface Options {
  /** Of the backbone. */
  readonly layers?: number;
  readonly batches?: readonly number[];
  /** How many of the backbone's first layers could not be measured at all. */
  readonly unmeasured?: number;
  /** Name of the backbone's layer that ran out of memory at the largest batch size. */
  readonly outOfMemory?: string;
}

/** Times in proportion to the batch: 1 + index ms of F a sample, half of it of I, twice of W. */
function layer(name: string, index: number, trains: boolean, signature: string, times: readonly LayerTime[]): ProfileLayer {
  return {
    name, needsInputGrad: trains, needsWeightGrad: trains, signature, paramBytes: (index + 1) * mib, flopsPerSample: (index + 1) * 1e9, trafficBytesPerSample: mib,
    savedBytesPerSample: { untilInputGrad: trains ? mib : 0, untilWeightGrad: trains ? 2 * mib : 0 }, cutBytesPerSample: { forward: mib, backward: trains ? mib : 0 }, times,
  };
}

function timeOf(batch: number, index: number, trains: boolean): LayerTime {
  const forwardMs = (1 + index) * batch;
  return { batch, forwardMs, inputGradMs: trains ? forwardMs / 2 : 0, weightGradMs: trains ? forwardMs * 2 : 0, spreadMs: forwardMs / 50, source: "measured", gradSource: "estimate" };
}

export function profileOf({ layers = 12, batches = [1, 2, 4], unmeasured = 0, outOfMemory }: Options = {}): Profile {
  const failedEverywhere = batches.map((batch): LayerTime => ({ batch, forwardMs: 0, inputGradMs: 0, weightGradMs: 0, source: "measured", status: "crashed", message: "No kernel." }));
  const backbone = Array.from({ length: layers }, (_, index) => {
    const name = `block.${index}`;
    const times = batches.map((batch): LayerTime => (name === outOfMemory && batch === batches[batches.length - 1] ? { batch, forwardMs: 0, inputGradMs: 0, weightGradMs: 0, source: "measured", status: "oom", message: "Not enough memory." } : timeOf(batch, index, true)));
    return layer(name, index, true, `block ${index % 4}`, index < unmeasured ? [...failedEverywhere, { batch: 1, forwardMs: 3, inputGradMs: 3, weightGradMs: 3, source: "estimate" }] : times);
  });
  const encoder = Array.from({ length: 6 }, (_, index) => layer(`layers.${index}`, 0, false, "encoder", batches.map((batch) => timeOf(batch, 0, false))));
  return {
    format: "diffusionpipe.profile/1", model: { path: "../models/small", sha256: "0".repeat(64) }, runtimeVersion: "onnxruntime 1.2.3",
    bindings: { height: 64, width: 96, sequenceLength: 8 },
    device: { name: "Small Accelerator", provider: "cpu", precision: "float32", memoryBytes: 8192 * mib, threads: 2 },
    chains: [{ id: "backbone", segments: [{ component: "unet", from: 0, to: layers }] }],
    components: [{ name: "text_encoder", class: "Encoder", after: [], layers: encoder }, { name: "unet", class: "Backbone", after: ["text_encoder"], layers: backbone }],
  };
}
