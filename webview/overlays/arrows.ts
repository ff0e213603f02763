/** Dependencies of the selected operation as arrows over the lanes: solid ones come in, dashed ones go out. */
import { flowsInView, type Flow } from "../../src/timeline/layout/flows";
import type { Scene } from "../canvas/painter";
import { svgElement } from "../dom";

/** More would hide what they lie over. */
const mostArrows = 36;
/** Ends beyond the edges are drawn this far outside at most. */
const outside = 60;
/** How far into both slices an arrow between two of one row reaches. */
const hop = 8;

export class Arrows {
  private readonly paths = svgElement("g");
  readonly element = svgElement("svg", { class: "flows", "aria-hidden": true },
    svgElement("defs", {}, svgElement("marker", { id: "flow-head", viewBox: "0 0 8 8", refX: 7, refY: 4, markerWidth: 8, markerHeight: 8, markerUnits: "userSpaceOnUse", orient: "auto" }, svgElement("path", { d: "M0 0 L8 4 L0 8 z" }))),
    this.paths,
  );

  /** Returns how many more there are in view than are drawn. */
  draw(scene: Scene, flows: readonly Flow[]): number {
    if (flows.length === 0 && !this.paths.firstChild) return 0;
    const { x, width, height, scrollTop } = scene;
    const window = { fromMs: x.invert(0), toMs: x.invert(width), fromY: scrollTop, toY: scrollTop + height };
    const { shown, more } = flowsInView(flows, window, mostArrows);
    this.paths.replaceChildren(...shown.flatMap((flow) => {
      const d = curve(flow, scene);
      return [svgElement("path", { class: "flow-halo", d }), svgElement("path", { class: `flow flow-${flow.direction}`, d, "marker-end": "url(#flow-head)" })];
    }));
    return more;
  }
}

/** Leaves and arrives level, so that its direction is seen even where both ends are at one time; within a row it hops over. */
function curve({ fromMs, fromY, toMs, toY }: Flow, { x, width, height, scrollTop }: Scene): string {
  const across = (ms: number) => Math.max(-outside, Math.min(width + outside, x(ms)));
  const down = (y: number) => Math.max(-outside, Math.min(height + outside, y - scrollTop));
  const [x1, y1, x2, y2] = [across(fromMs), down(fromY), across(toMs), down(toY)];
  if (Math.abs(y2 - y1) < 1) return path(x1 - hop, y1, x1, y1 - 2 * hop, x2, y2 - 2 * hop, x2 + hop, y2);
  const bend = Math.max(14, Math.abs(x2 - x1) / 2);
  return path(x1, y1, x1 + bend, y1, x2 - bend, y2, x2, y2);
}

/** Of a cubic curve: its start, two points that bend it, its end. */
function path(...[x1, y1, x2, y2, x3, y3, x4, y4]: readonly [number, number, number, number, number, number, number, number]): string {
  const [start, ...rest] = [[x1, y1], [x2, y2], [x3, y3], [x4, y4]].map((point) => point.map((pixels) => Math.round(pixels * 10) / 10).join(" "));
  return `M${start}C${rest.join(" ")}`;
}
