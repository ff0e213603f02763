/** Lays a measured timeline of many iterations over a predicted one of few: one iteration is cut out and moved to the same zero. */
import type { Timeline, TimelineOperation } from "../../model/timeline";

export interface Aligned {
  /** One measured iteration on the predicted timeline's clock; `periodMs` and the other figures are those of the whole run. */
  readonly timeline: Timeline;
  /** Which iteration of the run it is. */
  readonly iteration: number;
  /** Measured period over predicted period, minus one. */
  readonly periodError: number;
}

interface Span {
  readonly iteration: number;
  readonly startMs: number;
  readonly endMs: number;
}

/**
 * The iteration whose length is the median one stands for the run; the first is left out where there are others, since it
 * warms up. Its window runs from its first trained operation to the next iteration's, so that the fills inside it stay with it.
 * Undefined when the measurement holds no trained operation.
 */
export function alignMeasured(predicted: Timeline, measured: Timeline): Aligned | undefined {
  const spans = iterationSpans(measured);
  const chosen = typicalSpan(spans);
  if (!chosen) return undefined;
  const shiftMs = (iterationSpans(predicted)[0]?.startMs ?? 0) - chosen.startMs;
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
  return {
    timeline: { ...measured, operations, criticalPath, makespanMs: chosen.endMs - chosen.startMs },
    iteration: chosen.iteration,
    periodError: predicted.periodMs > 0 ? measured.periodMs / predicted.periodMs - 1 : 0,
  };
}

/** Trained operations go by their iteration, frozen work and what carries it by when it ran. */
function belongs(operation: TimelineOperation, span: Span): boolean {
  if (operation.op !== "FILL" && operation.channel !== "encoding" && operation.channel !== "intermediate") return operation.iteration === span.iteration;
  const middle = (operation.startMs + operation.endMs) / 2;
  return middle >= span.startMs && middle < span.endMs;
}

/** Per iteration, from its first trained operation to the next iteration's first (or, for the last, to its own end). */
function iterationSpans(timeline: Timeline): Span[] {
  const bounds = new Map<number, { startMs: number; endMs: number }>();
  for (const { op, stream, iteration, startMs, endMs } of timeline.operations) {
    if (op === "FILL" || stream !== "compute") continue;
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

function typicalSpan(spans: readonly Span[]): Span | undefined {
  const settled = spans.length > 2 ? spans.slice(1, -1) : spans.slice(-1);
  const byLength = [...settled].sort((a, b) => a.endMs - a.startMs - (b.endMs - b.startMs));
  return byLength[Math.floor((byLength.length - 1) / 2)];
}
