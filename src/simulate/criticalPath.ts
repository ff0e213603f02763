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
  const latestOf = (indices: readonly number[]): number | undefined => {
    let best: number | undefined;
    for (const index of indices) if (best === undefined || operations[index].endMs > operations[best].endMs) best = index;
    return best;
  };
  let last = 0;
  for (let i = 1; i < operations.length; i++) if (operations[i].endMs > operations[last].endMs) last = i;
  for (let at: number | undefined = last; at !== undefined; ) {
    path.push(at);
    const cause = latestOf(operations[at].deps);
    const isShown: boolean = cause !== undefined && operations[cause].endMs >= operations[at].startMs - rounding * Math.abs(operations[at].startMs);
    at = isShown ? cause : undefined;
  }
  return path.reverse();
}
