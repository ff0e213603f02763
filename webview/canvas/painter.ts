/** Draws lanes of slices; knows pixels and colours and nothing of the document. */
import { kindLooks, type Colouring, type Look } from "../../src/timeline/layout/colours";
import type { PlacedLane, Placement } from "../../src/timeline/layout/geometry";
import { isOfAnother } from "../../src/timeline/layout/iterations";
import { sliceLabels } from "../../src/timeline/layout/labels";
import type { Layout, Slice } from "../../src/timeline/layout/lanes";
import { visibleMarks } from "../../src/timeline/layout/visible";
import { paintMemory } from "./memoryPainter";
import type { Patterns } from "./patterns";
import { inkOf, type Theme } from "./theme";

export interface Scene {
  readonly layouts: readonly Layout[];
  readonly placement: Placement;
  /** Pixels from ms, and back. */
  readonly x: { (ms: number): number; invert(pixel: number): number };
  readonly width: number;
  readonly height: number;
  /** Pixels of the lanes above the top edge. */
  readonly scrollTop: number;
  readonly colouring: Colouring;
  /** Work of other iterations than this one of this layout stands back. */
  readonly emphasis?: { readonly layout: number; readonly iteration: number };
}

export interface Brush {
  readonly context: CanvasRenderingContext2D;
  readonly theme: Theme;
  readonly patterns: Patterns;
}

const padding = 2;
/** Slices narrower than this have no label. */
const least = 6 + 2 * padding;
/** How much is seen of what stands back. */
const backAlpha = 0.28;

export function paintScene(brush: Brush, scene: Scene): void {
  const { context, theme } = brush;
  context.fillStyle = theme.background;
  context.fillRect(0, 0, scene.width, scene.height);
  context.textAlign = "center";
  context.textBaseline = "middle";
  for (const placed of scene.placement.lanes) {
    const y = placed.y - scene.scrollTop;
    if (y + placed.height < 0 || y > scene.height) continue;
    paintLane(brush, scene, placed, y);
  }
}

function paintLane(brush: Brush, scene: Scene, placed: PlacedLane, top: number): void {
  const from = scene.x.invert(0);
  const to = scene.x.invert(scene.width);
  const msPerPixel = (to - from) / scene.width;
  if (placed.lane.memory) return paintMemory(brush, placed.lane.memory, scene, { top, height: placed.height });
  const size = Math.min(placed.lane.stream === "compute" ? 12 : 11, placed.rowHeight - 2);
  brush.context.font = `${size}px ${brush.theme.font}`;
  const { colouring, emphasis } = scene;
  const { timeline } = scene.layouts[placed.layout];
  const lookOf = (slice: Slice) => colouring.lookOf(slice, timeline);
  for (const [r, row] of placed.lane.rows.entries()) {
    const y = top + r * placed.rowHeight;
    for (const mark of visibleMarks(row, from, to, msPerPixel, lookOf)) {
      const left = scene.x(mark.startMs);
      const right = scene.x(mark.endMs);
      const slice = row[mark.typical];
      const look = lookOf(slice);
      if (emphasis) brush.context.globalAlpha = emphasis.layout === placed.layout && !isOfAnother(emphasis.iteration, slice, timeline.operations) ? 1 : backAlpha;
      const width = Math.max(right - left, 1);
      // Idle time among slices that share a pixel takes its share of the height, from below, and never nothing.
      const idleHeight = mark.count > 1 && mark.idleMs > 0 ? Math.max(1, (placed.rowHeight * mark.idleMs) / (mark.endMs - mark.startMs)) : 0;
      const height = placed.rowHeight - idleHeight;
      if (height > 0) paintBox(brush, look, left, y, width, height);
      if (idleHeight > 0) paintBox(brush, kindLooks.idle, left, y + height, width, idleHeight);
      const isLabelled = mark.count === 1 && width > least && paintLabel(brush, look, sliceLabels(slice, timeline), Math.max(left, 0), Math.min(right, scene.width), y + placed.rowHeight / 2);
      if (slice.kind === "backward" && !isLabelled && height > 0) paintFoot(brush, look, left, y, width, height);
    }
  }
  brush.context.globalAlpha = 1;
}

/** One slice's box, with its pattern; wide ones are rounded and stand a hair apart. */
export function paintBox({ context, theme, patterns }: Brush, look: Look, x: number, y: number, width: number, height: number): void {
  const wide = width > 5;
  const inner = wide ? width - 1 : width;
  const isIdle = look.ink === "idle";
  const ink = inkOf(theme, look.ink);
  context.beginPath();
  if (wide && !isIdle) context.roundRect(x, y, inner, height, Math.min(3, height / 4));
  else context.rect(x, y, inner, height);
  if (!isIdle) {
    context.fillStyle = ink.fill;
    context.fill();
  }
  const pattern = patterns(look.pattern, ink.line);
  if (pattern) {
    context.fillStyle = pattern;
    context.fill();
  }
  if (theme.outline && width > 3) {
    context.strokeStyle = theme.outline;
    context.lineWidth = 1;
    context.stroke();
  }
}

/** What tells a backward pass from a forward one where there is no room for a letter, whatever slices are coloured by. */
export function paintFoot({ context, theme }: Brush, look: Look, x: number, y: number, width: number, height: number): void {
  const inset = width > 5 ? 1 : 0;
  const foot = Math.min(3, height / 6);
  context.fillStyle = inkOf(theme, look.ink).text;
  context.fillRect(x + inset, y + height - foot - inset, Math.max(1, width - 3 * inset), foot);
}

/** The fullest label that fits between the visible edges of its slice, on a ground that keeps it legible over a pattern; false where none does. */
function paintLabel({ context, theme }: Brush, look: Look, labels: readonly string[], left: number, right: number, middle: number): boolean {
  const room = right - left - 2 * padding;
  if (room < least - 2 * padding) return false;
  const label = labels.find((other) => context.measureText(other).width <= room);
  if (label === undefined) return false;
  const ink = inkOf(theme, look.ink);
  const centre = (left + right) / 2;
  if (look.pattern !== "plain") {
    const measure = context.measureText(label);
    const height = measure.fontBoundingBoxAscent + measure.fontBoundingBoxDescent;
    context.fillStyle = ink.fill;
    context.beginPath();
    context.roundRect(centre - measure.width / 2 - 3, middle - height / 2, measure.width + 6, height, 3);
    context.fill();
  }
  context.fillStyle = ink.text;
  context.fillText(label, centre, middle + 0.5);
  return true;
}
