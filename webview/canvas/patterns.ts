/** Fills that are told apart without colour. */
import type { Pattern } from "../../src/timeline/layout/kinds";

/** The canvas pattern of a name in a colour; undefined for plain. */
export type Patterns = (pattern: Pattern, colour: string) => CanvasPattern | undefined;

/** Pattern tiles, made when first asked for, sharp at the screen's pixel ratio. */
export function makePatterns(pixelRatio: number): Patterns {
  const made = new Map<string, CanvasPattern | undefined>();
  return (pattern, colour) => {
    if (pattern === "plain") return undefined;
    const key = `${pattern} ${colour}`;
    if (!made.has(key)) made.set(key, tile(pattern, colour, pixelRatio));
    return made.get(key);
  };
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
  if (pattern === "lines") {
    context.moveTo(0, size / 4);
    context.lineTo(size, size / 4);
    context.moveTo(0, (3 * size) / 4);
    context.lineTo(size, (3 * size) / 4);
  }
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
