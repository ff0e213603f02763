/** Lays a measured timeline of many iterations over a predicted one of few: as many are cut out and moved to the same zero. */
import type { Timeline, TimelineOperation } from "../../model/timeline";
import { isTrained, iterationCount } from "./lanes";

export interface Aligned {
  /** Measured iterations on the predicted timeline's clock; `periodMs` and the other figures are those of the whole run. */
  readonly timeline: Timeline;
  /** The first iteration of the run that is shown, and how many are. */
  readonly iteration: number;
  readonly count: number;
  /** Measured period over predicted period, minus one. */
  readonly periodError: number;
}

interface Span {
  readonly iteration: number;
  readonly startMs: number;
  readonly endMs: number;
}

/**
 * Shows as many consecutive iterations as the prediction does: those whose length together is the median one stand for the
 * run. The first and the last are left out where there are others, since they warm up and drain. The cut runs from the first
 * trained operation to that of the iteration after, so that the fills inside it stay with it.
 * Undefined when the measurement holds no trained operation.
 */
export function alignMeasured(predicted: Timeline, measured: Timeline): Aligned | undefined {
  const spans = iterationSpans(measured);
  if (!spans.length) return undefined;
  const count = Math.min(iterationCount(predicted), spans.length);
  const chosen = typicalRun(spans, count);
  const shiftMs = (iterationSpans(predicted)[0]?.startMs ?? 0) - chosen[0].startMs;
  const kept = new Map<number, number>();
  const inside = measured.operations.flatMap((operation, index) => {
    if (!belongs(operation, chosen)) return [];
    kept.set(index, kept.size);
    return [operation];
  });
  const operations = inside.map((operation) => ({
    ...operation,
    startMs: operation.startMs + shiftMs,
    endMs: operation.endMs + shiftMs,
    deps: operation.deps.flatMap((dep) => kept.get(dep) ?? []),
  }));
  const criticalPath = measured.criticalPath.flatMap((index) => kept.get(index) ?? []);
  const devices = measured.devices.map((device) => (device.memory ? { ...device, memory: device.memory.map(([ms, bytes]) => [ms + shiftMs, bytes] as const) } : device));
  return {
    timeline: { ...measured, devices, operations, criticalPath },
    iteration: chosen[0].iteration,
    count,
    periodError: predicted.periodMs > 0 ? measured.periodMs / predicted.periodMs - 1 : 0,
  };
}

/** Trained operations go by their iteration, frozen work and what carries it by when it ran. */
function belongs(operation: TimelineOperation, spans: readonly Span[]): boolean {
  const first = spans[0];
  const last = spans[spans.length - 1];
  if (operation.op !== "FILL" && operation.channel !== "encoding" && operation.channel !== "intermediate") return operation.iteration >= first.iteration && operation.iteration <= last.iteration;
  const middle = (operation.startMs + operation.endMs) / 2;
  return middle >= first.startMs && middle < last.endMs;
}

/** Per iteration, from its first trained operation to the next iteration's first (or, for the last, to its own end). */
function iterationSpans(timeline: Timeline): Span[] {
  const bounds = new Map<number, { startMs: number; endMs: number }>();
  for (const operation of timeline.operations) {
    if (!isTrained(operation)) continue;
    const { iteration, startMs, endMs } = operation;
    const bound = bounds.get(iteration);
    if (!bound) bounds.set(iteration, { startMs, endMs });
    else {
      bound.startMs = Math.min(bound.startMs, startMs);
      bound.endMs = Math.max(bound.endMs, endMs);
    }
  }
  const inOrder = [...bounds].sort(([a], [b]) => a - b);
  return inOrder.map(([iteration, { startMs, endMs }], i) => ({ iteration, startMs, endMs: i + 1 < inOrder.length ? Math.max(inOrder[i + 1][1].startMs, startMs) : endMs }));
}

/** `count` neighbouring spans of median length together. */
function typicalRun(spans: readonly Span[], count: number): readonly Span[] {
  const settled = spans.length >= count + 2 ? spans.slice(1, -1) : spans.length > count ? spans.slice(1) : spans;
  const runs = Array.from({ length: settled.length - count + 1 }, (_, first) => settled.slice(first, first + count));
  const length = (run: readonly Span[]) => run[run.length - 1].endMs - run[0].startMs;
  runs.sort((a, b) => length(a) - length(b));
  return runs[Math.floor((runs.length - 1) / 2)];
}
