/** The chain of operations that decides when a timeline ends. */
import type { TimelineOperation } from "../model/timeline";

/** Indices from the first to the last: from the operation that ends last, back over the dependency that ended last. */
export function criticalPath(operations: readonly TimelineOperation[]): readonly number[] {
  if (operations.length === 0) return [];
  const path: number[] = [];
  const latestOf = (indices: Iterable<number>): number | undefined => {
    let best: number | undefined;
    for (const index of indices) if (best === undefined || operations[index].endMs > operations[best].endMs) best = index;
    return best;
  };
  for (let at = latestOf(operations.keys()); at !== undefined; at = latestOf(operations[at].deps)) path.push(at);
  return path.reverse();
}
