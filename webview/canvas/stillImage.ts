/** The whole timeline as one image, twice as fine as a plain screen, painted by the brush that paints the view. */
import { scaleLinear } from "d3";
import type { Colouring } from "../../src/timeline/layout/colours";
import { kindName } from "../../src/timeline/layout/describe";
import { formatTick } from "../../src/timeline/layout/format";
import { placeLanes, type Heights, type Placement } from "../../src/timeline/layout/geometry";
import type { Layout } from "../../src/timeline/layout/lanes";
import { element } from "../dom";
import type { Domain } from "../input/zoom";
import type { PeriodMark } from "./axis";
import { paintBox, type Brush } from "./boxes";
import { paintScene } from "./painter";
import { makePatterns } from "./patterns";
import { readTheme } from "./theme";
import type { LaneOptions } from "./timelineView";

export interface StillScene {
  readonly heading: string;
  readonly layouts: readonly Layout[];
  readonly marks: readonly PeriodMark[];
  readonly lanes: LaneOptions;
  /** What of time is drawn, in ms. */
  readonly extent: Domain;
}

const pixelRatio = 2;
const width = 1400;
const gutter = 148;
const margin = 14;
/** Heading, legend, flags and axis. */
const top = 104;
/** No side of a canvas may be longer, in device pixels. */
const longest = 16_384;

/** @returns The PNG as base64. @throws Error where it would be too tall to be drawn. */
export async function stillImage(scene: StillScene): Promise<string> {
  const placement = placeLanes(scene.layouts, heightsFor(scene.layouts), scene.lanes.arrangement);
  const height = top + placement.height + margin;
  if (height * pixelRatio > longest) throw new Error("There are too many devices for one image. Export as SVG, which has no limit.");
  const canvas = element("canvas", { width: width * pixelRatio, height: Math.ceil(height * pixelRatio) });
  const context = canvas.getContext("2d", { alpha: false });
  if (!context) throw new Error("The browser gave no canvas to draw on.");
  context.scale(pixelRatio, pixelRatio);
  const theme = readTheme();
  const brush: Brush = { context, theme, patterns: makePatterns(pixelRatio) };
  context.fillStyle = theme.background;
  context.fillRect(0, 0, width, height);
  write(brush, scene.heading, margin, 26, { font: `600 16px ${theme.font}`, room: width - 2 * margin });
  paintLegend(brush, scene.lanes.colouring, 50);
  const x = scaleLinear(scene.extent, [0, width - gutter - margin]);
  paintLanes(brush, scene, placement, x);
  paintAxis(brush, x, scene.marks.map(({ ms }) => gutter + x(ms)));
  paintMarks(brush, scene.marks, x, placement.height);
  paintGutter(brush, scene.layouts, placement);
  return base64(await blobOf(canvas));
}

function heightsFor(layouts: readonly Layout[]): Heights {
  const devices = Math.max(1, ...layouts.map((layout) => layout.timeline.devices.length));
  return { compute: devices > 32 ? 24 : layouts.length > 1 ? 30 : 44, communication: 14, gap: 2, deviceGap: devices > 32 ? 6 : 14 };
}

function paintLanes({ context, theme, patterns }: Brush, { layouts, lanes: { colouring } }: StillScene, placement: Placement, x: ReturnType<typeof scaleLinear<number, number>>): void {
  context.save();
  context.translate(gutter, top);
  context.beginPath();
  context.rect(0, 0, width - gutter - margin, placement.height);
  context.clip();
  paintScene({ context, theme, patterns }, { layouts, placement, x, width: width - gutter - margin, height: placement.height, scrollTop: 0, colouring });
  context.restore();
}

/** Labels stay inside, and give way where a mark would cross them. */
function paintAxis(brush: Brush, x: ReturnType<typeof scaleLinear<number, number>>, marks: readonly number[]): void {
  const { context, theme } = brush;
  const ticks = x.ticks(12);
  const stepMs = ticks.length > 1 ? ticks[1] - ticks[0] : 1;
  context.font = `12px ${theme.font}`;
  for (const tick of ticks) {
    const label = formatTick(tick, stepMs);
    const half = context.measureText(label).width / 2;
    const at = gutter + x(tick);
    const middle = Math.min(at, width - 4 - half);
    context.fillStyle = theme.faint;
    context.fillRect(at - 0.5, top - 9, 1, 5);
    if (marks.every((mark) => Math.abs(mark - middle) > half + 3)) write(brush, label, middle, top - 17, { align: "center", colour: theme.faint });
  }
}

/** Lines where periods end, each with what it is called. */
function paintMarks(brush: Brush, marks: readonly PeriodMark[], x: (ms: number) => number, height: number): void {
  const { context, theme } = brush;
  for (const { ms, label, kind, side = kind === "predicted" ? "before" : "after" } of marks) {
    const at = gutter + x(ms);
    if (at < gutter || at > width - margin) continue;
    context.save();
    context.strokeStyle = theme.foreground;
    context.setLineDash(kind === "measured" ? [4, 3] : []);
    context.beginPath();
    context.moveTo(at, top - 36);
    context.lineTo(at, top + height);
    context.stroke();
    context.restore();
    if (label !== undefined) write(brush, label, side === "after" ? at + 5 : at - 5, top - 33, { align: side === "after" ? "left" : "right" });
  }
}

function paintGutter(brush: Brush, layouts: readonly Layout[], placement: Placement): void {
  const { theme } = brush;
  for (const { device, group, y, height } of placement.devices) {
    write(brush, group?.isFolded ? `Device ${device} (of ${group.devices.length} replicas)` : `Device ${device}`, margin, top + y + 10, { font: `600 12px ${theme.font}` });
    if (height > 26) write(brush, kindName(layouts[0].timeline, device), margin, top + y + 27, { colour: theme.faint, room: gutter - margin - 24 });
  }
  for (const { lane, layout, y, height } of placement.lanes) {
    const text = lane.stream === "communication" ? "⇄" : lane.stream === "memory" ? "mem" : layouts.length > 1 ? (layouts[layout].name ?? lane.source) : "";
    write(brush, text, gutter - 8, top + y + height / 2, { align: "right", colour: theme.faint, font: `10px ${theme.font}` });
  }
}

function paintLegend(brush: Brush, { legend }: Colouring, middle: number): void {
  let x = margin;
  for (const look of legend) {
    paintBox(brush, look, x, middle - 7, 24, 14);
    const wide = write(brush, look.title, x + 31, middle, {});
    x += 31 + wide + 20;
  }
}

interface Writing {
  readonly font?: string;
  readonly colour?: string;
  readonly align?: CanvasTextAlign;
  /** Text that is longer is cut, with an ellipsis. */
  readonly room?: number;
}

/** @returns How wide it is, in pixels. */
function write({ context, theme }: Brush, text: string, x: number, y: number, { font = `12px ${theme.font}`, colour = theme.foreground, align = "left", room = Infinity }: Writing): number {
  context.font = font;
  context.fillStyle = colour;
  context.textAlign = align;
  context.textBaseline = "middle";
  let shown = text;
  while (shown.length > 1 && context.measureText(shown).width > room) shown = `${shown.slice(0, -2).trimEnd()}…`;
  context.fillText(shown, x, y);
  return context.measureText(shown).width;
}

function blobOf(canvas: HTMLCanvasElement): Promise<Blob> {
  return new Promise((resolve, reject) => canvas.toBlob((blob) => (blob ? resolve(blob) : reject(new Error("The browser could not make a PNG of this size.")))));
}

function base64(blob: Blob): Promise<string> {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.addEventListener("load", () => resolve(String(reader.result).split(",")[1] ?? ""));
    reader.addEventListener("error", () => reject(new Error("The picture could not be read back.")));
    reader.readAsDataURL(blob);
  });
}
