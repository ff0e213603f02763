/** A timeline as lanes of slices: pure geometry in time, no pixels. */
import type { Timeline, TimelineOperation } from "../../model/timeline";
import { kindOf, type SliceKind } from "./kinds";
import type { MemoryCurve } from "./memory";

export type TimelineSource = Timeline["source"];

/** A stretch of one lane: an operation, or the idle time between two. */
export interface Slice {
  readonly startMs: number;
  readonly endMs: number;
  readonly kind: SliceKind;
  /** Index into the timeline's operations; undefined for idle time. */
  readonly index?: number;
  /** Frozen work of a later iteration than the one it stands in. */
  readonly servesNext?: boolean;
}

/** Slices of a row are sorted and do not overlap; a lane has as many rows as it has operations at once. */
export interface Lane {
  readonly device: number;
  readonly stream: TimelineOperation["stream"] | "memory";
  readonly source: TimelineSource;
  readonly rows: readonly (readonly Slice[])[];
  /** Of a memory lane, which has no rows. */
  readonly memory?: MemoryCurve;
}

export interface Layout {
  readonly source: TimelineSource;
  /** What its lanes are labelled with, where that is not the source. */
  readonly name?: string;
  readonly timeline: Timeline;
  readonly startMs: number;
  readonly endMs: number;
  readonly lanes: readonly Lane[];
}

/** Gaps shorter than this are rounding, not bubbles. */
const shortestGapMs = 1e-6;

/**
 * Lanes by device, compute before communication (what is sent above what is received);
 * a device without communication has only the one.
 * The timeline is taken as iterations that repeat every `periodMs`. What a device does after the last of them belongs to the
 * next round, and so stands for what it did, unseen, before its first operation here: that time is left blank, not idle.
 */
export function layoutTimeline(timeline: Timeline): Layout {
  const startMs = timeline.operations.reduce((least, operation) => Math.min(least, operation.startMs), timeline.operations.length ? Infinity : 0);
  const roundMs = iterationCount(timeline) * timeline.periodMs;
  const endMs = timeline.operations.reduce((most, operation) => Math.max(most, operation.endMs), startMs + roundMs);
  const indices = timeline.devices.map(() => ({ compute: [] as number[], communication: [] as number[] }));
  timeline.operations.forEach((operation, index) => indices[operation.device]?.[operation.stream].push(index));
  const lanes: Lane[] = [];
  for (const [device, streams] of indices.entries()) {
    const next = servingNext(timeline, streams.compute);
    const compute = rowsOf(timeline, streams.compute, next);
    const lastMs = streams.compute.reduce((most, index) => Math.max(most, timeline.operations[index].endMs), startMs);
    const idleFrom = Math.max(startMs, lastMs - roundMs);
    lanes.push({ device, stream: "compute", source: timeline.source, rows: [withIdle(compute[0] ?? [], idleFrom, startMs + roundMs), ...compute.slice(1)] });
    if (streams.communication.length) {
      const [incoming, outgoing] = [true, false].map((wanted) => streams.communication.filter((index) => isIncoming(timeline.operations[index]) === wanted));
      lanes.push({ device, stream: "communication", source: timeline.source, rows: [...rowsOf(timeline, outgoing, new Set()), ...rowsOf(timeline, incoming, new Set())] });
    }
  }
  return { source: timeline.source, timeline, startMs, endMs, lanes };
}

/** How many iterations are trained in a timeline, at least one. */
export function iterationCount(timeline: Timeline): number {
  return Math.max(1, new Set(timeline.operations.filter(isTrained).map((operation) => operation.iteration)).size);
}

/** Work of the iteration itself, as against frozen work, which may serve another one. */
export function isTrained(operation: TimelineOperation): boolean {
  return operation.op !== "FILL" && operation.stream === "compute";
}

function isIncoming(operation: TimelineOperation): boolean {
  return operation.op === "RECV" || operation.direction === "receive";
}

/** Fills of one device whose iteration is later than that of the trained operation running before them (or, at the start, after them). */
function servingNext(timeline: Timeline, indices: readonly number[]): ReadonlySet<number> {
  const inOrder = [...indices].sort((a, b) => timeline.operations[a].startMs - timeline.operations[b].startMs);
  const found = new Set<number>();
  let current = inOrder.map((index) => timeline.operations[index]).find((operation) => operation.op !== "FILL")?.iteration ?? 0;
  for (const index of inOrder) {
    const operation = timeline.operations[index];
    if (operation.op !== "FILL") current = operation.iteration;
    else if (operation.iteration > current) found.add(index);
  }
  return found;
}

/** First-fit rows, so that what runs at once lies one under the other. */
function rowsOf(timeline: Timeline, indices: readonly number[], next: ReadonlySet<number>): Slice[][] {
  const rows: Slice[][] = [];
  const slices = indices
    .map((index): Slice => {
      const { startMs, endMs, op } = timeline.operations[index];
      return { startMs, endMs, kind: kindOf(op), index, ...(next.has(index) && { servesNext: true }) };
    })
    .sort((a, b) => a.startMs - b.startMs || a.endMs - b.endMs);
  for (const slice of slices) {
    const row = rows.find((other) => other[other.length - 1].endMs <= slice.startMs + shortestGapMs);
    if (row) row.push(slice);
    else rows.push([slice]);
  }
  return rows;
}

/** The same slices with the idle time before, between and after them made explicit. */
export function withIdle(slices: readonly Slice[], startMs: number, endMs: number): Slice[] {
  const all: Slice[] = [];
  let end = startMs;
  for (const slice of slices) {
    if (slice.startMs - end > shortestGapMs) all.push({ startMs: end, endMs: slice.startMs, kind: "idle" });
    all.push(slice);
    end = Math.max(end, slice.endMs);
  }
  if (endMs - end > shortestGapMs) all.push({ startMs: end, endMs, kind: "idle" });
  return all;
}
