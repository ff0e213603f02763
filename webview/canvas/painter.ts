/** Draws lanes of slices; knows pixels and colours and nothing of the document. */
import { formatMs } from "../../src/timeline/layout/format";
import type { PlacedLane, Placement } from "../../src/timeline/layout/geometry";
import { labelsOf, type SliceKind } from "../../src/timeline/layout/kinds";
import type { Layout } from "../../src/timeline/layout/lanes";
import { visibleMarks, type Mark } from "../../src/timeline/layout/visible";
import type { Patterns } from "./patterns";
import type { Theme } from "./theme";

export interface Scene {
  readonly layouts: readonly Layout[];
  readonly placement: Placement;
  /** Pixels from ms, and back. */
  readonly x: { (ms: number): number; invert(pixel: number): number };
  readonly width: number;
  readonly height: number;
  /** Pixels of the lanes above the top edge. */
  readonly scrollTop: number;
}

export interface Brush {
  readonly context: CanvasRenderingContext2D;
  readonly theme: Theme;
  readonly patterns: Patterns;
}

const padding = 2;

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
  const size = Math.min(placed.lane.stream === "compute" ? 12 : 11, placed.rowHeight - 2);
  brush.context.font = `${size}px ${brush.theme.font}`;
  for (const [r, row] of placed.lane.rows.entries()) {
    const y = top + r * placed.rowHeight;
    for (const mark of visibleMarks(row, from, to, msPerPixel)) {
      const left = scene.x(mark.startMs);
      const right = scene.x(mark.endMs);
      paintBox(brush, mark.kind, left, y, Math.max(right - left, 1), placed.rowHeight);
      if (mark.count === 1) paintLabel(brush, mark, labelsIn(scene, placed, r, mark), Math.max(left, 0), Math.min(right, scene.width), y + placed.rowHeight / 2);
    }
  }
}

function labelsIn(scene: Scene, placed: PlacedLane, row: number, mark: Mark): readonly string[] {
  const slice = placed.lane.rows[row][mark.first];
  if (slice.index === undefined) return [`idle ${formatMs(slice.endMs - slice.startMs)}`, formatMs(slice.endMs - slice.startMs)];
  return labelsOf(scene.layouts[placed.layout].timeline.operations[slice.index], slice.servesNext);
}

/** One slice's box, with its pattern; wide ones are rounded and stand a hair apart. */
export function paintBox({ context, theme, patterns }: Brush, kind: SliceKind, x: number, y: number, width: number, height: number): void {
  const wide = width > 5;
  const inner = wide ? width - 1 : width;
  context.beginPath();
  if (wide && kind !== "idle") context.roundRect(x, y, inner, height, Math.min(3, height / 4));
  else context.rect(x, y, inner, height);
  if (kind !== "idle") {
    context.fillStyle = theme.kinds[kind].fill;
    context.fill();
  }
  const pattern = patterns[kind];
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

/** The fullest label that fits between the visible edges of its slice, on a ground that keeps it legible over a pattern. */
function paintLabel({ context, theme, patterns }: Brush, mark: Mark, labels: readonly string[], left: number, right: number, middle: number): void {
  const room = right - left - 2 * padding;
  if (room < 6) return;
  const label = labels.find((other) => context.measureText(other).width <= room);
  if (label === undefined) return;
  const ink = theme.kinds[mark.kind];
  const centre = (left + right) / 2;
  if (patterns[mark.kind]) {
    const measure = context.measureText(label);
    const height = measure.fontBoundingBoxAscent + measure.fontBoundingBoxDescent;
    context.fillStyle = ink.fill;
    context.beginPath();
    context.roundRect(centre - measure.width / 2 - 3, middle - height / 2, measure.width + 6, height, 3);
    context.fill();
  }
  context.fillStyle = ink.text;
  context.fillText(label, centre, middle + 0.5);
}
