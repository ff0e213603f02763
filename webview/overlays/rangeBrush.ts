/** A range of time drawn out on the axis and shown down the lanes. */
import type { TimeRange } from "../../src/timeline/layout/range";
import type { Scene } from "../canvas/painter";
import { element } from "../dom";
import { TimeBrush, type Pixels } from "./timeBrush";

/** As in canvas.css. */
const axisHeight = 42;

export class RangeBrush {
  private readonly brush: TimeBrush;
  /** For the plot. */
  readonly band = element("div", { class: "range-band", hidden: true });
  private shown?: { readonly range: TimeRange; readonly pixels: Pixels };
  private invert: (pixel: number) => number = (pixel) => pixel;

  constructor(changed: (range: TimeRange | undefined, done: boolean) => void) {
    this.brush = new TimeBrush("range-brush", {
      moved: (pixels, done) => changed(this.rangeOf(pixels), done),
      clicked: () => changed(undefined, true),
    });
  }

  /** For the axis. */
  get element(): SVGSVGElement {
    return this.brush.element;
  }

  draw({ x, width, height }: Scene, range: TimeRange | undefined): void {
    this.invert = (pixel) => x.invert(pixel);
    const [left, right] = range ? [Math.max(0, x(range[0])), Math.min(width, x(range[1]))] : [0, 0];
    const pixels: Pixels | undefined = right > left ? [left, right] : undefined;
    this.shown = range && pixels && { range, pixels };
    this.brush.show(pixels, width, axisHeight);
    this.band.hidden = !pixels;
    if (!pixels) return;
    Object.assign(this.band.style, { left: `${left}px`, width: `${right - left}px`, height: `${height}px` });
  }

  /** An end that was not moved keeps its time, also where it lies outside the view. */
  private rangeOf(pixels: Pixels): TimeRange {
    const { shown } = this;
    const ms = (end: 0 | 1) => (shown && Math.abs(shown.pixels[end] - pixels[end]) < 0.01 ? shown.range[end] : this.invert(pixels[end]));
    return [ms(0), ms(1)];
  }
}
