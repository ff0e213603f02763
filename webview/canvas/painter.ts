/** Draws lanes of slices; knows pixels and colours and nothing of the document. */
import { kindLooks, type Colouring, type Look } from "../../src/timeline/layout/colours";
import { sliceOf, type PlacedLane, type Placement, type SlicePlace } from "../../src/timeline/layout/geometry";
import { isOfAnother } from "../../src/timeline/layout/iterations";
import { sliceLabels } from "../../src/timeline/layout/labels";
import type { Layout, Slice } from "../../src/timeline/layout/lanes";
import { visibleMarks } from "../../src/timeline/layout/visible";
import { labelWidths } from "./labelWidths";
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
/** Wider slices stand a pixel apart. */
const apartPixels = 5;
/** Slices up to this wide are plain boxes on whole pixels: tens of thousands of them are drawn in a frame, and round corners take ten times as long. */
const plainPixels = 14;
/** A pattern is not to be told in less. */
const leastPatterned = 4;
/** In less room no label can be read. */
const leastRoom = 6;
/** How much is seen of what stands back. */
const backAlpha = 0.28;

interface Label {
  readonly look: Look;
  readonly isBack: boolean;
  readonly text: string;
  readonly font: string;
  readonly width: number;
  readonly centre: number;
  readonly middle: number;
}

/** Boxes as x, y, width, height one after another, so that each colour is set once. */
interface Boxes {
  readonly front: number[];
  /** Of what stands back. */
  readonly back: number[];
}

/** What is painted when all lanes have been walked. */
interface Plain {
  readonly boxes: Map<Look, Boxes>;
  /** Of backward passes without a letter, over their boxes. */
  readonly feet: Map<Look, Boxes>;
  readonly labels: Label[];
}

export function paintScene(brush: Brush, scene: Scene): void {
  const { context, theme } = brush;
  context.fillStyle = theme.background;
  context.fillRect(0, 0, scene.width, scene.height);
  context.textAlign = "center";
  context.textBaseline = "middle";
  const plain: Plain = { boxes: new Map(), feet: new Map(), labels: [] };
  for (const placed of scene.placement.lanes) {
    const y = placed.y - scene.scrollTop;
    if (y + placed.height < 0 || y > scene.height) continue;
    paintLane(brush, scene, placed, y, plain);
  }
  paintPlain(brush, plain.boxes);
  paintFeet(brush, plain.feet);
  for (const label of plain.labels) paintLabel(brush, label);
  context.globalAlpha = 1;
}

function paintLane(brush: Brush, scene: Scene, placed: PlacedLane, top: number, plain: Plain): void {
  const from = scene.x.invert(0);
  const to = scene.x.invert(scene.width);
  if (placed.lane.memory) return paintMemory(brush, placed.lane.memory, scene, { top, height: placed.height });
  const pixelsPerMs = scene.width / (to - from);
  const { rowHeight } = placed;
  const foot = footHeight(rowHeight);
  const widest = brush.theme.outline ? apartPixels : plainPixels;
  const lookOf = looksIn(scene, placed);
  for (const [r, row] of placed.lane.rows.entries()) {
    const y = top + r * rowHeight;
    const rows = [new BoxRow(plain.boxes), new BoxRow(plain.boxes)] as const;
    const feet = new BoxRow(plain.feet);
    for (const mark of visibleMarks(row, from, to, 1 / pixelsPerMs, lookOf)) {
      const left = (mark.startMs - from) * pixelsPerMs;
      const right = (mark.endMs - from) * pixelsPerMs;
      const slice = row[mark.typical];
      const isBack = standsBack(scene, placed, slice);
      const label = right - left > apartPixels && mark.count === 1 ? labelOf(brush, scene, placed, slice, left, right, y) : undefined;
      if (label) plain.labels.push(label);
      const start = Math.round(left);
      const stop = Math.max(Math.round(right) - (right - left > apartPixels ? 1 : 0), start + 1);
      if (slice.kind === "backward" && mark.count === 1 && !label) feet.add(lookOf(slice), isBack, start, stop, y + rowHeight - 1 - foot, foot);
      if (right - left > widest) {
        brush.context.globalAlpha = isBack ? backAlpha : 1;
        paintBox(brush, lookOf(slice), left, y, right - left, rowHeight);
        continue;
      }
      // Idle time among slices that share a pixel takes its share of the height, from below, and never nothing.
      const idle = mark.count > 1 && mark.idleMs > 0 ? Math.max(1, Math.round((rowHeight * mark.idleMs) / (mark.endMs - mark.startMs))) : 0;
      if (idle < rowHeight) rows[0].add(lookOf(slice), isBack, start, stop, y, rowHeight - idle);
      if (idle > 0) rows[1].add(kindLooks.idle, isBack, start, stop, y + rowHeight - idle, idle);
    }
  }
  brush.context.globalAlpha = 1;
}

/** Plain boxes of one row: neighbours that look alike become one. */
class BoxRow {
  private own: number[] | undefined;
  private end = NaN;
  private y = NaN;
  private height = NaN;

  constructor(private readonly boxes: Map<Look, Boxes>) {}

  add(look: Look, isBack: boolean, start: number, stop: number, y: number, height: number): void {
    let both = this.boxes.get(look);
    if (!both) this.boxes.set(look, (both = { front: [], back: [] }));
    const own = isBack ? both.back : both.front;
    const isWide = stop - start > apartPixels - 1;
    if (own === this.own && start <= this.end && y === this.y && height === this.height) own[own.length - 2] += stop - this.end;
    else own.push(start, y, stop - start, height);
    this.own = isWide ? undefined : own;
    [this.end, this.y, this.height] = [stop, y, height];
  }
}

function looksIn({ colouring, layouts }: Scene, { layout }: PlacedLane): (slice: Slice) => Look {
  const { timeline } = layouts[layout];
  return (slice) => colouring.lookOf(slice, timeline);
}

function standsBack({ emphasis, layouts }: Scene, { layout }: PlacedLane, slice: Slice): boolean {
  return emphasis !== undefined && (emphasis.layout !== layout || isOfAnother(emphasis.iteration, slice, layouts[layout].timeline.operations));
}

/** One slice by itself, over what is there. */
export function paintSlice(brush: Brush, scene: Scene, place: SlicePlace): void {
  const placed = scene.placement.lanes[place.lane];
  const slice = sliceOf(scene.placement, place);
  if (!slice) return;
  const [left, right, y] = [scene.x(slice.startMs), scene.x(slice.endMs), placed.y - scene.scrollTop + place.row * placed.rowHeight];
  paintBox(brush, looksIn(scene, placed)(slice), left, y, Math.max(1, right - left), placed.rowHeight);
  const label = labelOf(brush, scene, placed, slice, left, right, y);
  if (label) paintLabel(brush, { ...label, isBack: false });
}

/** The fullest label that fits between the visible edges of a slice. */
function labelOf({ context, theme }: Brush, scene: Scene, placed: PlacedLane, slice: Slice, left: number, right: number, y: number): Label | undefined {
  const [shownLeft, shownRight] = [Math.max(left, 0), Math.min(right, scene.width)];
  const room = shownRight - shownLeft - 2 * padding;
  if (room < leastRoom) return undefined;
  const font = `${Math.min(placed.lane.stream === "compute" ? 12 : 11, placed.rowHeight - 2)}px ${theme.font}`;
  const widthOf = labelWidths(context, font);
  const text = sliceLabels(slice, scene.layouts[placed.layout].timeline).find((other) => widthOf(other) <= room);
  return text === undefined ? undefined : { look: looksIn(scene, placed)(slice), isBack: standsBack(scene, placed, slice), text, font, width: widthOf(text), centre: (shownLeft + shownRight) / 2, middle: y + placed.rowHeight / 2 };
}

function paintPlain({ context, theme, patterns }: Brush, boxes: Plain["boxes"]): void {
  const fill = (own: readonly number[], leastWidth: number) => {
    for (let i = 0; i < own.length; i += 4) if (own[i + 2] >= leastWidth) context.fillRect(own[i], own[i + 1], own[i + 2], own[i + 3]);
  };
  for (const [look, { front, back }] of boxes) {
    const ink = inkOf(theme, look.ink);
    const pattern = patterns(look.pattern, ink.line);
    for (const [own, alpha] of [[front, 1], [back, backAlpha]] as const) {
      if (own.length === 0) continue;
      context.globalAlpha = alpha;
      if (look.ink !== "idle") {
        context.fillStyle = ink.fill;
        fill(own, 0);
      }
      if (!pattern) continue;
      context.fillStyle = pattern;
      fill(own, leastPatterned);
    }
  }
  context.globalAlpha = 1;
}

function paintFeet({ context, theme }: Brush, feet: Plain["feet"]): void {
  for (const [look, { front, back }] of feet) {
    context.fillStyle = inkOf(theme, look.ink).text;
    for (const [own, alpha] of [[front, 1], [back, backAlpha]] as const) {
      context.globalAlpha = alpha;
      for (let i = 0; i < own.length; i += 4) context.fillRect(own[i], own[i + 1], own[i + 2], own[i + 3]);
    }
  }
  context.globalAlpha = 1;
}

/** One slice's box, with its pattern; wide ones are rounded and stand a hair apart. */
export function paintBox({ context, theme, patterns }: Brush, look: Look, x: number, y: number, width: number, height: number): void {
  const wide = width > apartPixels;
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
  const foot = footHeight(height);
  context.fillStyle = inkOf(theme, look.ink).text;
  context.fillRect(x + 1, y + height - foot - 1, width - 3, foot);
}

function footHeight(height: number): number {
  return Math.max(1, Math.round(Math.min(3, height / 6)));
}

/** On a ground that keeps it legible over a pattern. */
function paintLabel({ context, theme }: Brush, { look, isBack, text, font, width, centre, middle }: Label): void {
  const ink = inkOf(theme, look.ink);
  context.globalAlpha = isBack ? backAlpha : 1;
  context.font = font;
  if (look.pattern !== "plain") {
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
