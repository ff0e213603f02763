/** The header: what the plan is worth, what it rests on, and how it stands against its bound, its former self, the planner's best and doing without it. */
import type { Figures } from "../../src/protocol/judging";
import type { BaselineFigures } from "../../src/protocol/messages";
import { basisOf } from "../../src/timeline/layout/describe";
import { formatBytes, formatChange, formatMs, formatPercent, formatRatio, formatThroughput } from "../../src/timeline/layout/format";
import { meanPeriodMs, peakBytesOf } from "../../src/timeline/layout/wholeFigures";
import { element } from "../dom";
import type { Picture, Snapshot } from "../session";
import { tileGroup, type Tile } from "./tiles";

export function figurePanel(snapshot: Snapshot): HTMLElement {
  const { picture: committed } = snapshot;
  const picture = snapshot.preview ?? committed;
  const panel = element("header", { class: "figures" }, element("h1", { class: "visually-hidden" }, "Timeline"));
  if (!picture || !committed) return panel;
  panel.append(
    tileGroup("Plan, predicted", [...planTiles(picture, committed), boundTile(picture, snapshot)]),
    tileGroup("Period against", [savedTile(picture, committed, snapshot), bestTile(picture, snapshot)]),
    tileGroup("Speed-up over, predicted", baselineTiles(picture, snapshot)),
  );
  return panel;
}

function planTiles(picture: Picture, committed: Picture): readonly Tile[] {
  const { predicted, measured } = picture;
  const before = committed.predicted;
  const isPreview = picture !== committed;
  const change = (now: number, then: number, lessIsBetter: boolean) => (isPreview ? relativeChange(now, then, lessIsBetter) : undefined);
  const points = (now: number | undefined, then: number | undefined) => (isPreview && now !== undefined && then !== undefined ? pointChange(now - then) : undefined);
  return [
    { label: "Period", value: formatMs(predicted.periodMs), note: measured ? `measured ${formatMs(measured.timeline.periodMs)} (${formatChange(measured.periodError)})` : basisOf(predicted), change: change(predicted.periodMs, before.periodMs, true) },
    { label: "Throughput", value: formatThroughput(predicted.throughputPerSecond), note: measured ? `measured ${formatThroughput(measured.timeline.throughputPerSecond)}` : `global batch ${picture.plan.batch.global}`, change: change(predicted.throughputPerSecond, before.throughputPerSecond, false) },
    { label: "Bubble ratio", value: formatPercent(predicted.bubbleRatio), note: measured ? `measured ${formatPercent(measured.timeline.bubbleRatio)}` : "idle device time", change: points(predicted.bubbleRatio, before.bubbleRatio) },
    { label: "Waste", value: predicted.waste === undefined ? "–" : formatPercent(predicted.waste), note: measured?.timeline.waste === undefined ? "idle or slower than best" : `measured ${formatPercent(measured.timeline.waste)}`, hover: "Share of device time that is not work at each layer's best measured efficiency: slow fills hide bubbles, and are counted here", change: points(predicted.waste, before.waste) },
    memoryTile(picture, isPreview ? peakBytesOf(before) : undefined),
  ];
}

/** How far the period is above what no filling of these passes beats. */
function boundTile(picture: Picture, { preview, previewBoundMs, standing }: Snapshot): Tile {
  const boundMs = preview ? previewBoundMs : standing?.boundMs;
  const isWaiting = boundMs === undefined && (preview !== undefined || standing === undefined);
  const own = { label: "Gap to bound", hover: "No filling of this plan's passes is faster than the bound: the passes alone, and all computing shared out evenly" };
  if (boundMs === undefined || boundMs <= 0) return { ...own, value: isWaiting ? "…" : "–", note: isWaiting ? "being worked out" : "there is none" };
  return { ...own, value: formatChange(Math.max(0, meanPeriodMs(picture.predicted) / boundMs - 1)), note: `bound ${formatMs(boundMs)}` };
}

/** Without unsaved changes, what was saved is the document: a change that is tried is seen against that. */
function savedTile(picture: Picture, committed: Picture, { standing }: Snapshot): Tile {
  const label = "Last save";
  if (!standing) return { label, value: "…" };
  if (standing.saved) return againstTile(label, picture, standing.saved, "saved");
  return picture === committed ? { label, value: "–", note: "no unsaved change" } : againstTile(label, picture, { periodMs: meanPeriodMs(committed.predicted) }, "saved");
}

function bestTile(picture: Picture, { standing }: Snapshot): Tile {
  const label = "Planner’s best";
  if (!standing) return { label, value: "…" };
  return standing.best ? againstTile(label, picture, standing.best, "best") : { label, value: "–", note: "not searched yet" };
}

function againstTile(label: string, picture: Picture, { periodMs }: Pick<Figures, "periodMs">, name: string): Tile {
  const ratio = periodMs > 0 ? meanPeriodMs(picture.predicted) / periodMs - 1 : 0;
  const how = Math.abs(ratio) < 5e-4 ? "equal to" : ratio > 0 ? "slower than" : "faster than";
  return { label, value: formatChange(ratio), note: `${how} ${name} ${formatMs(periodMs)}`, ...(ratio >= 5e-3 && { tone: "warning" as const }) };
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
  return baselines.list.map((baseline) => baselineTile(baseline, meanPeriodMs(picture.predicted)));
}

function baselineTile({ title, periodMs, note }: BaselineFigures, ours: number): Tile {
  if (periodMs === undefined || ours <= 0) return { label: title, value: "–", note };
  const ratio = periodMs / ours;
  if (ratio < 0.995) return { label: title, value: formatRatio(ratio), note: `is faster: ${formatMs(periodMs)}`, hover: note, tone: "warning" };
  return { label: title, value: formatRatio(ratio), note: formatMs(periodMs), hover: note };
}
