/** The chain of operations that decides when a timeline ends. */
import type { TimelineOperation } from "../model/timeline";

/** Two times within this share of each other are one. */
const rounding = 1e-9;

/**
 * Indices from the first to the last: from the operation that ends last, back over the dependency that ended last, to where
 * the cause lies before the timeline begins.
 */
export function criticalPath(operations: readonly TimelineOperation[]): readonly number[] {
  if (operations.length === 0) return [];
  const path: number[] = [];
  const latestOf = (indices: Iterable<number>): number | undefined => {
    let best: number | undefined;
    for (const index of indices) if (best === undefined || operations[index].endMs > operations[best].endMs) best = index;
    return best;
  };
  for (let at = latestOf(operations.keys()); at !== undefined; ) {
    path.push(at);
    const cause = latestOf(operations[at].deps);
    const isShown = cause !== undefined && operations[cause].endMs >= operations[at].startMs - rounding * Math.abs(operations[at].startMs);
    at = isShown ? cause : undefined;
  }
  return path.reverse();
}
