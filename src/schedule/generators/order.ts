/** The vocabulary of schedules: which forward and backward passes a stage makes, in which order, and nothing of communication. */

export interface StageStep {
  readonly op: "F" | "B";
  readonly microbatch: number;
}

/** `[stage]`: its steps of one iteration in order. */
export type StageOrders = readonly (readonly StageStep[])[];

export function passes(op: "F" | "B", from: number, to: number): readonly StageStep[] {
  return Array.from({ length: Math.max(0, to - from) }, (_, i) => ({ op, microbatch: from + i }));
}
