/** Fills that are told apart without colour. */
import { kindStyles, sliceKinds, type Pattern, type SliceKind } from "../../src/timeline/layout/kinds";
import type { Theme } from "./theme";

export type Patterns = Readonly<Partial<Record<SliceKind, CanvasPattern>>>;

/** Pattern tiles in the theme's inks, sharp at the screen's pixel ratio. */
export function makePatterns(theme: Theme, pixelRatio: number): Patterns {
  const patterns: Partial<Record<SliceKind, CanvasPattern>> = {};
  for (const kind of sliceKinds) {
    const { pattern } = kindStyles[kind];
    const made = pattern === "plain" ? undefined : tile(pattern, theme.kinds[kind].line, pixelRatio);
    if (made) patterns[kind] = made;
  }
  return patterns;
}

function tile(pattern: Exclude<Pattern, "plain">, colour: string, pixelRatio: number): CanvasPattern | undefined {
  const size = pattern === "dots" ? 5 : 8;
  const canvas = new OffscreenCanvas(Math.round(size * pixelRatio), Math.round(size * pixelRatio));
  const context = canvas.getContext("2d");
  if (!context) return undefined;
  context.scale(canvas.width / size, canvas.height / size);
  context.strokeStyle = context.fillStyle = colour;
  context.lineWidth = pattern === "diagonal" ? 2 : 1;
  context.beginPath();
  if (pattern === "dots") context.arc(1.5, 1.5, 1, 0, 2 * Math.PI);
  if (pattern === "diagonal") stripes(context, size, 1);
  if (pattern === "hatch") stripes(context, size, -1);
  if (pattern === "cross") {
    stripes(context, size, 1);
    stripes(context, size, -1);
  }
  if (pattern === "dots") context.fill();
  else context.stroke();
  const made = context.createPattern(canvas, "repeat");
  made?.setTransform(new DOMMatrix().scale(size / canvas.width, size / canvas.height));
  return made ?? undefined;
}

/** Diagonals that meet at the tile's edges: rising to the right for 1, falling for -1. */
function stripes(context: OffscreenCanvasRenderingContext2D, size: number, direction: 1 | -1): void {
  for (const offset of [-size, 0, size]) {
    context.moveTo(offset - 1, direction === 1 ? size + 1 : -1);
    context.lineTo(offset + size + 1, direction === 1 ? -1 : size + 1);
  }
}
