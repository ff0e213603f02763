/** Writes in slices: the fullest label that fits, on a ground that keeps it legible over a pattern. */
import { group } from "d3";
import type { Look } from "../../src/timeline/layout/colours";
import { backAlpha, type Brush } from "./boxes";
import { fontMetrics } from "./fontMetrics";
import { inkOf } from "./theme";

/** A text and where it stands. */
export interface Lettering {
  readonly text: string;
  readonly font: string;
  readonly width: number;
  readonly centre: number;
  readonly middle: number;
}

export interface Label extends Lettering {
  readonly look: Look;
  readonly isBack: boolean;
}

/** The first text that fits between two edges. */
export function fittingLabel({ context }: Brush, texts: readonly string[], font: string, room: number): { readonly text: string; readonly width: number } | undefined {
  const { widthOf } = fontMetrics(context, font);
  for (const text of texts) {
    const width = widthOf(text);
    if (width <= room) return { text, width };
  }
  return undefined;
}

/** Labels of one look after another, since a change of font or colour costs more than a short text. */
export function paintLabels(brush: Brush, labels: readonly Label[]): void {
  const { context } = brush;
  for (const isBack of [false, true]) {
    context.globalAlpha = isBack ? backAlpha : 1;
    for (const [look, own] of group(labels.filter((label) => label.isBack === isBack), (label) => label.look)) paintAlike(brush, look, own);
  }
  context.globalAlpha = 1;
}

function paintAlike({ context, theme }: Brush, look: Look, labels: readonly Label[]): void {
  const ink = inkOf(theme, look.ink);
  if (look.pattern !== "plain") {
    context.fillStyle = ink.fill;
    for (const { font, width, centre, middle } of labels) {
      const { height } = fontMetrics(context, font);
      context.fillRect(Math.round(centre - width / 2 - 3), Math.round(middle - height / 2), Math.round(width + 6), Math.round(height));
    }
  }
  context.fillStyle = ink.text;
  let current: string | undefined;
  for (const { font, text, centre, middle } of labels) {
    if (font !== current) context.font = current = font;
    context.fillText(text, centre, middle + 0.5);
  }
}
