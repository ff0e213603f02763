/** What operations wait for, and what waits for them: the edges of a timeline, to be walked along. */
import type { Timeline } from "../../model/timeline";
import { sliceOf, type Placement, type SlicePlace } from "./geometry";
import type { Layout } from "./lanes";

const known = new WeakMap<Timeline, readonly (readonly number[])[]>();

/** `[operation]`: indices of the operations that name it among their dependencies. */
export function dependentsOf(timeline: Timeline): readonly (readonly number[])[] {
  let found = known.get(timeline);
  if (!found) {
    const dependents: number[][] = timeline.operations.map(() => []);
    timeline.operations.forEach(({ deps }, index) => deps.forEach((dep) => dependents[dep]?.push(index)));
    known.set(timeline, (found = dependents));
  }
  return found;
}

/** The dependency that ended last: what an operation waited for. */
export function lastDependency({ operations }: Timeline, index: number): number | undefined {
  let last: number | undefined;
  for (const dep of operations[index].deps) if (operations[dep] && (last === undefined || operations[dep].endMs > operations[last].endMs)) last = dep;
  return last;
}

export interface IdleEnd {
  /** The operation that the device goes on with. */
  readonly next: number;
  /** From what that waited for, back over messages to the work on another device that sent them; none where it waits for nothing shown. */
  readonly causes: readonly number[];
}

/** No chain of messages is longer; what a file claims may go round in circles. */
const mostCauses = 6;

/** Undefined for a slice that is not idle, and where nothing follows it. */
export function endOfIdle(placement: Placement, layouts: readonly Layout[], place: SlicePlace): IdleEnd | undefined {
  const slice = sliceOf(placement, place);
  const placed = placement.lanes[place.lane];
  if (!slice || slice.index !== undefined) return undefined;
  const next = placed.lane.rows[place.row].slice(place.slice + 1).find((other) => other.index !== undefined)?.index;
  if (next === undefined) return undefined;
  const { timeline } = layouts[placed.layout];
  const causes: number[] = [];
  for (let cause = lastDependency(timeline, next); cause !== undefined && causes.length < mostCauses; cause = lastDependency(timeline, cause)) {
    causes.push(cause);
    if (timeline.operations[cause].stream === "compute") break;
  }
  return { next, causes };
}
