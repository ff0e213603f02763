/** A guess at a candidate's period, before it is cut: in which order to look, and nothing else. */
import type { Candidate } from "./candidates";

/**
 * Idle time that a pipeline of equal stages has for one micro-batch of passes, by the textbook formulas, in which a backward pass
 * takes as long as two forward passes and messages nothing.
 */
function idlePerPass({ schedule, stages, devices = stages, stagesPerDevice = 1 }: Candidate): number {
  const places = stagesPerDevice > 1 ? devices / stagesPerDevice : devices;
  switch (schedule) {
    case "ddp":
    case "zb-v":
      return 0;
    case "interleaved":
      return (places - 1) / stagesPerDevice;
    case "dualpipev":
      return (places - 1) / 3;
    case "chimera":
      return (places / 2 - 1) / 2;
    case "bidirectional":
      return (places - 1) / 2;
    default:
      return places - 1;
  }
}

/** Ms. @param frozenMs Frozen work of each device, of which `fill` says whether it goes into bubbles. */
export function estimatedMs(candidate: Candidate, frozenMs: number, fill: boolean): number {
  const { boundMs, microbatches } = candidate;
  const passes = Math.max(0, boundMs - frozenMs) * (1 + idlePerPass(candidate) / microbatches);
  return fill ? Math.max(boundMs, passes) : passes + frozenMs;
}
