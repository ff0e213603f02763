/** What of a row is worth drawing at a zoom: culled by binary search, slices narrower than a pixel merged. */
import type { SliceKind } from "./kinds";
import type { Slice } from "./lanes";

/** One rectangle to draw: a slice, or several that share a pixel. */
export interface Mark {
  readonly startMs: number;
  readonly endMs: number;
  /** The kind that takes most of the time. */
  readonly kind: SliceKind;
  /** Index of the slice in its row, or of the first of several. */
  readonly first: number;
  /** How many slices are in it. */
  readonly count: number;
}

/** Index of the first slice that ends after `ms`. */
export function firstEndingAfter(row: readonly Slice[], ms: number): number {
  return lowerBound(row, (slice) => slice.endMs > ms);
}

function lowerBound(row: readonly Slice[], holds: (slice: Slice) => boolean, from = 0): number {
  let low = from;
  let high = row.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (holds(row[middle])) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** Marks of a row between two times. Slices of a pixel or more stand alone; runs of shorter ones become one mark per pixel. */
export function visibleMarks(row: readonly Slice[], fromMs: number, toMs: number, msPerPixel: number): Mark[] {
  const marks: Mark[] = [];
  for (let i = firstEndingAfter(row, fromMs); i < row.length && row[i].startMs < toMs; ) {
    const slice = row[i];
    if (slice.endMs - slice.startMs >= msPerPixel) {
      marks.push({ startMs: slice.startMs, endMs: slice.endMs, kind: slice.kind, first: i, count: 1 });
      i++;
      continue;
    }
    const last = endOfMerge(row, i, slice.startMs + msPerPixel, msPerPixel);
    marks.push({ startMs: slice.startMs, endMs: row[last - 1].endMs, kind: mostly(row, i, last), first: i, count: last - i });
    i = last;
  }
  return marks;
}

function endOfMerge(row: readonly Slice[], first: number, pixelEnd: number, msPerPixel: number): number {
  const limit = lowerBound(row, (slice) => slice.startMs >= pixelEnd, first + 1);
  let last = first + 1;
  while (last < limit && row[last].endMs - row[last].startMs < msPerPixel) last++;
  return last;
}

function mostly(row: readonly Slice[], first: number, last: number): SliceKind {
  const total = new Map<SliceKind, number>();
  for (let i = first; i < last; i++) total.set(row[i].kind, (total.get(row[i].kind) ?? 0) + row[i].endMs - row[i].startMs);
  let best = row[first].kind;
  for (const [kind, ms] of total) if (ms > (total.get(best) ?? 0)) best = kind;
  return best;
}
