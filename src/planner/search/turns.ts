/** In which order candidates are looked at: by a guess at their periods, made before any is cut. */
import type { Candidate } from "./candidates";

/**
 * Candidates one after another: data parallelism, then what looks fastest; after them those that other plans rule out most quickly.
 * Each comes with its quick bound where that is above `bestMs` already, else as `tighten` makes it.
 * @param frozenMs Frozen work of each device. @param fill Whether it goes into bubbles.
 */
export function* inTurn(candidates: readonly Candidate[], tighten: (candidate: Candidate) => Candidate, bestMs: () => number, frozenMs: number, fill: boolean): Generator<Candidate> {
  const waiting = candidates.map((candidate) => ({ candidate, guessMs: estimatedMs(candidate, frozenMs, fill), isTight: false }));
  while (waiting.length > 0) {
    let next = 0;
    for (let i = 1; i < waiting.length; i++) {
      const earlier = turnOf(waiting[i].candidate) - turnOf(waiting[next].candidate) || waiting[i].guessMs - waiting[next].guessMs;
      if (earlier < 0) next = i;
    }
    const { candidate, isTight } = waiting[next];
    if (isTight || candidate.boundMs > bestMs()) {
      waiting.splice(next, 1);
      yield candidate;
    } else {
      const tight = tighten(candidate);
      waiting[next] = { candidate: tight, guessMs: estimatedMs(tight, frozenMs, fill), isTight: true };
    }
  }
}

/** Data parallelism is quickly simulated and rules much out; stages that share devices and pipelines in another order seldom win, and then have much to beat. */
function turnOf({ schedule, devices, layout }: Candidate): number {
  if (schedule === "ddp") return 0;
  return devices === undefined && layout === undefined ? 1 : 2;
}

/**
 * Idle time that a pipeline of equal stages has for one micro-batch of passes, by the textbook formulas, in which a backward pass
 * takes as long as two forward passes and messages nothing.
 */
function idlePerPass({ schedule, stages, devices = stages, stagesPerDevice = 1, microbatches }: Candidate): number {
  const places = stagesPerDevice > 1 ? devices / stagesPerDevice : devices;
  switch (schedule) {
    case "ddp":
      return 0;
    case "zb-h1":
      return Math.max((places - 1) / 3, places - microbatches);
    case "zb-h2":
      return Math.max(0, places - microbatches);
    case "zb-v":
      return Math.max(0, places - 1 - (microbatches - 1) / 2);
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

/** A guess, ms. */
function estimatedMs(candidate: Candidate, frozenMs: number, fill: boolean): number {
  const { boundMs, microbatches } = candidate;
  const passes = Math.max(0, boundMs - frozenMs) * (1 + idlePerPass(candidate) / microbatches);
  return fill ? Math.max(boundMs, passes) : passes + frozenMs;
}
