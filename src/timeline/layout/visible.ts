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
  /** Idle time in it. */
  readonly idleMs: number;
  /** Index of a slice that looks as most of it does: of most time of what is not idle, or of the first where all is idle. */
  readonly typical: number;
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

/**
 * Marks of a row between two times. Slices of a pixel or more stand alone; runs of shorter ones become one mark per pixel.
 * @param looksOf What slices look like; by default, as their kind does.
 */
export function visibleMarks(row: readonly Slice[], fromMs: number, toMs: number, msPerPixel: number, looksOf: (slice: Slice) => unknown = kindOfSlice): Mark[] {
  const marks: Mark[] = [];
  for (let i = firstEndingAfter(row, fromMs); i < row.length && row[i].startMs < toMs; ) {
    const slice = row[i];
    if (slice.endMs - slice.startMs >= msPerPixel) {
      marks.push({ startMs: slice.startMs, endMs: slice.endMs, kind: slice.kind, first: i, count: 1, idleMs: slice.kind === "idle" ? slice.endMs - slice.startMs : 0, typical: i });
      i++;
      continue;
    }
    const last = endOfMerge(row, i, slice.startMs + msPerPixel, msPerPixel);
    marks.push({ startMs: slice.startMs, endMs: row[last - 1].endMs, first: i, count: last - i, ...mostly(row, i, last, looksOf) });
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

/** What takes most of the time of several slices. */
function mostly(row: readonly Slice[], first: number, last: number, looksOf: (slice: Slice) => unknown): Pick<Mark, "kind" | "idleMs" | "typical"> {
  const kinds = new Map<SliceKind, number>();
  const looks = new Map<unknown, { ms: number; readonly index: number }>();
  for (let i = first; i < last; i++) {
    const ms = row[i].endMs - row[i].startMs;
    kinds.set(row[i].kind, (kinds.get(row[i].kind) ?? 0) + ms);
    if (row[i].kind === "idle") continue;
    const look = looksOf(row[i]);
    const known = looks.get(look);
    if (known) known.ms += ms;
    else looks.set(look, { ms, index: i });
  }
  let kind = row[first].kind;
  for (const [other, ms] of kinds) if (ms > (kinds.get(kind) ?? 0)) kind = other;
  let most: { readonly ms: number; readonly index: number } | undefined;
  for (const look of looks.values()) if (!most || look.ms > most.ms) most = look;
  return { kind, idleMs: kinds.get("idle") ?? 0, typical: most?.index ?? first };
}

function kindOfSlice({ kind }: Slice): SliceKind {
  return kind;
}
