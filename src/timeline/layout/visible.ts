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
    const count = last - i;
    marks.push(count === 1 ? { startMs, endMs, kind, first: i, count, idleMs: kind === "idle" ? endMs - startMs : 0, typical: i } : { startMs, endMs: row[last - 1].endMs, first: i, count, ...mostly(row, i, last, looksOf) });
    i = last;
  }
  return marks;
}

function endOfMerge(row: readonly Slice[], first: number, pixelEnd: number, msPerPixel: number): number {
  let last = first + 1;
  while (last < row.length && row[last].startMs < pixelEnd && row[last].endMs - row[last].startMs < msPerPixel) last++;
  return last;
}

/** How long each look lasts among several slices; kept between calls, since they are many a frame. */
const looks: { look: unknown; ms: number; index: number }[] = [];
const total: Record<SliceKind, number> = { forward: 0, backward: 0, fill: 0, communication: 0, optimizer: 0, idle: 0 };

/** What takes most of the time of several slices. Asked for every pixel of a full lane in every frame, so the sums have one place. */
function mostly(row: readonly Slice[], first: number, last: number, looksOf: (slice: Slice) => unknown): Pick<Mark, "kind" | "idleMs" | "typical"> {
  let kind = row[first].kind;
  looks.length = 0;
  total.idle = 0;
  for (let i = first; i < last; i++) total[row[i].kind] = 0;
  for (let i = first; i < last; i++) {
    const slice = row[i];
    const ms = slice.endMs - slice.startMs;
    total[slice.kind] += ms;
    if (slice.kind === "idle") continue;
    const look = looksOf(slice);
    const known = looks.find((other) => other.look === look);
    if (known) known.ms += ms;
    else looks.push({ look, ms, index: i });
  }
  for (let i = first; i < last; i++) if (total[row[i].kind] > total[kind]) kind = row[i].kind;
  let typical = looks[0];
  for (const look of looks) if (look.ms > typical.ms) typical = look;
  return { kind, idleMs: total.idle, typical: typical?.index ?? first };
}

function kindOfSlice({ kind }: Slice): SliceKind {
  return kind;
}
