/** Decisions only: how a model is trained on a cluster. File form: `NAME.pipeplan.json`. Layer and sample ranges are half-open. */
import type { FileRef } from "./profile";

export type Range = readonly [number, number];

export interface Stage {
  /** Layers of the chain (its segments laid end to end), half-open. */
  readonly from: number;
  readonly to: number;
  /** Ranks that hold the stage: of n, n / dataParallel for each replica in turn, which share its micro-batches in equal parts. */
  readonly devices: readonly number[];
}

export interface PlanChain {
  readonly id: string;
  readonly stages: readonly Stage[];
}

export const anchorOps = ["F", "B", "I", "W", "SELF_COND", "OPTIM"] as const;

/** The operation on the same device that a fill stands before. "OPTIM" means: after the last backward, before the step. */
export interface FillAnchor {
  readonly op: (typeof anchorOps)[number];
  readonly chain?: string;
  readonly stage?: number;
  readonly microbatch?: number;
}

/** Frozen work on one device: layers [from,to) of a component for samples [a,b) of the global batch. */
export interface Fill {
  readonly component: string;
  readonly from: number;
  readonly to: number;
  readonly samples: Range;
  readonly device: number;
  readonly before: FillAnchor;
  /** Which iteration it serves: 1 (default) the next one, 0 the one it stands in (no cross-iteration filling). */
  readonly iteration?: 0 | 1;
  readonly pinned?: boolean;
}

/**
 * "zb-h1" and "zb-h2": one stage per device, backward passes in two parts; a device holds as many micro-batches as there are
 * stages, or `held` of them. "zb-v" and "dualpipev": stages i and 2n - 1 - i on device i of n. "chimera": each pair of replicas
 * shares a pipeline's devices in opposite directions. "bidirectional": two chains do.
 */
export const scheduleNames = ["ddp", "gpipe", "1f1b", "interleaved", "zb-h1", "zb-h2", "zb-v", "dualpipev", "chimera", "bidirectional"] as const;

/**
 * How Chimera takes more micro-batches than stages. "direct" (default): units of as many as there are stages, one after another.
 * "doubling": forward passes in pairs (forward doubling; of micro-batches half as large that is backward halving), so that no
 * bubbles are left between units; up to twice the activations. "whole": no units, each replica goes by one 1F1B over all.
 */
export const concatenations = ["direct", "doubling", "whole"] as const;

export type Concatenation = (typeof concatenations)[number];

export type ScheduleName = (typeof scheduleNames)[number];

export interface Optimizer {
  readonly name: "adamw";
  readonly stateBytesPerParam: number;
  readonly gradDtype: "fp32" | "bf16" | "fp16";
  readonly ema: boolean;
  /** Global gradient-norm clipping; it is a barrier over all ranks. */
  readonly maxGradNorm?: number;
}

export interface Training {
  /** Folder with images and `metadata.jsonl`, relative to the plan. */
  readonly data?: string;
  readonly steps: number;
  readonly learningRate: number;
  readonly seed: number;
  readonly resolution: number;
  readonly precision: "fp32" | "fp16" | "bf16";
  readonly predictionType: "epsilon" | "v_prediction" | "sample" | "flow_prediction";
  /** Steps between checkpoints; 0: only at the end. */
  readonly checkpointEvery: number;
  /** Mirror images at random. Default false. */
  readonly randomFlip?: boolean;
}

export interface Predicted {
  readonly periodMs: number;
  readonly makespanMs: number;
  readonly bubbleRatio: number;
  /** Share of device time that is not work at its best: idle time and batches that are slower than need be. */
  readonly waste?: number;
  readonly throughputPerSecond: number;
  readonly peakMemoryBytes: readonly number[];
}

/** What frozen components can run in. */
export const frozenPrecisions = ["fp32", "fp16", "bf16"] as const;

export type FrozenPrecision = (typeof frozenPrecisions)[number];

export type Runnable = true | { readonly reason: string };

export interface Plan {
  readonly format: "diffusionpipe.plan/1";
  readonly model: FileRef;
  readonly profile: FileRef;
  readonly cluster: FileRef;
  readonly batch: { readonly global: number; readonly microbatches: number };
  readonly dataParallel: number;
  /**
   * `warmup`: forward passes ahead per stage to come, for "1f1b" (default 1). `held`: micro-batches that a device may hold, for
   * "zb-h2" (default 2 * stages - 1). `lateWeightGrads`: weight gradients leave the gaps of zero-bubble schedules to frozen work.
   */
  readonly schedule: { readonly name: ScheduleName; readonly warmup?: number; readonly held?: number; readonly concatenation?: Concatenation; readonly lateWeightGrads?: boolean };
  readonly recompute?: boolean;
  readonly chains: readonly PlanChain[];
  readonly optimizer: Optimizer;
  /** By chain, in place of what the profile says: the share of iterations that make another forward pass first. 0: none. */
  readonly selfConditioning?: Readonly<Record<string, number>>;
  /** By frozen component, in place of the profile's. */
  readonly frozenPrecision?: Readonly<Record<string, FrozenPrecision>>;
  readonly fills: readonly Fill[];
  readonly pins?: readonly string[];
  readonly training: Training;
  readonly runnable: Runnable;
  readonly predicted: Predicted;
}
