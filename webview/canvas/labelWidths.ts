/** Widths of labels, each measured once a font: labels repeat from slice to slice and from frame to frame. */

/** Widths kept at a time; durations of idle time differ without end. */
const most = 20_000;
const byFont = new Map<string, Map<string, number>>();
let count = 0;

/** Pixels of a text in `font`, which becomes the context's where one has to be measured. */
export function labelWidths(context: CanvasRenderingContext2D, font: string): (text: string) => number {
  if (count > most) {
    byFont.clear();
    count = 0;
  }
  const widths = byFont.get(font) ?? new Map<string, number>();
  byFont.set(font, widths);
  return (text) => {
    const known = widths.get(text);
    if (known !== undefined) return known;
    context.font = font;
    const { width } = context.measureText(text);
    widths.set(text, width);
    count++;
    return width;
  };
}
