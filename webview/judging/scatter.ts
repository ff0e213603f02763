/** Plans as points: throughput against peak memory, a shape for each schedule, hollow where today's trainer does not run it. */
import { axisBottom, axisLeft, scaleLinear, select, symbol, symbolAsterisk, symbolCircle, symbolCross, symbolDiamond, symbolPlus, symbolSquare, symbolStar, symbolTimes, symbolTriangle, symbolWye, type ScaleLinear, type SymbolType } from "d3";
import { scheduleNames, type ScheduleName } from "../../src/model/plan";
import type { AlternativeFigures } from "../../src/protocol/judging";
import { formatBytes } from "../../src/timeline/layout/format";
import { element, svgElement } from "../dom";

const shapes: Readonly<Record<ScheduleName, SymbolType>> = {
  ddp: symbolCircle, gpipe: symbolSquare, "1f1b": symbolTriangle, interleaved: symbolDiamond, "zb-h1": symbolStar, "zb-h2": symbolCross,
  "zb-v": symbolWye, dualpipev: symbolTimes, chimera: symbolAsterisk, bidirectional: symbolPlus,
};

/** Those that are lines have no inside to be left out: they are dashed instead. */
const lines: ReadonlySet<ScheduleName> = new Set<ScheduleName>(["dualpipev", "chimera", "bidirectional"]);

export interface ScatterPoints {
  readonly rows: readonly AlternativeFigures[];
  readonly selected: number;
  /** The document's plan. */
  readonly own: { readonly throughputPerSecond: number; readonly peakMemoryBytes: number };
  readonly limitBytes: number;
}

const height = 220;
const margin = { top: 14, right: 14, bottom: 38, left: 46 };
const area = 46;
/** Lines need more room to be told apart. */
const lineArea = 80;
/** A click this near to a point is meant for it. */
const reachPixels = 28;
/** A limit beyond so many times the largest peak is told at the edge: its line would press all points together. */
const farLimit = 2.5;
const gib = 1024 ** 3;

export class Scatter {
  private readonly svg = svgElement("svg", { class: "scatter", height, "aria-hidden": true });
  readonly element = element("div", { class: "scatter-box" }, this.svg);
  private points?: ScatterPoints;
  private places: readonly (readonly [number, number])[] = [];

  constructor(private readonly picked: (row: number) => void) {
    new ResizeObserver(() => this.draw()).observe(this.element);
    this.svg.addEventListener("click", (event) => this.pick(event));
  }

  show(points: ScatterPoints): void {
    this.points = points;
    this.draw();
  }

  private draw(): void {
    const width = this.element.clientWidth;
    if (!this.points || width === 0) return;
    const { rows, own, limitBytes, selected } = this.points;
    const all = [...rows, own];
    const most = Math.max(...all.map(({ peakMemoryBytes }) => peakMemoryBytes));
    const isFar = limitBytes > farLimit * most;
    const x = scaleLinear(padded([...all.map(({ peakMemoryBytes }) => peakMemoryBytes / gib), ...(isFar ? [] : [limitBytes / gib])]), [margin.left, width - margin.right]);
    const y = scaleLinear(padded(all.map(({ throughputPerSecond }) => throughputPerSecond)), [height - margin.bottom, margin.top]);
    this.places = rows.map((row) => [x(row.peakMemoryBytes / gib), y(row.throughputPerSecond)]);
    this.svg.setAttribute("width", String(width));
    this.svg.replaceChildren(
      ...axes(x, y, width),
      ...limitLine(isFar ? undefined : x(limitBytes / gib), limitBytes, width),
      ...rows.map((row, index) => pointOf(row, this.places[index], index === selected)),
      ...ownMark(x(own.peakMemoryBytes / gib), y(own.throughputPerSecond)),
    );
  }

  private pick(event: MouseEvent): void {
    const box = this.svg.getBoundingClientRect();
    let [nearest, distance] = [-1, reachPixels];
    this.places.forEach(([left, top], row) => {
      const away = Math.hypot(event.clientX - box.left - left, event.clientY - box.top - top);
      if (away < distance) [nearest, distance] = [row, away];
    });
    if (nearest >= 0) this.picked(nearest);
  }
}

/** The schedules that there are, as they are drawn. */
export function scatterLegend(rows: readonly AlternativeFigures[]): HTMLElement {
  const used = scheduleNames.filter((name) => rows.some(({ schedule }) => schedule === name));
  const item = (name: ScheduleName, isRunnable: boolean, text: string) => {
    const svg = svgElement("svg", { width: 16, height: 16, "aria-hidden": true }, shapeOf(name, isRunnable, [8, 8], false));
    return element("li", {}, svg, text);
  };
  const hollow = rows.find(({ isRunnable }) => !isRunnable);
  return element("ul", { class: "legend scatter-legend", "aria-label": "Shapes" }, ...used.map((name) => item(name, true, name)), ...(hollow ? [item("ddp", false, "hollow or dashed: today's trainer does not run it")] : []));
}

function padded(values: readonly number[]): readonly [number, number] {
  const [least, most] = [Math.min(...values), Math.max(...values)];
  const room = (most - least) * 0.08 || most * 0.1 || 1;
  return [Math.max(0, least - room), most + room];
}

function axes(x: ScaleLinear<number, number>, y: ScaleLinear<number, number>, width: number): readonly SVGElement[] {
  const bottom = svgElement("g", { class: "scatter-axis", transform: `translate(0,${height - margin.bottom})` });
  const left = svgElement("g", { class: "scatter-axis", transform: `translate(${margin.left},0)` });
  select<SVGGElement, unknown>(bottom).call(axisBottom(x).ticks(Math.max(2, width / 80)).tickSizeOuter(0));
  select<SVGGElement, unknown>(left).call(axisLeft(y).ticks(5).tickSizeOuter(0));
  return [bottom, left,
    svgElement("text", { class: "scatter-label", x: width - margin.right, y: height - 4, "text-anchor": "end" }, "peak memory, GiB"),
    svgElement("text", { class: "scatter-label", x: 4, y: 10 }, "samples/s")];
}

/** @param x Undefined where it lies far to the right of all points. */
function limitLine(x: number | undefined, limitBytes: number, width: number): readonly SVGElement[] {
  const text = `limit ${formatBytes(limitBytes)}${x === undefined ? " →" : ""}`;
  const label = svgElement("text", { class: "scatter-label scatter-limit-label", x: (x ?? width - margin.right) - 4, y: margin.top + 8, "text-anchor": "end" }, text);
  return x === undefined ? [label] : [svgElement("line", { class: "scatter-limit", x1: x, x2: x, y1: margin.top - 4, y2: height - margin.bottom }), label];
}

function pointOf(row: AlternativeFigures, place: readonly [number, number], isSelected: boolean): SVGElement {
  const group = svgElement("g", {}, shapeOf(row.schedule, row.isRunnable, place, isSelected));
  if (isSelected) group.append(svgElement("circle", { class: "scatter-selected", cx: place[0], cy: place[1], r: 9 }));
  return group;
}

function shapeOf(schedule: ScheduleName, isRunnable: boolean, [left, top]: readonly [number, number], isSelected: boolean): SVGElement {
  const kind = `${lines.has(schedule) ? "scatter-line" : "scatter-solid"} ${isRunnable ? "runs" : "runs-not"}${isSelected ? " is-selected" : ""}`;
  return svgElement("path", { class: `scatter-point ${kind}`, d: symbol(shapes[schedule], lines.has(schedule) ? lineArea : area)() ?? "", transform: `translate(${left},${top})` });
}

/** Cross hairs, so that it is seen beneath and beside other points. */
function ownMark(left: number, top: number): readonly SVGElement[] {
  const hair = (x1: number, y1: number, x2: number, y2: number) => svgElement("line", { class: "scatter-own", x1, x2, y1, y2 });
  const isLow = top > height / 2;
  return [hair(left - 14, top, left - 6, top), hair(left + 6, top, left + 14, top), hair(left, top - 14, left, top - 6), hair(left, top + 6, left, top + 14),
    svgElement("text", { class: "scatter-label scatter-own-label", x: left, y: isLow ? top - 17 : top + 25, "text-anchor": left < 90 ? "start" : "middle" }, "this plan")];
}
