/** Draws lanes of slices; knows pixels and colours and nothing of the document. */
import { formatMs } from "../../src/timeline/layout/format";
import { sliceOf, type PlacedLane, type Placement, type SlicePlace } from "../../src/timeline/layout/geometry";
import { labelsOf, sliceKinds, type SliceKind } from "../../src/timeline/layout/kinds";
import type { Layout, Slice } from "../../src/timeline/layout/lanes";
import { visibleMarks } from "../../src/timeline/layout/visible";
import { labelWidths } from "./labelWidths";
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
/** Wider slices stand a pixel apart. */
const apartPixels = 5;
/** Slices up to this wide are plain boxes on whole pixels: tens of thousands of them are drawn in a frame, and round corners take ten times as long. */
const plainPixels = 14;
/** A pattern is not to be told in less. */
const leastPatterned = 4;
/** In less room no label can be read. */
const leastRoom = 6;

interface Label {
  readonly kind: SliceKind;
  readonly text: string;
  readonly font: string;
  readonly width: number;
  readonly centre: number;
  readonly middle: number;
}

/** What is painted when all lanes have been walked. */
interface Plain {
  /** Boxes by kind, as x, y, width, height one after another, so that each colour is set once. */
  readonly boxes: Readonly<Record<SliceKind, number[]>>;
  readonly labels: Label[];
}

export function paintScene(brush: Brush, scene: Scene): void {
  const { context, theme } = brush;
  context.fillStyle = theme.background;
  context.fillRect(0, 0, scene.width, scene.height);
  context.textAlign = "center";
  context.textBaseline = "middle";
  const plain: Plain = { boxes: { forward: [], backward: [], fill: [], communication: [], optimizer: [], idle: [] }, labels: [] };
  for (const placed of scene.placement.lanes) {
    const y = placed.y - scene.scrollTop;
    if (y + placed.height < 0 || y > scene.height) continue;
    paintLane(brush, scene, placed, y, plain);
  }
  paintPlain(brush, plain.boxes);
  for (const label of plain.labels) paintLabel(brush, label);
}

function paintLane(brush: Brush, scene: Scene, placed: PlacedLane, top: number, plain: Plain): void {
  const from = scene.x.invert(0);
  const to = scene.x.invert(scene.width);
  const pixelsPerMs = scene.width / (to - from);
  const { rowHeight } = placed;
  const widest = brush.theme.outline ? apartPixels : plainPixels;
  for (const [r, row] of placed.lane.rows.entries()) {
    const y = top + r * rowHeight;
    /** Where the last plain box ends, and which kind it is: neighbours of a kind become one. */
    let open: SliceKind | undefined;
    let end = NaN;
    for (const mark of visibleMarks(row, from, to, 1 / pixelsPerMs)) {
      const left = (mark.startMs - from) * pixelsPerMs;
      const right = (mark.endMs - from) * pixelsPerMs;
      if (right - left > apartPixels) {
        open = undefined;
        const label = labelOf(brush, scene, placed, row[mark.first], left, right, y);
        if (label) plain.labels.push(label);
      }
      if (right - left > widest) {
        paintBox(brush, mark.kind, left, y, right - left, rowHeight);
        continue;
      }
      const boxes = plain.boxes[mark.kind];
      const start = Math.round(left);
      const stop = Math.max(Math.round(right) - (right - left > apartPixels ? 1 : 0), start + 1);
      if (open === mark.kind && start <= end) boxes[boxes.length - 2] += stop - end;
      else boxes.push(start, y, stop - start, rowHeight);
      open = right - left > apartPixels ? undefined : mark.kind;
      end = stop;
    }
  }
}

/** One slice by itself, over what is there. */
export function paintSlice(brush: Brush, scene: Scene, place: SlicePlace): void {
  const placed = scene.placement.lanes[place.lane];
  const slice = sliceOf(scene.placement, place);
  if (!slice) return;
  const [left, right, y] = [scene.x(slice.startMs), scene.x(slice.endMs), placed.y - scene.scrollTop + place.row * placed.rowHeight];
  paintBox(brush, slice.kind, left, y, Math.max(1, right - left), placed.rowHeight);
  const label = labelOf(brush, scene, placed, slice, left, right, y);
  if (label) paintLabel(brush, label);
}

/** The fullest label that fits between the visible edges of a slice. */
function labelOf({ context, theme }: Brush, scene: Scene, placed: PlacedLane, slice: Slice, left: number, right: number, y: number): Label | undefined {
  const [shownLeft, shownRight] = [Math.max(left, 0), Math.min(right, scene.width)];
  const room = shownRight - shownLeft - 2 * padding;
  if (room < leastRoom) return undefined;
  const font = `${Math.min(placed.lane.stream === "compute" ? 12 : 11, placed.rowHeight - 2)}px ${theme.font}`;
  const widthOf = labelWidths(context, font);
  const text = labelsIn(scene, placed, slice).find((other) => widthOf(other) <= room);
  return text === undefined ? undefined : { kind: slice.kind, text, font, width: widthOf(text), centre: (shownLeft + shownRight) / 2, middle: y + placed.rowHeight / 2 };
}

function labelsIn(scene: Scene, placed: PlacedLane, slice: Slice): readonly string[] {
  if (slice.index === undefined) return [`idle ${formatMs(slice.endMs - slice.startMs)}`, formatMs(slice.endMs - slice.startMs)];
  return labelsOf(scene.layouts[placed.layout].timeline.operations[slice.index], slice.servesNext);
}

function paintPlain({ context, theme, patterns }: Brush, boxes: Plain["boxes"]): void {
  const fill = (own: readonly number[], leastWidth: number) => {
    for (let i = 0; i < own.length; i += 4) if (own[i + 2] >= leastWidth) context.fillRect(own[i], own[i + 1], own[i + 2], own[i + 3]);
  };
  for (const kind of sliceKinds) {
    if (kind !== "idle") {
      context.fillStyle = theme.kinds[kind].fill;
      fill(boxes[kind], 0);
    }
    const pattern = patterns[kind];
    if (!pattern) continue;
    context.fillStyle = pattern;
    fill(boxes[kind], leastPatterned);
  }
}

/** One slice's box, with its pattern; wide ones are rounded and stand a hair apart. */
export function paintBox({ context, theme, patterns }: Brush, kind: SliceKind, x: number, y: number, width: number, height: number): void {
  const wide = width > apartPixels;
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

/** On a ground that keeps it legible over a pattern. */
function paintLabel({ context, theme, patterns }: Brush, { kind, text, font, width, centre, middle }: Label): void {
  const ink = theme.kinds[kind];
  context.font = font;
  if (patterns[kind]) {
    const { fontBoundingBoxAscent, fontBoundingBoxDescent } = context.measureText(text);
    const height = fontBoundingBoxAscent + fontBoundingBoxDescent;
    context.fillStyle = ink.fill;
    context.beginPath();
    context.roundRect(centre - width / 2 - 3, middle - height / 2, width + 6, height, 3);
    context.fill();
  }
  context.fillStyle = ink.text;
  context.fillText(text, centre, middle + 0.5);
}
