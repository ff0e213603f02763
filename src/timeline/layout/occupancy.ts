/** How busy each device is over time, in equal bins: the whole timeline in a few pixels. */
import type { Layout } from "./lanes";

/** One value a bin, from 0 to 1. */
export interface Occupancy {
  readonly device: number;
  readonly trained: Float32Array;
  readonly frozen: Float32Array;
}

/** `bins` equal parts of [fromMs, toMs) for every device with a compute lane. Communication and waiting are not busy. */
export function occupancyOf(layout: Layout, fromMs: number, toMs: number, bins: number): readonly Occupancy[] {
  const binMs = (toMs - fromMs) / bins;
  return layout.lanes.filter(({ stream }) => stream === "compute").map(({ device, rows }) => {
    const trained = new Float32Array(bins);
    const frozen = new Float32Array(bins);
    for (const row of rows) {
      for (const { kind, startMs, endMs } of row) {
        if (kind === "idle" || kind === "communication") continue;
        const target = kind === "fill" ? frozen : trained;
        const last = Math.min(bins - 1, Math.floor((endMs - fromMs) / binMs));
        for (let bin = Math.max(0, Math.floor((startMs - fromMs) / binMs)); bin <= last; bin++) {
          const left = fromMs + bin * binMs;
          target[bin] += Math.max(0, Math.min(endMs, left + binMs) - Math.max(startMs, left)) / binMs;
        }
      }
    }
    // Overlapping work fills a device no more than once.
    for (let bin = 0; bin < bins; bin++) {
      trained[bin] = Math.min(1, trained[bin]);
      frozen[bin] = Math.min(1 - trained[bin], frozen[bin]);
    }
    return { device, trained, frozen };
  });
}
