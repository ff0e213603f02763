/** A device's memory over time as a step curve: made drawable, read at a moment, told in words. */
import type { TimelineDevice } from "../../model/timeline";
import { formatBytes, formatMs, formatPercent } from "./format";

/** A level that holds from one time to another. */
export interface MemoryStep {
  readonly startMs: number;
  readonly endMs: number;
  readonly bytes: number;
}

export interface MemoryCurve {
  /** One after another without gaps. */
  readonly steps: readonly MemoryStep[];
  readonly peakBytes: number;
  /** What the device can give to training; undefined where it is not known. */
  readonly limitBytes?: number;
}

/** The curve of a device, its last level held until `endMs`; undefined where the timeline has none. */
export function memoryCurve({ memory, peakMemoryBytes }: TimelineDevice, endMs: number, limitBytes?: number): MemoryCurve | undefined {
  if (!memory?.length) return undefined;
  const inOrder = [...memory].sort(([a], [b]) => a - b);
  const steps: MemoryStep[] = [];
  inOrder.forEach(([startMs, bytes], i) => {
    const end = i + 1 < inOrder.length ? inOrder[i + 1][0] : Math.max(endMs, startMs);
    if (end > startMs) steps.push({ startMs, endMs: end, bytes });
  });
  return { steps, peakBytes: peakMemoryBytes, ...(limitBytes !== undefined && { limitBytes }) };
}

/** The step at a moment; undefined before the first and after the last. */
export function stepAt({ steps }: MemoryCurve, ms: number): MemoryStep | undefined {
  const step = steps[firstStepAfter(steps, ms)];
  return step && step.startMs <= ms ? step : undefined;
}

/** Steps between two times as they are drawn: those narrower than a pixel become one with the most bytes of them. */
export function memoryColumns({ steps }: MemoryCurve, fromMs: number, toMs: number, msPerPixel: number): readonly MemoryStep[] {
  const columns: MemoryStep[] = [];
  for (let i = firstStepAfter(steps, fromMs); i < steps.length && steps[i].startMs < toMs; ) {
    const first = steps[i++];
    let { endMs, bytes } = first;
    if (endMs - first.startMs < msPerPixel) {
      for (; i < steps.length && steps[i].endMs <= first.startMs + msPerPixel; i++) {
        endMs = steps[i].endMs;
        bytes = Math.max(bytes, steps[i].bytes);
      }
    }
    columns.push({ startMs: first.startMs, endMs, bytes });
  }
  return columns;
}

/** What the tooltip says of a moment, the title first. */
export function memoryLines(curve: MemoryCurve, device: number, ms: number): readonly string[] {
  const { limitBytes, peakBytes } = curve;
  const step = stepAt(curve, ms);
  if (!step) return [];
  const share = limitBytes ? ` (${formatPercent(step.bytes / limitBytes)} of ${formatBytes(limitBytes)})` : "";
  const over = limitBytes !== undefined && step.bytes > limitBytes ? [`⚠ over the limit by ${formatBytes(step.bytes - limitBytes)}`] : [];
  return [`Memory of device ${device}`, `${formatBytes(step.bytes)}${share}`, ...over, `from ${formatMs(step.startMs)} to ${formatMs(step.endMs)}`, `peak ${formatBytes(peakBytes)}`];
}

/** The whole curve in a sentence, for those who do not see it. */
export function memorySentence({ limitBytes, peakBytes }: MemoryCurve, device: number): string {
  const limit = limitBytes === undefined ? "" : ` of ${formatBytes(limitBytes)}${peakBytes > limitBytes ? ", over the limit" : ""}`;
  return `Memory of device ${device}: peak ${formatBytes(peakBytes)}${limit}`;
}

/** Index of the first step that ends after `ms`. */
function firstStepAfter(steps: readonly MemoryStep[], ms: number): number {
  let low = 0;
  let high = steps.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (steps[middle].endMs > ms) high = middle;
    else low = middle + 1;
  }
  return low;
}
