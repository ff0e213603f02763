/** Draws lanes of slices; knows pixels and colours and nothing of the document. */
import { formatMs } from "../../src/timeline/layout/format";
import { sliceOf, type PlacedLane, type Placement, type SlicePlace } from "../../src/timeline/layout/geometry";
import { labelsOf, sliceKinds, type SliceKind } from "../../src/timeline/layout/kinds";
import type { Layout, Slice } from "../../src/timeline/layout/lanes";
import { visibleMarks } from "../../src/timeline/layout/visible";
import { labelWidths } from "./labelWidths";
import type { Patterns } from "./patterns";
import { pixelOf, Strips } from "./strips";
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
  /** Device pixels to one of CSS. */
  readonly pixelRatio: number;
}

const padding = 2;
/** Wider slices stand a pixel apart; others are plain boxes on whole pixels, of which a frame can have tens of thousands. */
const apartPixels = 5;
/** Slices up to this wide are plain boxes where there are many: round corners take ten times as long. */
const plainPixels = 30;
const manySlices = 400;
/** A pattern is not to be told in less. */
const leastPatterned = 4;
/** In less room no label can be read. */
const leastRoom = 6;
const strips = new Strips();

interface Label {
  readonly kind: SliceKind;
  readonly text: string;
  readonly font: string;
  readonly width: number;
  readonly centre: number;
  readonly middle: number;
}

/** Slices that stand apart, and labels, are painted when all lanes have been walked and it is known how many they are. */
interface Plain {
  /** Colours of narrow slices. */
  readonly pixels: Readonly<Record<SliceKind, number>>;
  /** Boxes by kind, as x, y, width, height one after another, so that each colour is set once. */
  readonly boxes: Readonly<Record<SliceKind, number[]>>;
  /** Stretches of narrow slices of one kind in which its pattern can be told, in the same way. */
  readonly patterned: Readonly<Record<SliceKind, number[]>>;
  readonly apart: { readonly kind: SliceKind; readonly left: number; readonly y: number; readonly width: number; readonly height: number }[];
  readonly labels: Label[];
}

export function paintScene(brush: Brush, scene: Scene): void {
  const { context, theme } = brush;
  context.fillStyle = theme.background;
  context.fillRect(0, 0, scene.width, scene.height);
  context.textAlign = "center";
  context.textBaseline = "middle";
  const plain: Plain = { pixels: inksOf(theme), boxes: byKind(), patterned: byKind(), apart: [], labels: [] };
  strips.begin(Math.round(scene.width * brush.pixelRatio));
  for (const placed of scene.placement.lanes) {
    const y = placed.y - scene.scrollTop;
    if (y + placed.height < 0 || y > scene.height) continue;
    paintLane(brush, scene, placed, y, plain);
  }
  const isFull = plain.apart.length > manySlices && !theme.outline;
  for (const { kind, left, y, width, height } of plain.apart) {
    if (isFull && width <= plainPixels) plain.boxes[kind].push(Math.round(left), y, Math.round(left + width) - Math.round(left) - 1, height);
    else paintBox(brush, kind, left, y, width, height);
  }
  strips.paint(context, scene.width);
  paintPlain(brush, plain);
  for (const label of plain.labels) paintLabel(brush, label);
}

function inksOf({ kinds }: Theme): Record<SliceKind, number> {
  return Object.fromEntries(sliceKinds.map((kind) => [kind, pixelOf(kinds[kind].fill)])) as Record<SliceKind, number>;
}

function byKind(): Record<SliceKind, number[]> {
  return { forward: [], backward: [], fill: [], communication: [], optimizer: [], idle: [] };
}

function paintLane(brush: Brush, scene: Scene, placed: PlacedLane, top: number, plain: Plain): void {
  const { patterns, pixelRatio } = brush;
  const from = scene.x.invert(0);
  const to = scene.x.invert(scene.width);
  const pixelsPerMs = scene.width / (to - from);
  const { rowHeight } = placed;
  for (const [r, row] of placed.lane.rows.entries()) {
    const y = top + r * rowHeight;
    strips.line(y, rowHeight);
    /** Neighbours of one kind: their pattern may be told where that of each could not. */
    const run = { kind: undefined as SliceKind | undefined, from: 0, to: 0 };
    const endRun = () => {
      if (run.kind && patterns[run.kind] && run.to - run.from >= leastPatterned) plain.patterned[run.kind].push(run.from, y, run.to - run.from, rowHeight);
      run.kind = undefined;
    };
    for (const { kind, startMs, endMs, first } of visibleMarks(row, from, to, 1 / pixelsPerMs)) {
      const left = (startMs - from) * pixelsPerMs;
      const right = (endMs - from) * pixelsPerMs;
      if (right - left > apartPixels) {
        endRun();
        plain.apart.push({ kind, left, y, width: right - left, height: rowHeight });
        const label = labelOf(brush, scene, placed, row[first], left, right, y);
        if (label) plain.labels.push(label);
        continue;
      }
      if (kind !== "idle") {
        const start = Math.round(left * pixelRatio);
        strips.set(start, Math.max(Math.round(right * pixelRatio), start + 1), plain.pixels[kind]);
      }
      if (run.kind !== kind || left > run.to + 1) {
        endRun();
        run.kind = kind;
        run.from = left;
      }
      run.to = right;
    }
    endRun();
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

function paintPlain({ context, theme, patterns }: Brush, { boxes, patterned }: Plain): void {
  const fill = (own: readonly number[]) => {
    for (let i = 0; i < own.length; i += 4) context.fillRect(own[i], own[i + 1], own[i + 2], own[i + 3]);
  };
  for (const kind of sliceKinds) {
    if (kind !== "idle") {
      context.fillStyle = theme.kinds[kind].fill;
      fill(boxes[kind]);
    }
    const pattern = patterns[kind];
    if (!pattern) continue;
    context.fillStyle = pattern;
    fill(boxes[kind]);
    fill(patterned[kind]);
  }
}

/** One slice's box, with its pattern; wide ones are rounded and stand a hair apart. */
export function paintBox({ context, theme, patterns }: Omit<Brush, "pixelRatio">, kind: SliceKind, x: number, y: number, width: number, height: number): void {
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
