/** The header: what the plan is worth, what it rests on, and how it stands against doing without it. */
import type { BaselineFigures } from "../../src/protocol/messages";
import { basisOf } from "../../src/timeline/layout/describe";
import { formatBytes, formatChange, formatMs, formatPercent, formatRatio, formatThroughput } from "../../src/timeline/layout/format";
import { element } from "../dom";
import type { Picture, Snapshot } from "../session";

interface Tile {
  readonly label: string;
  readonly value: string;
  readonly note?: string;
  /** Relative change against the document, and whether less of it is better. */
  readonly change?: { readonly ratio: number; readonly lessIsBetter: boolean };
  readonly tone?: "warning" | "good";
}

export function figurePanel(snapshot: Snapshot): HTMLElement {
  const { picture: committed } = snapshot;
  const picture = snapshot.preview ?? committed;
  const panel = element("header", { class: "figures" });
  if (!picture || !committed) return panel;
  panel.append(group("Plan", planTiles(picture, committed)), group("Speed-up over", baselineTiles(picture, snapshot)));
  return panel;
}

function group(label: string, tiles: readonly Tile[]): HTMLElement {
  return element("section", { class: "figure-group", "aria-label": label }, element("h2", { class: "figure-group-title" }, label), element("div", { class: "tiles" }, ...tiles.map(tileElement)));
}

function tileElement({ label, value, note, change, tone }: Tile): HTMLElement {
  const better = change && change.ratio !== 0 && change.ratio < 0 === change.lessIsBetter;
  return element("div", { class: `tile${tone ? ` tile-${tone}` : ""}` },
    element("div", { class: "tile-label" }, label),
    element("div", { class: "tile-value" }, value,
      change && Math.abs(change.ratio) >= 5e-5 ? element("span", { class: `tile-change ${better ? "better" : "worse"}` }, `${better ? "▲" : "▼"} ${formatChange(change.ratio)}`) : undefined),
    element("div", { class: "tile-note", title: note ?? "" }, note ?? ""),
  );
}

function planTiles(picture: Picture, committed: Picture): readonly Tile[] {
  const { predicted, measured } = picture;
  const before = committed.predicted;
  const isPreview = picture !== committed;
  const change = (now: number, then: number, lessIsBetter: boolean) => (isPreview && then > 0 ? { ratio: now / then - 1, lessIsBetter } : undefined);
  const basis = basisOf(predicted);
  return [
    { label: "Period", value: formatMs(predicted.periodMs), note: measured ? `measured ${formatMs(measured.timeline.periodMs)} (${formatChange(measured.periodError)})` : basis, change: change(predicted.periodMs, before.periodMs, true) },
    { label: "Throughput", value: formatThroughput(predicted.throughputPerSecond), note: measured ? `measured ${formatThroughput(measured.timeline.throughputPerSecond)}` : "predicted", change: change(predicted.throughputPerSecond, before.throughputPerSecond, false) },
    { label: "Bubble ratio", value: formatPercent(predicted.bubbleRatio), note: measured ? `measured ${formatPercent(measured.timeline.bubbleRatio)}` : "predicted: idle share of all devices", change: change(predicted.bubbleRatio, before.bubbleRatio, true) },
    memoryTile(picture, isPreview ? before.devices.reduce((most, device) => Math.max(most, device.peakMemoryBytes), 0) : undefined),
  ];
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
    note: `${over ? "does not fit: " : ""}of ${formatBytes(limits[device])}, device ${device}; estimate`,
    change: before ? { ratio: peak / before - 1, lessIsBetter: true } : undefined,
  };
}

function baselineTiles(picture: Picture, { baselines }: Snapshot): readonly Tile[] {
  if (!baselines) return ["DDP", "GPipe", "1F1B"].map((label) => ({ label, value: "…", note: "being planned" }));
  if (baselines.failed !== undefined) return [{ label: "Baselines", value: "–", note: baselines.failed }];
  return baselines.list.map((baseline) => baselineTile(baseline, picture.predicted.periodMs));
}

function baselineTile({ title, periodMs, fits, note }: BaselineFigures, ours: number): Tile {
  if (periodMs === undefined || ours <= 0) return { label: title, value: "–", note: note ?? "does not run" };
  if (fits === false) return { label: title, value: "–", note: note ?? "does not fit into memory" };
  const ratio = periodMs / ours;
  if (ratio < 0.995) return { label: title, value: formatRatio(ratio), note: `${title} is faster: ${formatMs(periodMs)}`, tone: "warning" };
  return { label: title, value: formatRatio(ratio), note: `${formatMs(periodMs)}, predicted`, tone: ratio > 1.005 ? "good" : undefined };
}
