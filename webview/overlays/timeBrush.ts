/** A stretch along a band of pixels that is drawn out, moved and resized by dragging, on d3's brush. */
import { brushX, pointer, select, type D3BrushEvent } from "d3";
import { svgElement } from "../dom";

export type Pixels = readonly [number, number];

export interface TimeBrushEvents {
  /** While it is dragged, and `done` when it is let go. */
  moved(pixels: Pixels, done: boolean): void;
  /** Pressed and let go at one place. */
  clicked(pixel: number): void;
}

/** Less than this is a click that slipped. */
const leastPixels = 3;

export class TimeBrush {
  private readonly group = svgElement("g");
  readonly element: SVGSVGElement;
  private readonly behaviour = brushX<unknown>();
  private size = { width: 0, height: 0 };
  private shown?: Pixels;
  private isHeld = false;

  constructor(className: string, private readonly events: TimeBrushEvents) {
    this.element = svgElement("svg", { class: className, "aria-hidden": true }, this.group);
    this.behaviour.on("start brush end", (event: D3BrushEvent<unknown>) => this.changed(event));
  }

  /** Shows a stretch, or none; one that is being dragged is left to the pointer. */
  show(pixels: Pixels | undefined, width: number, height: number): void {
    if (this.isHeld) return;
    const isSame = pixels?.[0] === this.shown?.[0] && pixels?.[1] === this.shown?.[1];
    if (isSame && width === this.size.width && height === this.size.height) return;
    this.shown = pixels;
    const group = select<SVGGElement, unknown>(this.group);
    if (width !== this.size.width || height !== this.size.height) {
      this.size = { width, height };
      this.element.setAttribute("width", String(width));
      this.element.setAttribute("height", String(height));
      group.call(this.behaviour.extent([[0, 0], [width, height]]));
    }
    group.call(this.behaviour.move, pixels ? [pixels[0], pixels[1]] : null);
  }

  private changed({ type, selection, sourceEvent }: D3BrushEvent<unknown>): void {
    // What `show` does comes without an event of the user's.
    if (!sourceEvent) return;
    this.isHeld = type !== "end";
    this.shown = (selection ?? undefined) as Pixels | undefined;
    if (type === "start") return;
    const [from, to] = (selection ?? [0, 0]) as [number, number];
    if (to - from >= leastPixels) this.events.moved([from, to], type === "end");
    else if (type === "end") this.events.clicked(pointer(sourceEvent, this.element)[0]);
  }
}
