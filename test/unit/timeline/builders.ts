/** Timelines to test with, worked out by hand rather than by the simulator. */
import type { Timeline, TimelineOperation } from "../../../src/model/timeline";

export function operation(partial: Partial<TimelineOperation> & Pick<TimelineOperation, "op" | "startMs" | "endMs">): TimelineOperation {
  return { device: 0, stream: "compute", iteration: 0, deps: [], ...partial };
}

export function timelineOf(operations: readonly TimelineOperation[], partial: Partial<Timeline> = {}): Timeline {
  const devices = Math.max(0, ...operations.map((other) => other.device)) + 1;
  const makespanMs = operations.length ? Math.max(...operations.map((other) => other.endMs)) - Math.min(...operations.map((other) => other.startMs)) : 0;
  return {
    format: "diffusionpipe.timeline/1", source: "predicted", periodMs: makespanMs, makespanMs, bubbleRatio: 0.1, throughputPerSecond: 10, criticalPath: [],
    devices: Array.from({ length: devices }, (_, device) => ({ name: `gpu ${device}`, peakMemoryBytes: 1 << 30 })), operations, ...partial,
  };
}

/**
 * 1F1B of two stages and two micro-batches, F = 10 ms, B = 20 ms, no transfer time, with a fill in device 1's first bubble:
 * device 0: F0 0-10, F1 10-20, idle 20-40, B0 40-60, idle 60-70, B1 70-90, OPTIM 90-95.
 * device 1: FILL 0-8 (for the next iteration), idle 8-10, F0 10-20, B0 20-40, F1 40-50, B1 50-70, idle 70-90, OPTIM 90-95.
 */
export function twoStages(): Timeline {
  return timelineOf([
    operation({ op: "F", device: 0, stage: 0, microbatch: 0, startMs: 0, endMs: 10, layers: [0, 3], chain: "backbone", source: "measured" }),
    operation({ op: "F", device: 0, stage: 0, microbatch: 1, startMs: 10, endMs: 20, deps: [0] }),
    operation({ op: "SEND", device: 0, stream: "communication", peer: 1, channel: "forward", bytes: 2048, startMs: 10, endMs: 10.5, deps: [0] }),
    operation({ op: "FILL", device: 1, component: "text_encoder", layers: [0, 4], samples: [0, 2], iteration: 1, startMs: 0, endMs: 8 }),
    operation({ op: "F", device: 1, stage: 1, microbatch: 0, startMs: 10, endMs: 20, deps: [2] }),
    operation({ op: "B", device: 1, stage: 1, microbatch: 0, startMs: 20, endMs: 40, deps: [4] }),
    operation({ op: "F", device: 1, stage: 1, microbatch: 1, startMs: 40, endMs: 50, deps: [5] }),
    operation({ op: "B", device: 1, stage: 1, microbatch: 1, startMs: 50, endMs: 70, deps: [6] }),
    operation({ op: "B", device: 0, stage: 0, microbatch: 0, startMs: 40, endMs: 60, deps: [5] }),
    operation({ op: "B", device: 0, stage: 0, microbatch: 1, startMs: 70, endMs: 90, deps: [7] }),
    operation({ op: "OPTIM", device: 0, startMs: 90, endMs: 95, deps: [9] }),
    operation({ op: "OPTIM", device: 1, startMs: 90, endMs: 95, deps: [9] }),
  ]);
}
