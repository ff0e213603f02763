/** In which order candidates are looked at. */
import { dependsOnTimes } from "../../schedule/generators";
import { orderCost } from "./balanced";
import type { Candidate } from "./candidates";

/**
 * Candidates one after another: data parallelism, then those with the lowest bounds, and those that are quickly tried a little before
 * their turn. Each comes with its quick bound where that is above `toBeatMs` already, else as `tighten` makes it.
 */
export function* inTurn(candidates: readonly Candidate[], tighten: (candidate: Candidate) => Candidate, toBeatMs: (candidate: Candidate) => number): Generator<Candidate> {
  const waiting = candidates.map((candidate) => ({ candidate, keyMs: keyOf(candidate), isTight: false }));
  while (waiting.length > 0) {
    let next = 0;
    for (let i = 1; i < waiting.length; i++) {
      const earlier = turnOf(waiting[i].candidate) - turnOf(waiting[next].candidate) || waiting[i].keyMs - waiting[next].keyMs;
      if (earlier < 0) next = i;
    }
    const { candidate, isTight } = waiting[next];
    if (isTight || candidate.boundMs > toBeatMs(candidate)) {
      waiting.splice(next, 1);
      yield candidate;
    } else {
      const tight = tighten(candidate);
      waiting[next] = { candidate: tight, keyMs: keyOf(tight), isTight: true };
    }
  }
}

/** Data parallelism is quickly simulated and rules much out; bounds of stages that share devices are low. */
function turnOf({ schedule, devices }: Candidate): number {
  if (schedule === "ddp") return 0;
  return devices === undefined ? 1 : 2;
}

/** How much a candidate's turn depends on how many passes it has, and on what their order takes to make: twice as many count as 3 % more. */
const sizeExponent = 0.04;

function keyOf({ schedule, boundMs, stages, microbatches, dataParallel }: Candidate): number {
  return boundMs * (stages * microbatches * dataParallel * (dependsOnTimes(schedule) ? orderCost : 1)) ** sizeExponent;
}
