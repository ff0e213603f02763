/** What the importer does with stretches of time. */
import { bisector } from "d3";
import type { Meaning } from "./names";
import type { Span } from "./traceFile";

/** A span whose name, or place, says what it was for. */
export interface Pass extends Span {
  readonly meaning: Meaning;
}

export const byStart = bisector(({ startUs }: { readonly startUs: number }) => startUs);

/** Spans that lie in no other of the same thread, sorted by start. */
export function outermost<S extends Span>(spans: readonly S[]): readonly S[] {
  const ends = new Map<string, number>();
  return [...spans].sort((a, b) => a.startUs - b.startUs || b.endUs - a.endUs).filter(({ process, thread, startUs, endUs }) => {
    const key = `${process} ${thread}`;
    if ((ends.get(key) ?? -Infinity) > startUs) return false;
    ends.set(key, endUs);
    return true;
  });
}

/** From the first beginning to the last end; undefined of none. */
export function spanOf(spans: readonly Span[]): { readonly startUs: number; readonly endUs: number } | undefined {
  if (spans.length === 0) return undefined;
  return { startUs: spans.reduce((least, { startUs }) => Math.min(least, startUs), Infinity), endUs: spans.reduce((most, { endUs }) => Math.max(most, endUs), -Infinity) };
}
