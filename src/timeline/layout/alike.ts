/** Whether devices do the same, so that the lanes of one can stand for them all. */
import type { Timeline, TimelineOperation } from "../../model/timeline";

/** Times apart by less than this share of the period are the same to the eye. */
const nearShare = 0.01;

/** Devices of `group` that do not compute what its first one does, or not when it does. Which samples of the batch they work on may differ. */
export function unlikeDevices(timeline: Timeline, group: readonly number[]): readonly number[] {
  const work = new Map(group.map((device) => [device, [] as TimelineOperation[]]));
  for (const operation of timeline.operations) if (operation.stream === "compute") work.get(operation.device)?.push(operation);
  const [first, ...others] = group;
  const own = work.get(first) ?? [];
  const nearMs = timeline.periodMs * nearShare;
  return others.filter((device) => {
    const theirs = work.get(device) ?? [];
    return theirs.length !== own.length || own.some((operation, i) => !isAlike(operation, theirs[i], nearMs));
  });
}

function isAlike(a: TimelineOperation, b: TimelineOperation, nearMs: number): boolean {
  return (
    a.op === b.op && a.iteration === b.iteration && a.chain === b.chain && a.stage === b.stage && a.microbatch === b.microbatch && a.component === b.component &&
    a.layers?.[0] === b.layers?.[0] && a.layers?.[1] === b.layers?.[1] && count(a.samples) === count(b.samples) &&
    Math.abs(a.startMs - b.startMs) <= nearMs && Math.abs(a.endMs - b.endMs) <= nearMs
  );
}

function count(samples: TimelineOperation["samples"]): number {
  return samples ? samples[1] - samples[0] : 0;
}
