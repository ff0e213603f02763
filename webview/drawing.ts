/** Answers the host's wish for a picture of all that is shown. */
import type { ViewMessage } from "../src/protocol/messages";
import { formatChange, formatMs, formatPercent, formatThroughput } from "../src/timeline/layout/format";
import type { Layout } from "../src/timeline/layout/lanes";
import type { PeriodMark } from "./canvas/axis";
import { stillImage, type StillScene } from "./canvas/stillImage";
import type { LaneOptions } from "./canvas/timelineView";
import type { Picture } from "./session";

/** @param scene What is shown; undefined while there is nothing. */
export async function answerDrawing(id: number, scene: StillScene | undefined, post: (message: Extract<ViewMessage, { type: "drawn" }>) => void): Promise<void> {
  try {
    if (!scene) throw new Error("The plan has no picture.");
    post({ type: "drawn", id, png: await stillImage(scene) });
  } catch (error) {
    post({ type: "drawn", id, error: error instanceof Error ? error.message : String(error) });
  }
}

/** @param layouts Those that are shown: the prediction, and the measurement where it is not hidden. */
export function sceneOf({ name, predicted, measured }: Picture, layouts: readonly Layout[], marks: readonly PeriodMark[], lanes: LaneOptions): StillScene {
  const run = measured && layouts.length > 1 ? `; ${measured.name}: measured period ${formatMs(measured.timeline.periodMs)} (${formatChange(measured.periodError)})` : "";
  return {
    heading: `${name}: period ${formatMs(predicted.periodMs)}, bubble ratio ${formatPercent(predicted.bubbleRatio)}, ${formatThroughput(predicted.throughputPerSecond)} (predicted)${run}`,
    layouts, marks, lanes,
    extent: [Math.min(0, ...layouts.map((layout) => layout.startMs)), Math.max(...layouts.map((layout) => layout.endMs))],
  };
}
