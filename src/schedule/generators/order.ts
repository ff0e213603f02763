/** The vocabulary of schedules: which passes each device of a pipeline makes, in which order, and nothing of communication. */
import type { Plan } from "../../model/plan";

/** One pass. `chain` counts the chains, `stage` those of the chain, `microbatch` within chain and replica. */
export interface PassStep {
  readonly op: "F" | "B" | "I" | "W";
  readonly chain: number;
  /** Where two replicas share a pipeline's devices in opposite directions, which of the two. */
  readonly replica: 0 | 1;
  readonly stage: number;
  readonly microbatch: number;
}

/** Two passes of different micro-batches that a runtime may run at once. */
export interface OverlapStep {
  readonly op: "OVERLAP_F_B";
  readonly forward: PassStep;
  readonly backward: PassStep;
}

export type Step = PassStep | OverlapStep;

/** `[device of the pipeline]`: its steps of one iteration in order. */
export type DeviceOrders = readonly (readonly Step[])[];

/**
 * What one micro-batch costs on a stage; `sendMs` is its activation's way to the next stage, `sendBackMs` (default: as long) that
 * of the gradient that comes back. Saved amounts are in any one unit.
 */
export interface StageTimes {
  readonly forwardMs: number;
  readonly inputGradMs: number;
  readonly weightGradMs: number;
  readonly sendMs?: number;
  readonly sendBackMs?: number;
  readonly savedUntilInputGrad?: number;
  readonly savedUntilWeightGrad?: number;
}

/** What an order depends on. */
export interface Pipeline {
  readonly schedule: Plan["schedule"];
  /** Devices of one pipeline. */
  readonly devices: number;
  /** Per chain and replica. */
  readonly microbatches: number;
  /** Whether no device begins its next iteration before all have ended this one. */
  readonly endsTogether?: boolean;
  readonly chains: readonly { readonly stages: number; readonly direction?: "down" | "up"; readonly times?: readonly StageTimes[] }[];
}

/** The passes [from, to) of one stage of the first chain. */
export function passes(op: PassStep["op"], stage: number, from: number, to: number): readonly PassStep[] {
  return Array.from({ length: Math.max(0, to - from) }, (_, i) => ({ op, chain: 0, replica: 0, stage, microbatch: from + i }));
}

/** An overlapped pair is one pass after the other: how much two passes at once gain on a device is not known. */
export function passesOf(step: Step): readonly PassStep[] {
  return step.op === "OVERLAP_F_B" ? [step.forward, step.backward] : [step];
}

export function isPassStep(step: Step): step is PassStep {
  return step.op !== "OVERLAP_F_B";
}
