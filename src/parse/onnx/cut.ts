/** Where a sequence of nodes is cut into layers: at narrow points, where little is alive that is needed later. */

/** A value alive from the node that makes it to the last that uses it. */
export interface Span {
  readonly from: number;
  readonly to: number;
  readonly bytes: number;
}

export interface CutRule {
  /** The least share of the sequence's work that a layer has, in (0, 1]. */
  readonly minShare: number;
  /** At most so many layers. */
  readonly maxLayers: number;
}

export const usualRule: CutRule = { minShare: 0.01, maxLayers: 100 };

/** Bytes alive right after each node: those of values made at or before it and used after it. */
export function liveBytes(nodes: number, spans: Iterable<Span>): readonly number[] {
  const change = new Array<number>(nodes + 1).fill(0);
  for (const { from, to, bytes } of spans) {
    if (to <= from) continue;
    change[from] += bytes;
    change[to] -= bytes;
  }
  let live = 0;
  return change.slice(0, nodes).map((bytes) => (live += bytes));
}

/**
 * Cuts are made where the live bytes are a local minimum (a run of equal ones counts as one place), the narrowest first and the
 * earlier of two alike, as long as both layers that a cut makes have the least share of the work. The share is `minShare`, or
 * 1/`maxLayers` where that is more, so that there are never more layers than that. The same input gives the same cuts.
 * @param work Of each node, at least 0.
 * @param live Bytes alive right after each node.
 * @returns Ascending: a layer ends after each of these nodes, and after the last one.
 */
export function chooseCuts(work: readonly number[], live: readonly number[], { minShare, maxLayers }: CutRule): readonly number[] {
  const until = [0];
  for (const one of work) until.push(until.at(-1)! + one);
  const total = until.at(-1)!;
  const least = total * Math.max(minShare, 1 / maxLayers);
  if (!(total > 0)) return [];
  const candidates = localMinima(live).sort((a, b) => live[a] - live[b] || a - b);
  const cuts = new SortedCuts(work.length);
  for (const cut of candidates) {
    const [before, after] = cuts.around(cut);
    if (until[cut + 1] - until[before] >= least && until[after] - until[cut + 1] >= least) cuts.add(cut);
  }
  return cuts.list();
}

/** Every place but the last whose run of equal values has greater ones, or an end, on both sides. */
function localMinima(live: readonly number[]): number[] {
  const found: number[] = [];
  for (let start = 0; start < live.length - 1; ) {
    let end = start;
    while (end + 1 < live.length - 1 && live[end + 1] === live[start]) end += 1;
    const isLower = (neighbour: number) => neighbour < 0 || neighbour >= live.length - 1 || live[neighbour] > live[start];
    if (isLower(start - 1) && isLower(end + 1)) for (let at = start; at <= end; at += 1) found.push(at);
    start = end + 1;
  }
  return found;
}

/** The cuts chosen so far, with the pieces that they leave. */
class SortedCuts {
  private readonly cuts: number[] = [];

  constructor(private readonly nodes: number) {}

  /** The first node of the piece that `cut` is in, and the first node behind it. */
  around(cut: number): readonly [number, number] {
    const at = this.position(cut);
    return [at > 0 ? this.cuts[at - 1] + 1 : 0, at < this.cuts.length ? this.cuts[at] + 1 : this.nodes];
  }

  add(cut: number): void {
    this.cuts.splice(this.position(cut), 0, cut);
  }

  list(): readonly number[] {
    return this.cuts;
  }

  private position(cut: number): number {
    let [low, high] = [0, this.cuts.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.cuts[middle] < cut) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
