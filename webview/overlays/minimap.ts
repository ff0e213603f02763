/** All of the timeline in a few pixels: how busy each device is, and the part in view as a window to drag, resize or move by key. */
import { formatMs } from "../../src/timeline/layout/format";
import type { Layout } from "../../src/timeline/layout/lanes";
import { occupancyOf } from "../../src/timeline/layout/occupancy";
import { channelsOf, type Theme } from "../canvas/theme";
import { element, setAttribute, svgElement } from "../dom";
import type { Domain, TimeZoom } from "../input/zoom";
import { TimeBrush } from "./timeBrush";

/** Inside its borders, as in overlays.css. */
const height = 28;
const pixelsPerBin = 2;
/** Of the part in view, for one press of an arrow key. */
const step = 0.1;

export class Minimap {
  private readonly canvas = element("canvas", { "aria-hidden": true });
  private readonly shades = [svgElement("rect"), svgElement("rect")] as const;
  private readonly shade = svgElement("svg", { class: "minimap-shade", "aria-hidden": true }, ...this.shades);
  private readonly brush = new TimeBrush("minimap-window", {
    moved: ([from, to]) => {
      this.zoom.target = undefined;
      this.zoom.jump(this.widened([this.ms(from), this.ms(to)]));
    },
    clicked: (pixel) => this.centre(this.ms(pixel)),
  });
  readonly element = element("div", { class: "minimap", role: "slider", tabindex: 0, "aria-label": "Part of time in view" }, this.canvas, this.shade, this.brush.element);
  private drawn?: readonly unknown[];
  private width = 1;

  constructor(private readonly zoom: TimeZoom) {
    this.element.title = "All of time: drag the window, or draw a new one. Arrow keys move and resize it.";
    this.element.addEventListener("keydown", (event) => this.key(event));
  }

  /** @param layout Whose devices are drawn. */
  draw(layout: Layout, theme: Theme, width: number): void {
    this.width = width;
    const drawn = [layout, theme, width, ...this.zoom.whole];
    if (drawn.some((part, index) => part !== this.drawn?.[index])) {
      this.drawn = drawn;
      this.paint(layout, theme, width);
    }
    const [from, to] = this.zoom.scale.domain();
    const isAll = this.zoom.domain === undefined;
    const [left, right] = [this.pixel(from), this.pixel(to)];
    this.brush.show(isAll ? undefined : [left, right], width, height);
    setAttribute(this.shades[0], "width", Math.max(0, left));
    setAttribute(this.shades[1], "x", right);
    setAttribute(this.shades[1], "width", Math.max(0, width - right));
    const [first, last] = this.zoom.whole;
    const values = { "aria-valuemin": first, "aria-valuemax": last, "aria-valuenow": (from + to) / 2, "aria-valuetext": isAll ? "everything" : `${formatMs(from)} to ${formatMs(to)}` };
    for (const [name, value] of Object.entries(values)) setAttribute(this.element, name, value);
  }

  /** A pixel row a device; the page stretches them. What is busy is opaque, what is idle lets the ground through. */
  private paint(layout: Layout, theme: Theme, width: number): void {
    const bins = Math.max(1, Math.floor(width / pixelsPerBin));
    const [from, to] = this.zoom.whole;
    const devices = occupancyOf(layout, from, to, bins);
    const gap = devices.length * 3 <= height ? 1 : 0;
    const rows = gap ? 2 : 1;
    this.canvas.width = bins;
    this.canvas.height = Math.max(1, devices.length * (rows + gap));
    const context = this.canvas.getContext("2d");
    if (!context) return;
    const image = context.createImageData(this.canvas.width, this.canvas.height);
    const [trainedInk, frozenInk] = [channelsOf(theme.kinds.forward.fill), channelsOf(theme.kinds.fill.fill)];
    for (const [place, { trained, frozen }] of devices.entries()) {
      const first = 4 * place * (rows + gap) * bins;
      for (let bin = 0; bin < bins; bin++) {
        const busy = trained[bin] + frozen[bin];
        if (busy === 0) continue;
        const at = first + 4 * bin;
        for (let channel = 0; channel < 3; channel++) image.data[at + channel] = (trainedInk[channel] * trained[bin] + frozenInk[channel] * frozen[bin]) / busy;
        image.data[at + 3] = 255 * busy;
      }
      for (let row = 1; row < rows; row++) image.data.copyWithin(first + 4 * row * bins, first, first + 4 * bins);
    }
    context.putImageData(image, 0, 0);
  }

  private pixel(ms: number): number {
    const [from, to] = this.zoom.whole;
    return ((ms - from) / (to - from)) * this.width;
  }

  private ms(pixel: number): number {
    const [from, to] = this.zoom.whole;
    return from + (pixel / this.width) * (to - from);
  }

  /** The very ends of the band are the ends of time. */
  private widened([from, to]: Domain): Domain | undefined {
    const [first, last] = this.zoom.whole;
    return from <= first && to >= last ? undefined : [from, to];
  }

  private centre(ms: number): void {
    const { domain } = this.zoom;
    if (!domain) return;
    const half = (domain[1] - domain[0]) / 2;
    this.zoom.show([ms - half, ms + half]);
  }

  private key(event: KeyboardEvent): void {
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    const { zoom } = this;
    const [first, last] = zoom.whole;
    const [from, to] = zoom.scale.domain();
    const moves: Readonly<Record<string, () => void>> = {
      ArrowLeft: () => zoom.panBy(-step),
      ArrowRight: () => zoom.panBy(step),
      PageDown: () => zoom.panBy(-1),
      PageUp: () => zoom.panBy(1),
      ArrowUp: () => zoom.zoomBy(1.25),
      ArrowDown: () => zoom.zoomBy(1 / 1.25),
      Home: () => zoom.show([first, first + to - from]),
      End: () => zoom.show([last - to + from, last]),
    };
    const move = moves[event.key];
    if (!move) return;
    event.preventDefault();
    event.stopPropagation();
    move();
  }
}
