/** What is written in a slice, from the fullest to the shortest; the drawing takes the first that fits. */
import type { Timeline, TimelineOperation } from "../../model/timeline";
import { formatMs } from "./format";
import { labelsOf, rangeText } from "./kinds";
import type { Slice } from "./lanes";
import type { Mark } from "./visible";

/** Passes with the range of their layers, frozen work with the iteration that it serves, idle time with its length. */
export function sliceLabels(slice: Slice, timeline: Timeline): readonly string[] {
  const operation = slice.index === undefined ? undefined : timeline.operations[slice.index];
  if (!operation) {
    const length = formatMs(slice.endMs - slice.startMs);
    return [`idle ${length}`, length];
  }
  const labels = labelsOf(operation);
  if (operation.op === "FILL") return fillLabels(operation, labels);
  return operation.layers && operation.microbatch !== undefined ? [`${labels[0]} · ${rangeText(operation.layers)}`, ...labels] : labels;
}

function fillLabels({ iteration, component = "frozen" }: TimelineOperation, labels: readonly string[]): readonly string[] {
  const mark = `→${iteration}`;
  const [fullest, ranged] = labels;
  return [`for iteration ${iteration} · ${fullest}`, `${mark} · ${fullest}`, `${mark} · ${ranged}`, `${mark} ${component}`, mark, "◇"];
}

/** What the tooltip says of slices that share a pixel: "one of 12 slices in 6.20 ms, of which 1.30 ms idle". */
export function crowdText({ count, startMs, endMs, idleMs }: Mark): string {
  const idle = idleMs > 0 ? `, of which ${formatMs(idleMs)} idle` : "";
  return `one of ${count} slices in ${formatMs(endMs - startMs)}${idle}`;
}
