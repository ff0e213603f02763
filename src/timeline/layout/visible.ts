/** What of a row is worth drawing at a zoom: culled by binary search, slices narrower than a pixel merged. */
import type { SliceKind } from "./kinds";
import type { Slice } from "./lanes";

/** One rectangle to draw: a slice, or several that share a pixel. */
export interface Mark {
  readonly startMs: number;
  readonly endMs: number;
  /** Index of the slice in its row, or of the first of several. */
  readonly first: number;
  /** How many slices are in it. */
  readonly count: number;
  /** Idle time in it. */
  readonly idleMs: number;
  /** Index of a slice that looks as most of it does: of most time of what is not idle, or of the first where all is idle. */
  readonly typical: number;
}

/** Index of the first slice that ends after `ms`. */
export function firstEndingAfter(row: readonly Slice[], ms: number): number {
  let low = 0;
  let high = row.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (row[middle].endMs > ms) high = middle;
    else low = middle + 1;
  }
  return low;
}

/**
 * Marks of a row between two times. Slices of a pixel or more stand alone; runs of shorter ones become one mark per pixel.
 * @param looksOf What slices look like; by default, as their kind does.
 */
export function visibleMarks(row: readonly Slice[], fromMs: number, toMs: number, msPerPixel: number, looksOf: (slice: Slice) => unknown = kindOfSlice): Mark[] {
  const marks: Mark[] = [];
  for (let i = firstEndingAfter(row, fromMs); i < row.length && row[i].startMs < toMs; ) {
    const { startMs, endMs, kind } = row[i];
    const last = endMs - startMs >= msPerPixel ? i + 1 : endOfMerge(row, i, startMs + msPerPixel, msPerPixel);
    if (last === i + 1) marks.push({ startMs, endMs, first: i, count: 1, idleMs: kind === "idle" ? endMs - startMs : 0, typical: i });
    else marks.push(merged(row, i, last, looksOf));
    i = last;
  }
  return marks;
}

function endOfMerge(row: readonly Slice[], first: number, pixelEnd: number, msPerPixel: number): number {
  let last = first + 1;
  while (last < row.length && row[last].startMs < pixelEnd && row[last].endMs - row[last].startMs < msPerPixel) last++;
  return last;
}

/** The looks among several slices, how long each lasts and where it is first; kept between calls, since they are many a frame. */
const looks: unknown[] = [];
const lookMs: number[] = [];
const lookFirst: number[] = [];

/** Several slices as one mark. Asked for every pixel of a full lane in every frame, so the sums have one place. */
function merged(row: readonly Slice[], first: number, last: number, looksOf: (slice: Slice) => unknown): Mark {
  looks.length = 0;
  let idleMs = 0;
  for (let i = first; i < last; i++) {
    const slice = row[i];
    const ms = slice.endMs - slice.startMs;
    if (slice.kind === "idle") {
      idleMs += ms;
      continue;
    }
    const look = looksOf(slice);
    let known = looks.indexOf(look);
    if (known < 0) {
      known = looks.push(look) - 1;
      lookMs[known] = 0;
      lookFirst[known] = i;
    }
    lookMs[known] += ms;
  }
  let most = 0;
  for (let l = 1; l < looks.length; l++) if (lookMs[l] > lookMs[most]) most = l;
  return { startMs: row[first].startMs, endMs: row[last - 1].endMs, first, count: last - first, idleMs, typical: looks.length ? lookFirst[most] : first };
}

function kindOfSlice({ kind }: Slice): SliceKind {
  return kind;
}
