/** Iterations side by side: where each gives way to the next, and which one frozen work is for. */
import type { Timeline, TimelineOperation } from "../../model/timeline";
import { isTrained, iterationCount, type Layout, type Slice } from "./lanes";

export const iterationChoices = [1, 2, 3] as const;

/** How many iterations are shown. */
export type ShownIterations = (typeof iterationChoices)[number];

export interface IterationStart {
  readonly ms: number;
  readonly iteration: number;
  /** False for the one after the last. */
  readonly isShown: boolean;
}

/** Starts of the iterations after the first, at whole periods; of a timeline that shows one only, the next one's. */
export function iterationStarts(timeline: Timeline): readonly IterationStart[] {
  const trained = timeline.operations.filter(isTrained);
  const first = trained.reduce((least, { iteration }) => Math.min(least, iteration), trained[0]?.iteration ?? 0);
  const count = iterationCount(timeline);
  return Array.from({ length: Math.max(1, count - 1) }, (_, i) => ({ ms: (i + 1) * timeline.periodMs, iteration: first + i + 1, isShown: i + 1 < count }));
}

/** The iteration that a fill is for, where its passes are there to be seen. */
export function servedIteration({ timeline }: Layout, slice: Slice): number | undefined {
  const operation = slice.index === undefined ? undefined : timeline.operations[slice.index];
  if (operation?.op !== "FILL") return undefined;
  const { iteration } = operation;
  return timeline.operations.some((other) => isTrained(other) && other.iteration === iteration) ? iteration : undefined;
}

/** Whether a slice stands back while the work of `iteration` is emphasised. */
export function isOfAnother(iteration: number, slice: Slice, operations: readonly TimelineOperation[]): boolean {
  return slice.index === undefined || operations[slice.index].iteration !== iteration;
}
