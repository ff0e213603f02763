/** What of the overlays outlives the page. */
import type { TimeRange } from "../../src/timeline/layout/range";

export interface OverlayState {
  readonly criticalPath: boolean;
  readonly range?: TimeRange;
}

/** Checks what comes back. */
export function restoredOverlays(value: unknown): OverlayState {
  const { criticalPath, range } = (typeof value === "object" && value !== null ? value : {}) as Readonly<Record<string, unknown>>;
  const isRange = Array.isArray(range) && range.length === 2 && range.every((ms) => Number.isFinite(ms)) && range[0] < range[1];
  return { criticalPath: criticalPath === true, ...(isRange && { range: [range[0], range[1]] }) };
}
