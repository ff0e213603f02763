/** Figures of a timeline as a whole that plans are judged by. */
import type { Timeline } from "../../model/timeline";

/** Ms; where some iterations make self-conditioning passes, the mean over all. */
export function meanPeriodMs({ periodMs, expectedPeriodMs }: Timeline): number {
  return expectedPeriodMs ?? periodMs;
}

/** Bytes of the fullest device. */
export function peakBytesOf({ devices }: Timeline): number {
  return devices.reduce((most, { peakMemoryBytes }) => Math.max(most, peakMemoryBytes), 0);
}
