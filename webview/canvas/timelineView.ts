/** The timeline: lanes on a canvas, labels beside and overlays above it, one frame at a time. */
import { byOperation, type Colouring } from "../../src/timeline/layout/colours";
import { everyDevice, type Arrangement } from "../../src/timeline/layout/folds";
import { placeLanes, sliceAt, sliceOf, type Heights, type Placement, type SlicePlace } from "../../src/timeline/layout/geometry";
import { servedIteration } from "../../src/timeline/layout/iterations";
import { crowdText } from "../../src/timeline/layout/labels";
import type { Layout } from "../../src/timeline/layout/lanes";
import { memoryLines } from "../../src/timeline/layout/memory";
import type { Found } from "../../src/timeline/layout/search";
import { visibleMarks } from "../../src/timeline/layout/visible";
import { element } from "../dom";
import { TimeZoom, type Domain } from "../input/zoom";
import { Axis, type PeriodMark } from "./axis";
import { Gutter, type GutterEvents } from "./gutter";
import { Overlay } from "./overlay";
import type { Brush } from "./boxes";
import { paintScene, type Scene } from "./painter";
import { paintSpotlight } from "./spotlight";
import { PixelBoxes } from "./pixelBoxes";
import { makePatterns, type Patterns } from "./patterns";
import { onThemeChange, readTheme, type Theme } from "./theme";

/** Which lanes are there, and how their slices look. */
export interface LaneOptions {
  readonly arrangement: Arrangement;
  readonly colouring: Colouring;
}

export interface TimelineEvents extends GutterEvents {
  selected(place: SlicePlace | undefined): void;
  /** Zoom or pan changed what is in view. */
  moved(domain: Domain | undefined): void;
  /** What the tooltip says of a slice, the title first. */
  describe(place: SlicePlace): readonly string[];
  /** What is to stand out among the lanes as they are now; undefined where nothing is. */
  found?(): Found | undefined;
  /** A frame is drawn: elements over and beside the lanes follow. */
  drawing?(scene: Scene, theme: Theme): void;
  /** The lanes are on the canvas, to be painted over. */
  painted?(scene: Scene, brush: Brush): void;
  /** Colours changed. */
  rethemed(theme: Theme, patterns: Patterns, colouring: Colouring): void;
}

/** Above the first lane; as in canvas.css. */
const topPadding = 8;
/** A slice this near to the pointer is hit. */
const slackPixels = 3;

export class TimelineView {
  placement: Placement = { lanes: [], devices: [], height: 0 };
  readonly zoom: TimeZoom;
  readonly axis = new Axis();
  private readonly overlay = new Overlay();
  private readonly canvas = element("canvas", { "aria-hidden": true });
  readonly plot = element("div", { class: "plot" }, this.canvas, this.overlay.element);
  private readonly gutter = new Gutter({
    deviceFolded: (device, isUnfolded) => this.events.deviceFolded(device, isUnfolded),
    groupFolded: (firstDevice, isFolded) => this.events.groupFolded(firstDevice, isFolded),
  });
  private readonly content = element("div", { class: "lanes-content" }, this.gutter.element, this.plot);
  readonly scroller = element("div", { class: "lanes" }, this.content);
  readonly element = element("section", { class: "timeline", "aria-label": "Timeline" }, this.axis.element, this.scroller);
  private layouts: readonly Layout[] = [];
  private marks: readonly PeriodMark[] = [];
  private selection?: SlicePlace;
  private theme: Theme = readTheme();
  private readonly pixelBoxes = new PixelBoxes();
  private patterns: Patterns = makePatterns(window.devicePixelRatio);
  private lanes: LaneOptions = { arrangement: everyDevice, colouring: byOperation };
  private frame = 0;
  private pointer = { x: 0, y: 0 };
  /** Of the plot, as last seen: asking the page in every frame would have it laid out twice. */
  private size = { width: 0, height: 0 };
  private scrollTop = 0;

  constructor(private readonly events: TimelineEvents) {
    this.zoom = new TimeZoom(this.plot, () => this.placement.height > this.size.height, () => {
      events.moved(this.zoom.domain);
      this.schedule();
    });
    this.scroller.addEventListener("scroll", () => {
      this.scrollTop = this.scroller.scrollTop;
      this.schedule();
    });
    this.plot.addEventListener("click", (event) => events.selected(this.placeAt(event)));
    this.plot.addEventListener("dblclick", (event) => this.fitSlice(this.placeAt(event)));
    this.plot.addEventListener("pointermove", (event) => this.hover(event));
    this.plot.addEventListener("pointerleave", () => this.overlay.tooltip([], 0, 0, { width: 0, height: 0 }));
    new ResizeObserver(() => {
      this.measure();
      this.relayout();
    }).observe(this.scroller);
    onThemeChange(() => this.retheme());
    this.retheme();
  }

  /** Draws layouts; `extent` is all of time that can be seen. */
  show(layouts: readonly Layout[], marks: readonly PeriodMark[], extent: Domain): void {
    this.layouts = layouts;
    this.marks = marks;
    this.extent = extent;
    this.relayout();
  }

  /** What of the layouts is seen, and how; drawn by the next `show`. */
  arrange(lanes: LaneOptions): void {
    const isSameLegend = titlesOf(lanes) === titlesOf(this.lanes);
    this.lanes = lanes;
    if (!isSameLegend) this.events.rethemed(this.theme, this.patterns, lanes.colouring);
  }

  private extent: Domain = [0, 1];

  select(place: SlicePlace | undefined): void {
    this.selection = place;
    this.schedule();
  }

  /** Draws the same again: what stands out has changed. */
  redraw(): void {
    this.schedule();
  }

  /** Where the pointer was last, in pixels of the plot. */
  get pointerX(): number {
    return this.pointer.x;
  }

  /** Brings a slice into view. */
  reveal(place: SlicePlace): void {
    const slice = sliceOf(this.placement, place);
    if (!slice) return;
    this.zoom.reveal(slice.startMs, slice.endMs);
    const { y, height } = this.placement.lanes[place.lane];
    const { scrollTop, clientHeight } = this.scroller;
    if (y < scrollTop) this.scroller.scrollTop = y;
    else if (y + height > scrollTop + clientHeight) this.scroller.scrollTop = y + height - clientHeight;
  }

  /** Zooms to a slice with some room on both sides; to everything where there is none, or when that is where the view is already. */
  fitSlice(place: SlicePlace | undefined): void {
    const slice = place && sliceOf(this.placement, place);
    const room = slice ? (slice.endMs - slice.startMs) * 0.5 : 0;
    const domain: Domain | undefined = slice && [slice.startMs - room, slice.endMs + room];
    const there = domain?.[0] === this.zoom.target?.[0] && domain?.[1] === this.zoom.target?.[1];
    this.zoom.show(there ? undefined : domain);
  }

  private retheme(): void {
    this.theme = readTheme();
    this.patterns = makePatterns(window.devicePixelRatio);
    this.events.rethemed(this.theme, this.patterns, this.lanes.colouring);
    this.schedule();
  }

  private measure(): void {
    this.size = { width: this.plot.clientWidth, height: this.scroller.clientHeight - topPadding };
  }

  private relayout(): void {
    if (!this.size.width) this.measure();
    const { width, height } = this.size;
    const { arrangement } = this.lanes;
    this.placement = placeLanes(this.layouts, fittingHeights(this.layouts, arrangement, height), arrangement);
    this.content.style.height = `${Math.max(this.placement.height, height)}px`;
    this.plot.style.height = `${height}px`;
    this.gutter.show(this.layouts, this.placement, arrangement.limits);
    this.zoom.setExtent(this.extent, width);
    this.schedule();
  }

  /** Draws in the next frame. */
  schedule(): void {
    this.frame ||= requestAnimationFrame(() => {
      this.frame = 0;
      this.draw();
    });
  }

  private draw(): void {
    const { width, height } = this.size;
    const ratio = window.devicePixelRatio;
    const [pixelWidth, pixelHeight] = [Math.round(width * ratio), Math.round(height * ratio)];
    if (this.canvas.width !== pixelWidth || this.canvas.height !== pixelHeight) {
      this.canvas.width = pixelWidth;
      this.canvas.height = pixelHeight;
    }
    const context = this.canvas.getContext("2d", { alpha: false });
    if (!context || !width) return;
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    const scene = { layouts: this.layouts, placement: this.placement, x: this.zoom.scale, width, height, scrollTop: this.scrollTop, marks: this.marks, colouring: this.lanes.colouring, emphasis: this.emphasis };
    const brush = { context, theme: this.theme, patterns: this.patterns, pixels: { ratio, boxes: this.pixelBoxes } };
    // The page's own elements first: text on the canvas has the page laid out, and so it is once.
    this.overlay.draw(scene, this.selection);
    this.axis.draw(this.zoom.scale, width, this.marks);
    this.events.drawing?.(scene, this.theme);
    paintScene(brush, scene);
    const found = this.events.found?.();
    if (found) paintSpotlight(context, this.theme, scene, found);
    this.events.painted?.(scene, brush);
  }

  /** With a fill selected, the iteration that it serves. */
  private get emphasis(): { readonly layout: number; readonly iteration: number } | undefined {
    const slice = this.selection && sliceOf(this.placement, this.selection);
    if (!this.selection || !slice) return undefined;
    const { layout } = this.placement.lanes[this.selection.lane];
    const iteration = servedIteration(this.layouts[layout], slice);
    return iteration === undefined ? undefined : { layout, iteration };
  }

  /** The slice under the pointer. */
  placeAt(event: MouseEvent): SlicePlace | undefined {
    const { ms, y } = this.pointAt(event);
    const slack = this.zoom.scale.invert(slackPixels) - this.zoom.scale.invert(0);
    return sliceAt(this.placement, y, ms, slack);
  }

  /** The time under the pointer, its height among the lanes, and whose lanes they are. */
  pointAt(event: MouseEvent): { readonly ms: number; readonly y: number; readonly device?: number } {
    const bounds = this.plot.getBoundingClientRect();
    const y = event.clientY - bounds.top + this.scroller.scrollTop;
    const device = this.placement.devices.find((placed) => y >= placed.y && y < placed.y + placed.height)?.device;
    return { ms: this.zoom.scale.invert(event.clientX - bounds.left), y, ...(device !== undefined && { device }) };
  }

  private hover(event: PointerEvent): void {
    const bounds = this.plot.getBoundingClientRect();
    this.pointer = { x: event.clientX - bounds.left, y: event.clientY - bounds.top };
    const place = this.placeAt(event);
    this.plot.classList.toggle("over-slice", place !== undefined);
    this.overlay.tooltip(place ? [...this.events.describe(place), ...this.crowdAt(place)] : this.memoryAtPointer(), this.pointer.x, this.pointer.y, bounds);
  }

  /** Of a slice that shares its pixel with others, which none of them could show alone. */
  private crowdAt({ lane, row, slice }: SlicePlace): readonly string[] {
    const [from, to] = this.zoom.scale.domain();
    const marks = visibleMarks(this.placement.lanes[lane].lane.rows[row], from, to, (to - from) / this.plot.clientWidth);
    const mark = marks.find(({ first, count }) => slice < first + count);
    return mark && mark.count > 1 ? [crowdText(mark)] : [];
  }

  private memoryAtPointer(): readonly string[] {
    const y = this.pointer.y + this.scroller.scrollTop;
    const lane = this.placement.lanes.find((placed) => y >= placed.y && y < placed.y + placed.height)?.lane;
    return lane?.memory ? memoryLines(lane.memory, lane.device, this.zoom.scale.invert(this.pointer.x)) : [];
  }
}

function titlesOf({ colouring }: LaneOptions): string {
  return colouring.legend.map(({ title }) => title).join();
}

/** Lanes as tall as the room allows, within what reads well. */
function fittingHeights(layouts: readonly Layout[], arrangement: Arrangement, available: number): Heights {
  const one = { communication: layouts.length > 1 ? 13 : 16, memory: 44, gap: 2, deviceGap: 14, group: 34 };
  const least = layouts.length > 1 ? 20 : 24;
  const { lanes, height: rigid } = placeLanes(layouts, { ...one, compute: 0, group: 0 }, arrangement);
  const rows = lanes.filter(({ lane }) => lane.stream === "compute").reduce((sum, { lane }) => sum + Math.max(1, lane.rows.length), 0);
  return { ...one, compute: Math.max(least, Math.min(layouts.length > 1 ? 52 : 76, Math.floor((available - rigid - 8) / Math.max(1, rows)))) };
}
