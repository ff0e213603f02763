/** Boundaries improved by simulation, since no formula knows what a schedule does with unequal stages and slow links. */

/**
 * Moves one boundary by one layer at a time, always to the best neighbour, until no single move helps.
 * `period` is Infinity for cuts that don't fit. Returns the cuts and their period.
 */
export function refine(start: readonly number[], period: (cuts: readonly number[]) => number): { cuts: readonly number[]; periodMs: number } {
  const known = new Map<string, number>();
  const ask = (cuts: readonly number[]) => {
    const key = cuts.join();
    const found = known.get(key) ?? period(cuts);
    known.set(key, found);
    return found;
  };
  let best = { cuts: start, periodMs: ask(start) };
  for (let improved = true; improved; ) {
    improved = false;
    for (const cuts of neighbours(best.cuts)) {
      const periodMs = ask(cuts);
      if (periodMs < best.periodMs * (1 - 1e-9)) {
        best = { cuts, periodMs };
        improved = true;
      }
    }
  }
  return best;
}

/** All cuts in which one boundary lies one layer off. */
function neighbours(cuts: readonly number[]): readonly (readonly number[])[] {
  return cuts.slice(1, -1).flatMap((cut, i) =>
    [cut - 1, cut + 1].filter((moved) => moved > cuts[i] && moved < cuts[i + 2]).map((moved) => cuts.with(i + 1, moved)),
  );
}
