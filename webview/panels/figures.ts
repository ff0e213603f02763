/** The header: what the plan is worth, what it rests on, and how it stands against doing without it. */
import type { BaselineFigures } from "../../src/protocol/messages";
import { basisOf } from "../../src/timeline/layout/describe";
import { formatBytes, formatChange, formatMs, formatPercent, formatRatio, formatThroughput } from "../../src/timeline/layout/format";
import { element } from "../dom";
import type { Picture, Snapshot } from "../session";
import { tileGroup, type Tile } from "./tiles";

export function figurePanel(snapshot: Snapshot): HTMLElement {
  const { picture: committed } = snapshot;
  const picture = snapshot.preview ?? committed;
  const panel = element("header", { class: "figures" }, element("h1", { class: "visually-hidden" }, "Timeline"));
  if (!picture || !committed) return panel;
  panel.append(tileGroup("Plan, predicted", planTiles(picture, committed)), tileGroup("Speed-up over, predicted", baselineTiles(picture, snapshot)));
  return panel;
}

function planTiles(picture: Picture, committed: Picture): readonly Tile[] {
  const { predicted, measured } = picture;
  const before = committed.predicted;
  const isPreview = picture !== committed;
  const change = (now: number, then: number, lessIsBetter: boolean) => (isPreview ? relativeChange(now, then, lessIsBetter) : undefined);
  return [
    { label: "Period", value: formatMs(predicted.periodMs), note: measured ? `measured ${formatMs(measured.timeline.periodMs)} (${formatChange(measured.periodError)})` : basisOf(predicted), change: change(predicted.periodMs, before.periodMs, true) },
    { label: "Throughput", value: formatThroughput(predicted.throughputPerSecond), note: measured ? `measured ${formatThroughput(measured.timeline.throughputPerSecond)}` : `global batch ${picture.plan.batch.global}`, change: change(predicted.throughputPerSecond, before.throughputPerSecond, false) },
    { label: "Bubble ratio", value: formatPercent(predicted.bubbleRatio), note: measured ? `measured ${formatPercent(measured.timeline.bubbleRatio)}` : predicted.waste === undefined ? "idle share of devices" : `waste ${formatPercent(predicted.waste)}`, change: isPreview ? pointChange(predicted.bubbleRatio - before.bubbleRatio) : undefined },
    memoryTile(picture, isPreview ? before.devices.reduce((most, device) => Math.max(most, device.peakMemoryBytes), 0) : undefined),
  ];
}

function relativeChange(now: number, then: number, lessIsBetter: boolean): Tile["change"] {
  const ratio = then > 0 ? now / then - 1 : 0;
  return Math.abs(ratio) < 5e-4 ? undefined : { text: formatChange(ratio), better: ratio < 0 === lessIsBetter };
}

/** A change of a share, in percentage points; less is better. */
function pointChange(difference: number): Tile["change"] {
  return Math.abs(difference) < 5e-4 ? undefined : { text: `${difference < 0 ? "−" : "+"}${(Math.abs(difference) * 100).toFixed(1)} points`, better: difference < 0 };
}

/** The device that comes nearest to its limit. */
function memoryTile({ predicted, context }: Picture, before: number | undefined): Tile {
  const limits = context.devices.map((device) => device.kind.memoryBytes - (context.cluster.reservedBytes ?? 0));
  const fullness = (device: number) => predicted.devices[device].peakMemoryBytes / (limits[device] || Infinity);
  const device = predicted.devices.reduce((worst, _, index) => (fullness(index) > fullness(worst) ? index : worst), 0);
  const peak = predicted.devices[device].peakMemoryBytes;
  const over = fullness(device) > 1;
  return {
    label: "Peak memory", value: formatBytes(peak), tone: over ? "warning" : undefined,
    note: `${over ? "does not fit: " : ""}of ${formatBytes(limits[device])}, device ${device}`,
    change: before ? relativeChange(peak, before, true) : undefined,
  };
}

function baselineTiles(picture: Picture, { baselines }: Snapshot): readonly Tile[] {
  if (!baselines) return ["DDP", "GPipe", "1F1B"].map((label) => ({ label, value: "…", note: "being planned" }));
  if (baselines.failed !== undefined) return [{ label: "Baselines", value: "–", note: baselines.failed }];
  return baselines.list.map((baseline) => baselineTile(baseline, picture.predicted.periodMs));
}

function baselineTile({ title, periodMs, note }: BaselineFigures, ours: number): Tile {
  if (periodMs === undefined || ours <= 0) return { label: title, value: "–", note };
  const ratio = periodMs / ours;
  if (ratio < 0.995) return { label: title, value: formatRatio(ratio), note: `is faster: ${formatMs(periodMs)}`, hover: note, tone: "warning" };
  return { label: title, value: formatRatio(ratio), note: formatMs(periodMs), hover: note };
}
