/** A range of time that is looked at by itself. */

/** From and to, in ms; from is before to. */
export type TimeRange = readonly [number, number];

/**
 * The range with one end at a stretch of time: "from" at its start, "to" at its end. The other end stays where that leaves a
 * range, and is the stretch's own otherwise.
 */
export function withEnd(range: TimeRange | undefined, end: "from" | "to", { startMs, endMs }: { readonly startMs: number; readonly endMs: number }): TimeRange {
  if (end === "from") return [startMs, range && range[1] > startMs ? range[1] : endMs];
  return [range && range[0] < endMs ? range[0] : startMs, endMs];
}
