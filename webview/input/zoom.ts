/** Zoom and pan along the time axis, by wheel, pinch, drag and key, on d3's zoom behaviour. */
import { scaleLinear, select, zoom, zoomIdentity, type D3ZoomEvent, type ScaleLinear } from "d3";
import { prefersStillness } from "../dom";
import { wheelIntent } from "./wheel";

export type Domain = readonly [number, number];

/** The view is never closer than this many ms from edge to edge. */
const closestMs = 1e-3;
const animationMs = 140;

export class TimeZoom {
  /** Pixels from ms at the present zoom. */
  scale: ScaleLinear<number, number> = scaleLinear();
  /** Where `show` is taking the view, or took it, if the user has not moved it since. */
  target?: Domain;
  private base: ScaleLinear<number, number> = scaleLinear();
  private transform = zoomIdentity;
  private readonly behaviour = zoom<HTMLElement, unknown>();

  /** `scrolls` tells whether the lanes overflow, so that a plain wheel is the scrollbar's. */
  constructor(private readonly element: HTMLElement, private readonly scrolls: () => boolean, private readonly changed: () => void) {
    this.behaviour
      .filter((event: Event) => (event instanceof WheelEvent ? event.ctrlKey || event.metaKey : !(event instanceof MouseEvent) || event.shiftKey || event.button === 1))
      .wheelDelta((event: WheelEvent) => this.zoomPower(event))
      .on("zoom", (event: D3ZoomEvent<HTMLElement, unknown>) => {
        if (event.sourceEvent) this.target = undefined;
        this.apply(event.transform);
      });
    this.node().call(this.behaviour).on("dblclick.zoom", null);
    element.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
  }

  /** The whole of what can be seen, in ms, on `width` pixels. What is in view stays in view. */
  setExtent([from, to]: Domain, width: number): void {
    const seen = this.domain;
    const margin = Math.max(to - from, closestMs) * 0.012;
    this.base = scaleLinear([from - margin, to + margin], [0, Math.max(width, 1)]);
    this.behaviour
      .extent([[0, 0], [Math.max(width, 1), 1]])
      .translateExtent([[0, 0], [Math.max(width, 1), 1]])
      .scaleExtent([1, Math.max(1, (to - from) / closestMs)]);
    this.jump(seen);
  }

  /** All of time that can be seen, with the margin at both ends. */
  get whole(): Domain {
    const [from, to] = this.base.domain();
    return [from, to];
  }

  /** The part of time in view, or undefined when it is all of it. */
  get domain(): Domain | undefined {
    if (this.transform.k <= 1) return undefined;
    const [from, to] = this.scale.domain();
    return [from, to];
  }

  /** Shows a part of time without animation, all of it for undefined. */
  jump(domain: Domain | undefined): void {
    this.node().interrupt().call(this.behaviour.transform, this.transformOf(domain));
  }

  /** Shows a part of time, all of it for undefined. */
  show(domain: Domain | undefined): void {
    this.target = domain;
    this.move((node) => node.call(this.behaviour.transform, this.transformOf(domain)), (node) => node.call(this.behaviour.transform, this.transformOf(domain)));
  }

  /** In for a factor above one; about the pixel, by default the middle. */
  zoomBy(factor: number, pixel?: number): void {
    this.target = undefined;
    const point: [number, number] | undefined = pixel === undefined ? undefined : [pixel, 0];
    this.move((node) => node.call(this.behaviour.scaleBy, factor, point), (node) => node.call(this.behaviour.scaleBy, factor, point));
  }

  /** By a share of the width: positive looks at later times. */
  panBy(share: number): void {
    this.target = undefined;
    const distance = (-share * (this.base.range()[1] - this.base.range()[0])) / this.transform.k;
    this.move((node) => node.call(this.behaviour.translateBy, distance, 0), (node) => node.call(this.behaviour.translateBy, distance, 0));
  }

  /** Pans just as far as needed to see a stretch of time. */
  reveal(startMs: number, endMs: number): void {
    const [from, to] = this.scale.domain();
    const span = to - from;
    if (startMs >= from && endMs <= to) return;
    if (endMs - startMs >= span) return this.show([startMs, startMs + span]);
    const left = startMs < from ? startMs - span * 0.1 : endMs - span * 0.9;
    this.show([left, left + span]);
  }

  private transformOf(domain: Domain | undefined) {
    if (!domain) return zoomIdentity;
    const [from, to] = this.base.domain();
    const k = Math.max(1, Math.min((to - from) / (domain[1] - domain[0]), this.behaviour.scaleExtent()[1]));
    return zoomIdentity.scale(k).translate(-this.base(domain[0]), 0);
  }

  private apply(transform: typeof zoomIdentity): void {
    this.transform = transform;
    this.scale = transform.rescaleX(this.base);
    this.changed();
  }

  private intent(event: WheelEvent) {
    return wheelIntent(event, this.scrolls(), this.element.clientWidth);
  }

  private zoomPower(event: WheelEvent): number {
    const intent = this.intent(event);
    return intent.kind === "zoom" ? intent.power : 0;
  }

  /** Panning; zooming is d3's, and scrolling the browser's. */
  private wheel(event: WheelEvent): void {
    const intent = this.intent(event);
    if (intent.kind !== "pan" || this.transform.k <= 1) return;
    event.preventDefault();
    this.target = undefined;
    this.node().interrupt().call(this.behaviour.translateBy, -intent.pixels / this.transform.k, 0);
  }

  private node() {
    return select<HTMLElement, unknown>(this.element);
  }

  private move(atOnce: (node: ReturnType<TimeZoom["node"]>) => void, animated: (node: ReturnType<ReturnType<TimeZoom["node"]>["transition"]>) => void): void {
    if (prefersStillness()) atOnce(this.node().interrupt());
    else animated(this.node().transition().duration(animationMs));
  }
}
