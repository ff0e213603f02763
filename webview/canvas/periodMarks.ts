/** The marks of periods on the time axis. */
import { formatMs } from "../../src/timeline/layout/format";
import { iterationStarts } from "../../src/timeline/layout/iterations";
import type { Picture } from "../session";
import type { PeriodMark } from "./axis";

/** Where each iteration of the prediction gives way to the next, and the same for the measured ones. */
export function periodMarks({ predicted, measured, other }: Picture, showMeasured: boolean): readonly PeriodMark[] {
  const isAlone = !other && !(measured && showMeasured);
  // The labels of two predictions stand on the outer sides of their lines.
  const isLonger = other !== undefined && predicted.periodMs > other.timeline.periodMs;
  const own = iterationStarts(predicted).map(({ ms, iteration, isShown }, i): PeriodMark => ({
    ms, kind: "predicted", side: isLonger ? "after" : "before",
    ...(i === 0 && { label: `period ${formatMs(predicted.periodMs)}` }),
    ...(isAlone && { after: isShown ? `iteration ${iteration}` : `iteration ${iteration}, not shown` }),
  }));
  const marks: readonly PeriodMark[] = [...own, ...(other ? [{ ms: other.timeline.periodMs, label: `${other.name} ${formatMs(other.timeline.periodMs)}`, kind: "other" as const, side: isLonger ? ("before" as const) : ("after" as const) }] : [])];
  return measured && showMeasured ? [...marks, { ms: measured.timeline.periodMs, label: `measured ${formatMs(measured.timeline.periodMs)}`, kind: "measured" as const }] : marks;
}
