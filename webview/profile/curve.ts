/** How the times of a layer grow with its batch: F, I and W over all batch sizes of the profile. */
import { axisBottom, axisLeft, line, scaleLinear, scaleLog, select, symbol, symbolCircle, symbolSquare, symbolTriangle } from "d3";
import { formatMs, formatTick } from "../../src/timeline/layout/format";
import { svgElement } from "../dom";
import type { Figures } from "./columns";
import { passes } from "./passes";

/** Times at one batch size, in ms of a pass or of a sample; without times it failed there. */
export interface CurvePoint {
  readonly batch: number;
  readonly times?: Pick<Figures, "forward" | "inputGrad" | "weightGrad">;
}

const size = { width: 252, height: 168 };
const inner = { left: 46, right: 16, top: 8, bottom: 34 };
const symbols = { F: symbolCircle, I: symbolSquare, W: symbolTriangle } as const;

/** @param points Ascending. @param unit What the times are of, e.g. "pass". */
export function curveChart(name: string, points: readonly CurvePoint[], unit: string): SVGSVGElement {
  const lines = passes.map((pass) => ({ ...pass, points: points.flatMap(({ batch, times }) => {
    const ms = times?.[pass.key];
    return ms === undefined ? [] : [{ batch, ms }];
  }) })).filter(({ points: list }) => list.length > 0);
  const chart = svgElement("svg", { class: "curve", viewBox: `0 0 ${size.width} ${size.height}`, role: "img", "aria-label": summary(name, lines, unit) });
  const batches = points.map(({ batch }) => batch);
  const [first, last] = [batches[0] ?? 1, batches[batches.length - 1] ?? 1];
  const x = scaleLog(first === last ? [first / 2, last * 2] : [first, last], [inner.left, size.width - inner.right]).base(2);
  const most = Math.max(...lines.flatMap(({ points: list }) => list.map(({ ms }) => ms)), 0) || 1;
  const y = scaleLinear([0, most], [size.height - inner.bottom, inner.top]).nice(4);
  const root = select(chart);
  const [low, high] = y.ticks(4);
  root.append("g").attr("class", "curve-axis curve-grid").attr("transform", `translate(${inner.left},0)`).call(axisLeft<number>(y).ticks(4).tickSize(inner.left + inner.right - size.width).tickFormat((ms) => formatTick(ms, (high ?? low + 1) - low).replace(/ ms$/, "")));
  root.append("g").attr("class", "curve-axis").attr("transform", `translate(0,${size.height - inner.bottom})`).call(axisBottom<number>(x).tickValues(thinned(batches)).tickFormat((batch) => String(batch)).tickSize(4));
  root.append("text").attr("class", "curve-title").attr("x", size.width - inner.right).attr("y", size.height - 3).attr("text-anchor", "end").text("batch");
  root.append("text").attr("class", "curve-title").attr("x", 2).attr("y", size.height - 3).text(`ms per ${unit}`);
  const path = line<{ readonly batch: number; readonly ms: number }>(({ batch }) => x(batch), ({ ms }) => y(ms));
  for (const { letter, points: list } of lines) {
    root.append("path").attr("class", `curve-line curve-${letter}`).attr("d", path(list));
    for (const { batch, ms } of list) root.append("path").attr("class", `curve-point curve-${letter}`).attr("d", symbol(symbols[letter], 34)()).attr("transform", `translate(${x(batch)},${y(ms)})`).append("title").text(`${letter} at batch ${batch}: ${formatMs(ms)}`);
  }
  for (const { letter, batch, at } of apart(lines.map(({ letter, points: list }) => ({ letter, batch: list[list.length - 1].batch, at: y(list[list.length - 1].ms) })))) {
    root.append("text").attr("class", `curve-letter curve-${letter}`).attr("x", x(batch) + 6).attr("y", at).attr("dy", "0.35em").text(letter);
  }
  for (const { batch } of points.filter(({ times }) => !times)) root.append("text").attr("class", "curve-failed").attr("x", x(batch)).attr("y", size.height - inner.bottom - 3).attr("text-anchor", "middle").text("✕").append("title").text(`Failed at batch ${batch}`);
  return chart;
}

const lineHeight = 11;

/** Letters beside the ends of their lines, moved up as far as they would cover each other. */
function apart<T extends { readonly at: number }>(letters: readonly T[]): readonly T[] {
  let below = Infinity;
  return [...letters].sort((a, b) => b.at - a.at).map((letter) => {
    below = Math.min(letter.at, below - lineHeight);
    return { ...letter, at: below };
  });
}

/** As many marks as there is room for, the last among them. */
function thinned(batches: readonly number[]): readonly number[] {
  const step = Math.ceil(batches.length / 8);
  return batches.filter((_, index) => (batches.length - 1 - index) % step === 0);
}

function summary(name: string, lines: readonly { readonly letter: string; readonly points: readonly { readonly batch: number; readonly ms: number }[] }[], unit: string): string {
  const ends = lines.map(({ letter, points }) => {
    const [first, last] = [points[0], points[points.length - 1]];
    return first === last ? `${letter} ${formatMs(first.ms)} at batch ${first.batch}` : `${letter} from ${formatMs(first.ms)} at batch ${first.batch} to ${formatMs(last.ms)} at batch ${last.batch}`;
  });
  return `Time of ${name} per ${unit} over the batch size: ${ends.join("; ")}`;
}
