/** Sizes of text, each measured once a font: labels repeat from slice to slice and from frame to frame. */

export interface FontMetrics {
  /** Pixels. */
  widthOf(text: string): number;
  /** Of a line, in pixels. */
  readonly height: number;
}

/** Widths kept at a time; durations of idle time differ without end. */
const most = 20_000;
const byFont = new Map<string, FontMetrics>();
let count = 0;

/** Of `font`, which becomes the context's where something has to be measured. */
export function fontMetrics(context: CanvasRenderingContext2D, font: string): FontMetrics {
  if (count > most) {
    byFont.clear();
    count = 0;
  }
  let metrics = byFont.get(font);
  if (!metrics) byFont.set(font, (metrics = measured(context, font)));
  return metrics;
}

function measured(context: CanvasRenderingContext2D, font: string): FontMetrics {
  const widths = new Map<string, number>();
  const measure = (text: string) => {
    context.font = font;
    return context.measureText(text);
  };
  const { fontBoundingBoxAscent, fontBoundingBoxDescent } = measure("M");
  return {
    height: fontBoundingBoxAscent + fontBoundingBoxDescent,
    widthOf: (text) => {
      let width = widths.get(text);
      if (width === undefined) {
        widths.set(text, (width = measure(text).width));
        count++;
      }
      return width;
    },
  };
}
