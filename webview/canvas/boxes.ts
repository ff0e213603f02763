/** Boxes of slices: gathered by what they look like, so that each colour and pattern is set once a frame, and painted. */
import type { Look } from "../../src/timeline/layout/colours";
import type { Patterns } from "./patterns";
import type { PixelBoxes } from "./pixelBoxes";
import { inkOf, type Theme } from "./theme";

export interface Brush {
  readonly context: CanvasRenderingContext2D;
  readonly theme: Theme;
  readonly patterns: Patterns;
  /** For many boxes on a whole canvas: device pixels to a pixel, and what sets them. */
  readonly pixels?: { readonly ratio: number; readonly boxes: PixelBoxes };
}

/** Wider slices stand a pixel apart. */
export const apartPixels = 5;
/** How much is seen of what stands back. */
export const backAlpha = 0.28;
/** A pattern is not to be told in less. */
const leastPatterned = 4;

/** Boxes as x, y, width, height one after another. */
interface Sides {
  readonly front: number[];
  /** Of what stands back. */
  readonly back: number[];
}

export type Boxes = Map<Look, Sides>;

/** Boxes of one row from left to right: narrow neighbours that look alike become one. */
export class BoxRow {
  private own: number[] | undefined;
  private end = NaN;
  private y = NaN;
  private height = NaN;

  constructor(private readonly boxes: Boxes) {}

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

/** The ground, and the boxes on it. */
export function paintBoxes(brush: Brush, boxes: Boxes, width: number, height: number): void {
  const { context, theme, pixels } = brush;
  const isFilled = pixels?.boxes.paint(context, theme, boxes, pixels.ratio) ?? false;
  if (!isFilled) {
    context.fillStyle = theme.background;
    context.fillRect(0, 0, width, height);
  }
  for (const [look, { front, back }] of boxes) {
    for (const [own, alpha] of [[front, 1], [back, backAlpha]] as const) {
      context.globalAlpha = alpha;
      paintAlike(brush, look, own, isFilled);
    }
  }
  context.globalAlpha = 1;
}

/** One slice's box, with its pattern. */
export function paintBox(brush: Brush, look: Look, x: number, y: number, width: number, height: number): void {
  const box = [x, y, width > apartPixels ? width - 1 : width, height];
  paintAlike(brush, look, box, false);
  if (width > apartPixels) paintOutlines(brush, box);
}

function paintAlike({ context, theme, patterns }: Brush, look: Look, own: readonly number[], isFilled: boolean): void {
  if (own.length === 0) return;
  const ink = inkOf(theme, look.ink);
  if (look.ink !== "idle" && !isFilled) {
    context.fillStyle = ink.fill;
    for (let i = 0; i < own.length; i += 4) context.fillRect(own[i], own[i + 1], own[i + 2], own[i + 3]);
  }
  const pattern = patterns(look.pattern, ink.line);
  if (pattern) {
    context.fillStyle = pattern;
    for (let i = 0; i < own.length; i += 4) if (own[i + 2] >= leastPatterned) context.fillRect(own[i], own[i + 1], own[i + 2], own[i + 3]);
  }
}

/** Around boxes, in high contrast only. */
export function paintOutlines({ context, theme }: Brush, boxes: readonly number[]): void {
  if (!theme.outline) return;
  context.strokeStyle = theme.outline;
  context.lineWidth = 1;
  for (let i = 0; i < boxes.length; i += 4) context.strokeRect(boxes[i] + 0.5, boxes[i + 1] + 0.5, boxes[i + 2] - 1, boxes[i + 3] - 1);
}

/** Feet: what tells a backward pass from a forward one where there is no room for a letter, whatever slices are coloured by. */
export function paintFeet({ context, theme }: Brush, feet: Boxes): void {
  for (const [look, { front, back }] of feet) {
    context.fillStyle = inkOf(theme, look.ink).text;
    for (const [own, alpha] of [[front, 1], [back, backAlpha]] as const) {
      context.globalAlpha = alpha;
      for (let i = 0; i < own.length; i += 4) context.fillRect(own[i], own[i + 1], own[i + 2], own[i + 3]);
    }
  }
  context.globalAlpha = 1;
}

/** The foot of one box. */
export function paintFoot({ context, theme }: Brush, look: Look, x: number, y: number, width: number, height: number): void {
  const foot = footHeight(height);
  context.fillStyle = inkOf(theme, look.ink).text;
  context.fillRect(x + 1, y + height - foot - 1, width - 3, foot);
}

export function footHeight(height: number): number {
  return Math.max(1, Math.round(Math.min(3, height / 6)));
}
