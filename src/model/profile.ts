/**
 * The profile: a model bound to concrete shapes, with measured or estimated times of every layer.
 * It is the planner's only knowledge of a model. File form: `NAME.profile.json`.
 * Units: ms, bytes, FLOPs; "PerSample" figures are for one training sample.
 */

import type { ModelChoice } from "./choice";

/** A file this document was made from; `path` is relative to the document, `sha256` is its fingerprint. */
export interface FileRef {
  readonly path: string;
  readonly sha256: string;
}

export type TimeSource = "measured" | "estimate";

/** Times of one layer at one batch size. `status` other than "ok" is a data point too (the times are then 0). */
export interface LayerTime {
  readonly batch: number;
  readonly forwardMs: number;
  readonly inputGradMs: number;
  readonly weightGradMs: number;
  /** How far the sum of the three is known: half the width of a 95 % confidence interval. */
  readonly spreadMs?: number;
  /** Source of `forwardMs`. */
  readonly source: TimeSource;
  /** Source of `inputGradMs` and `weightGradMs` where it differs from `source`. */
  readonly gradSource?: TimeSource;
  readonly status?: "ok" | "oom" | "crashed";
  readonly message?: string;
}

export function isUsable({ status = "ok" }: LayerTime): boolean {
  return status === "ok";
}

/** The smallest thing a stage can hold; its two flags decide its work: {F,I,W}, {F,I}, {F,W} or {F}. */
export interface ProfileLayer {
  readonly name: string;
  readonly needsInputGrad: boolean;
  readonly needsWeightGrad: boolean;
  /** Layers with one signature do the same work at the same shapes and are measured once. */
  readonly signature?: string;
  readonly paramBytes: number;
  readonly gradBytes?: number;
  readonly flopsPerSample?: number;
  readonly trafficBytesPerSample?: number;
  /** Activations kept from F until I, and from F until W. */
  readonly savedBytesPerSample: { readonly untilInputGrad: number; readonly untilWeightGrad: number };
  readonly workspaceBytes?: number;
  /** What crosses right after this layer, used where the profile has no `tensors`. */
  readonly cutBytesPerSample: { readonly forward: number; readonly backward: number };
  readonly times: readonly LayerTime[];
  /** One step of the optimizer for its parameters (AdamW, states in float32). */
  readonly optimizerMs?: number;
}

export interface ProfileComponent {
  readonly name: string;
  readonly class?: string;
  /** Components whose output this one needs. */
  readonly after: readonly string[];
  readonly layers: readonly ProfileLayer[];
}

/** A half-open run of a component's layers. */
export interface Segment {
  readonly component: string;
  readonly from: number;
  readonly to: number;
}

/** What one pipeline runs, in order; it may span components. */
export interface Chain {
  readonly id: string;
  readonly segments: readonly Segment[];
  readonly selfConditioning?: { readonly probability: number; readonly feedbackBytesPerSample: number };
}

export interface LayerRef {
  readonly component: string;
  readonly layer: string;
}

/** "chain": passed from stage to stage; "redistribute": sent once an iteration; "recompute": made where needed. */
export type Transport = "chain" | "redistribute" | "recompute";

/**
 * A value made by one layer and used by others. `id` is `component/layer` of its producer;
 * values that come with the data (timesteps, noise, pixels, token ids) have the producer component "data".
 */
export interface Tensor {
  readonly id: string;
  readonly producer: LayerRef;
  readonly consumers: readonly LayerRef[];
  readonly bytesPerSample: number;
  readonly bytesFixed?: number;
  readonly hasGradient: boolean;
  readonly transport: Transport;
}

export interface Bindings {
  /** Image height and width in pixels. */
  readonly height: number;
  readonly width: number;
  /** Text tokens. */
  readonly sequenceLength: number;
  /** Of a video; 1 where left out. */
  readonly frames?: number;
  /** Named dimensions of a graph that are none of the above, as an ONNX file calls them. */
  readonly symbols?: Readonly<Record<string, number>>;
}

export interface Profile {
  readonly format: "diffusionpipe.profile/1";
  readonly model: FileRef;
  /** What was chosen about the model: with it the same layers can be had again. */
  readonly choice?: ModelChoice;
  readonly runtimeVersion?: string;
  readonly bindings: Bindings;
  readonly device: {
    readonly name: string;
    readonly provider: string;
    readonly precision: string;
    readonly memoryBytes: number;
    /** Host threads a CPU provider computed with. */
    readonly threads?: number;
    /** Other cores that were kept busy meanwhile. */
    readonly busyCores?: number;
    /** TFLOP/s of a large matrix product that was timed beside the layers: what the device can do. */
    readonly productTflops?: number;
    /** What else is to be known about times that were not measured. */
    readonly note?: string;
  };
  readonly chains: readonly Chain[];
  /** A component in no chain is frozen work. */
  readonly components: readonly ProfileComponent[];
  readonly tensors?: readonly Tensor[];
}
