/**
 * The plans whose periods are predicted and measured: a list and nothing else. Two devices, 16 samples an iteration; four
 * stages are two a device, interleaved. A cut is the first layer of a stage but the first, of the sample's 35.
 */
import type { ScheduleName } from "../../src/model/plan";

export interface Entry {
  readonly schedule: ScheduleName;
  readonly microbatches: number;
  readonly cuts: readonly number[];
  /** Whether the next iteration's frozen work goes into the bubbles. */
  readonly fill: boolean;
}

export const grid: readonly Entry[] = [
  { schedule: "1f1b", microbatches: 2, cuts: [22], fill: true },
  { schedule: "1f1b", microbatches: 2, cuts: [15], fill: false },
  { schedule: "1f1b", microbatches: 4, cuts: [22], fill: false },
  { schedule: "1f1b", microbatches: 4, cuts: [28], fill: true },
  { schedule: "1f1b", microbatches: 8, cuts: [22], fill: true },
  { schedule: "1f1b", microbatches: 8, cuts: [28], fill: false },
  { schedule: "1f1b", microbatches: 16, cuts: [22], fill: false },
  { schedule: "1f1b", microbatches: 16, cuts: [15], fill: true },
  { schedule: "gpipe", microbatches: 2, cuts: [22], fill: false },
  { schedule: "gpipe", microbatches: 2, cuts: [28], fill: true },
  { schedule: "gpipe", microbatches: 4, cuts: [22], fill: true },
  { schedule: "gpipe", microbatches: 8, cuts: [15], fill: false },
  { schedule: "gpipe", microbatches: 16, cuts: [22], fill: true },
  { schedule: "interleaved", microbatches: 2, cuts: [9, 22, 30], fill: true },
  { schedule: "interleaved", microbatches: 2, cuts: [5, 12, 28], fill: false },
  { schedule: "interleaved", microbatches: 4, cuts: [9, 22, 30], fill: false },
  { schedule: "interleaved", microbatches: 4, cuts: [4, 20, 24], fill: true },
  { schedule: "interleaved", microbatches: 8, cuts: [9, 22, 30], fill: true },
  { schedule: "interleaved", microbatches: 8, cuts: [13, 21, 24], fill: false },
  { schedule: "interleaved", microbatches: 16, cuts: [9, 22, 30], fill: false },
];

export const globalBatch = 16;

/** Decides which half is held out: drawn, so that nobody chose them, and not looked at while the predictor was built. */
export const heldOutSeed = 20240501;

/** Decides the order of the runs. */
export const orderSeed = 7;

export function nameOf({ schedule, microbatches, cuts, fill }: Entry): string {
  return `${schedule} ${microbatches} micro-batches, cut at ${cuts.join(" ")}, ${fill ? "filled" : "not filled"}`;
}
