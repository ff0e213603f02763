/** Lays another plan's prediction beside the first: their first trained operations start at the same time. */
import type { Timeline } from "../../model/timeline";
import { isTrained } from "./lanes";

export function alignOther(predicted: Timeline, other: Timeline): Timeline {
  const shiftMs = firstTrainedMs(predicted) - firstTrainedMs(other);
  if (shiftMs === 0) return other;
  return {
    ...other,
    operations: other.operations.map((operation) => ({ ...operation, startMs: operation.startMs + shiftMs, endMs: operation.endMs + shiftMs })),
    devices: other.devices.map((device) => (device.memory ? { ...device, memory: device.memory.map(([ms, bytes]) => [ms + shiftMs, bytes] as const) } : device)),
  };
}

/** 0 where nothing is trained. */
function firstTrainedMs({ operations }: Timeline): number {
  const first = operations.reduce((least, operation) => (isTrained(operation) ? Math.min(least, operation.startMs) : least), Infinity);
  return first < Infinity ? first : 0;
}
