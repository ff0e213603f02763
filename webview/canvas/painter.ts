/** Draws lanes of slices; knows pixels and colours and nothing of the document. */
import { kindLooks, type Colouring, type Look } from "../../src/timeline/layout/colours";
import { sliceOf, type PlacedLane, type Placement, type SlicePlace } from "../../src/timeline/layout/geometry";
import { isOfAnother } from "../../src/timeline/layout/iterations";
import { sliceLabels } from "../../src/timeline/layout/labels";
import type { Layout, Slice } from "../../src/timeline/layout/lanes";
import { visibleMarks } from "../../src/timeline/layout/visible";
import { apartPixels, BoxRow, footHeight, paintBox, paintBoxes, paintFeet, paintOutlines, type Boxes, type Brush } from "./boxes";
import { fittingLabel, paintLabels, type Label, type Lettering } from "./labelPainter";
import { paintMemory } from "./memoryPainter";

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

const padding = 2;
/** Boxes reach this far out of view at most: in a deep zoom single precision would misplace the edge that is seen. */
const beyond = 64;
/** In less room no label can be read. */
const leastRoom = 6;

/** What is painted when all lanes have been walked. */
interface Gathered {
  readonly boxes: Boxes;
  /** Of backward passes without a letter, over their boxes. */
  readonly feet: Boxes;
  readonly outlines: number[];
  readonly labels: Label[];
}

export function paintScene(brush: Brush, scene: Scene): void {
  const { context } = brush;
  context.textAlign = "center";
  context.textBaseline = "middle";
  const gathered: Gathered = { boxes: new Map(), feet: new Map(), outlines: [], labels: [] };
  const inView = scene.placement.lanes.map((placed) => ({ placed, top: placed.y - scene.scrollTop })).filter(({ placed, top }) => top + placed.height >= 0 && top <= scene.height);
  for (const { placed, top } of inView) gatherLane(brush, scene, placed, top, gathered);
  paintBoxes(brush, gathered.boxes, scene.width, scene.height);
  for (const { placed: { lane, height }, top } of inView) if (lane.memory) paintMemory(brush, lane.memory, scene, { top, height });
  paintOutlines(brush, gathered.outlines);
  paintFeet(brush, gathered.feet);
  paintLabels(brush, gathered.labels);
}

function gatherLane(brush: Brush, scene: Scene, placed: PlacedLane, top: number, { boxes, feet, outlines, labels }: Gathered): void {
  const from = scene.x.invert(0);
  const to = scene.x.invert(scene.width);
  const pixelsPerMs = scene.width / (to - from);
  const { rowHeight } = placed;
  const foot = footHeight(rowHeight);
  const lookOf = looksIn(scene, placed);
  for (const [r, row] of placed.lane.rows.entries()) {
    const y = top + r * rowHeight;
    const [busyRow, idleRow, footRow] = [new BoxRow(boxes), new BoxRow(boxes), new BoxRow(feet)];
    for (const mark of visibleMarks(row, from, to, 1 / pixelsPerMs, lookOf)) {
      const left = Math.max((mark.startMs - from) * pixelsPerMs, -beyond);
      const right = Math.min((mark.endMs - from) * pixelsPerMs, scene.width + beyond);
      const slice = row[mark.typical];
      const look = lookOf(slice);
      const isBack = standsBack(scene, placed, slice);
      const isWide = right - left > apartPixels;
      const lettering = isWide && mark.count === 1 ? letteringOf(brush, scene, placed, slice, left, right, y) : undefined;
      if (lettering) labels.push({ ...lettering, look, isBack });
      const start = Math.round(left);
      const stop = Math.max(Math.round(right) - (isWide ? 1 : 0), start + 1);
      if (slice.kind === "backward" && mark.count === 1 && !lettering) footRow.add(look, isBack, start, stop, y + rowHeight - 1 - foot, foot);
      // Idle time among slices that share a pixel takes its share of the height, from below, and never nothing.
      const idle = mark.count > 1 && mark.idleMs > 0 ? Math.max(1, Math.round((rowHeight * mark.idleMs) / (mark.endMs - mark.startMs))) : 0;
      if (idle < rowHeight) busyRow.add(look, isBack, start, stop, y, rowHeight - idle);
      if (idle > 0) idleRow.add(kindLooks.idle, isBack, start, stop, y + rowHeight - idle, idle);
      if (isWide) outlines.push(start, y, stop - start, rowHeight);
    }
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
  const start = Math.round(left);
  const look = looksIn(scene, placed)(slice);
  paintBox(brush, look, start, y, Math.max(1, Math.round(right) - start), placed.rowHeight);
  const lettering = letteringOf(brush, scene, placed, slice, left, right, y);
  if (lettering) paintLabels(brush, [{ ...lettering, look, isBack: false }]);
}

/** The fullest label that fits between the visible edges of a slice. */
function letteringOf(brush: Brush, scene: Scene, placed: PlacedLane, slice: Slice, left: number, right: number, y: number): Lettering | undefined {
  const [shownLeft, shownRight] = [Math.max(left, 0), Math.min(right, scene.width)];
  const room = shownRight - shownLeft - 2 * padding;
  if (room < leastRoom) return undefined;
  const font = `${Math.min(placed.lane.stream === "compute" ? 12 : 11, placed.rowHeight - 2)}px ${brush.theme.font}`;
  const fitting = fittingLabel(brush, sliceLabels(slice, scene.layouts[placed.layout].timeline), font, room);
  return fitting && { ...fitting, font, centre: (shownLeft + shownRight) / 2, middle: y + placed.rowHeight / 2 };
}
