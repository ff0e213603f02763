/** Boundaries improved by simulation, since no formula knows what a schedule does with unequal stages and slow links. */

/** Cuts that may be simulated for one candidate plan, so that large ones don't take minutes: fewer the more passes each has. */
export function simulationBudget(plan: { readonly stages: number; readonly microbatches: number; readonly dataParallel: number }): number {
  return Math.min(2000, Math.max(16, Math.round(40_000 / (plan.stages * plan.microbatches * plan.dataParallel))));
}

/** Cuts like some others. */
type Neighbourhood = (cuts: readonly number[], fixed: readonly number[]) => readonly (readonly number[])[];

/**
 * Goes to the best neighbour until none is better or `budget` cuts have been asked for. `period` is Infinity for cuts that
 * don't fit. Returns the cuts and their period.
 * @param fixed Which of the cuts stay: the ends of chains laid end to end.
 * @param boundOf What the period of cuts is at least.
 */
export function refine(start: readonly number[], period: (cuts: readonly number[]) => number, budget: number, fixed: readonly number[] = [], boundOf: (cuts: readonly number[]) => number = () => 0, neighbourhoods: readonly Neighbourhood[] = usual): { cuts: readonly number[]; periodMs: number } {
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
    for (const neighbours of neighbourhoods) {
      for (const cuts of neighbours(best.cuts, fixed)) {
        if (known.size >= budget) return best;
        if (boundOf(cuts) >= best.periodMs) continue;
        const periodMs = ask(cuts);
        if (periodMs < best.periodMs * (1 - 1e-9)) {
          best = { cuts, periodMs };
          improved = true;
        }
      }
      if (improved) break;
    }
  }
  return best;
}

/** How far one boundary is moved at once: a heavy layer may have to be passed by. */
const reach = [1, 2, 3, 6, 12].flatMap((by) => [by, -by]);

/** Cuts in which one boundary lies elsewhere, two neighbouring ones lie one layer off, or all from one on do. */
function near(cuts: readonly number[], fixed: readonly number[]): readonly (readonly number[])[] {
  const inner = cuts.slice(1, -1);
  const single = inner.flatMap((cut, i) => reach.map((by) => cuts.with(i + 1, cut + by)));
  const pairs = inner.slice(1).flatMap((cut, i) => [-1, 1].flatMap((by) => [-1, 1].map((other) => cuts.with(i + 1, inner[i] + by).with(i + 2, cut + other))));
  const rests = inner.slice(1).flatMap((_, i) => [-1, 1].map((by) => cuts.map((cut, at) => (at > i && at < cuts.length - 1 ? cut + by : cut))));
  return [...single, ...pairs, ...rests].filter((moved) => isCut(moved, cuts, fixed));
}

/** How far each of two boundaries is moved where no smaller change helps. */
const pairReach = [-4, -3, -2, -1, 1, 2, 3, 4];

/**
 * Cuts in which any two boundaries lie elsewhere: where memory binds, or a device has stages of two chains, one stage takes what
 * another far from it gives.
 */
function pairs(cuts: readonly number[], fixed: readonly number[]): readonly (readonly number[])[] {
  const moved: (readonly number[])[] = [];
  for (let i = 1; i < cuts.length - 1; i++) {
    for (let k = i + 1; k < cuts.length - 1; k++) for (const by of pairReach) for (const other of pairReach) moved.push(cuts.with(i, cuts[i] + by).with(k, cuts[k] + other));
  }
  return moved.filter((to) => isCut(to, cuts, fixed));
}

/** How far each of three boundaries is moved at last. */
const tripleReach = [-2, -1, 1, 2];

/** Cuts in which any three boundaries lie elsewhere. */
function triples(cuts: readonly number[], fixed: readonly number[]): readonly (readonly number[])[] {
  const moved: (readonly number[])[] = [];
  const inner = cuts.length - 1;
  for (let i = 1; i < inner; i++) {
    for (let k = i + 1; k < inner; k++) {
      for (let l = k + 1; l < inner; l++) {
        for (const by of tripleReach) for (const other of tripleReach) for (const third of tripleReach) moved.push(cuts.with(i, cuts[i] + by).with(k, cuts[k] + other).with(l, cuts[l] + third));
      }
    }
  }
  return moved.filter((to) => isCut(to, cuts, fixed));
}

/** For one of several starts. */
export const quick: readonly Neighbourhood[] = [near];

const usual: readonly Neighbourhood[] = [near, pairs];

/** Whose last is tried only where it is worth many simulations. */
export const thorough: readonly Neighbourhood[] = [near, pairs, triples];

/** Whether every stage has a layer, and no end of a chain has moved. */
function isCut(moved: readonly number[], cuts: readonly number[], fixed: readonly number[]): boolean {
  return moved.every((cut, i) => i === 0 || cut > moved[i - 1]) && fixed.every((at) => moved[at] === cuts[at]);
}
