/**
 * A timeline as one vector picture on white, with axis, legend and figures. It is drawn for a column of a paper: set 3.4 inches wide,
 * its text is six points high and more, and it holds without colour.
 */
import { scaleLinear } from "d3";
import type { Timeline } from "../../model/timeline";
import { alignMeasured } from "../layout/align";
import { kindName } from "../layout/describe";
import { formatMs, formatPercent, formatThroughput, formatTick } from "../layout/format";
import { placeLanes, type PlacedLane } from "../layout/geometry";
import { kindStyles, labelsOf, sliceKinds, type SliceKind } from "../layout/kinds";
import { isTrained, layoutTimeline, type Slice } from "../layout/lanes";
import { visibleMarks, type Mark } from "../layout/visible";
import { ground, paintedBox, paints, patternDefinitions } from "./svgPaint";
import { escapeXml, fitted, lineHeight, round, svgText, textWidth, wrapped } from "./svgText";

const width = 420;
const margin = 6;
const left = 56;
const right = width - margin;
/** Of the axis, the legend and device numbers; labels of slices may be smaller, as little as `smallest`. */
const fontSize = 10.5;
const smallest = 8;
/** Room that a label leaves in its slice, both sides together. */
const padding = 3;
const heights = { compute: 22, communication: 6, gap: 1.5, deviceGap: 7 };
/** Browsers show it twice as large as it is drawn. */
const shownLarger = 2;

/** Of devices, by name. */
const mostKinds = 4;

type Scale = (ms: number) => number;

/** Of a run of many iterations, a few that stand for it are drawn. */
export function timelineToSvg(whole: Timeline): string {
  const { timeline, zeroMs, note } = excerpt(whole);
  const layout = layoutTimeline(timeline);
  const placement = placeLanes([layout], heights);
  const extent = [Math.min(zeroMs, layout.startMs), layout.endMs];
  const x = scaleLinear(extent, [left, right]);
  const labels = labelling(timeline, (right - left) / (extent[1] - extent[0]));
  const heading = wrapped([...figuresOf(timeline), ...(note === undefined ? [] : [note])], ", ", fontSize, right - margin);
  const devices = wrapped(deviceKinds(timeline), ", ", fontSize, right - margin);
  const head = [...heading.map((line) => ({ line, weight: "bold" as const })), ...devices.map((line) => ({ line, weight: undefined }))];
  const axis = margin + head.length * lineHeight(fontSize) + 2 * lineHeight(fontSize);
  const top = axis + 8;
  const bottom = top + placement.height;
  const legend = legendRows(labels.note);
  const height = bottom + 10 + legend.length * lineHeight(fontSize) + margin;
  const parts = [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width * shownLarger}" height="${round(height * shownLarger)}" viewBox="0 0 ${width} ${round(height)}" font-family="Helvetica, Arial, sans-serif" role="img">`,
    `<title>${escapeXml(`Pipeline timeline, ${timeline.source}`)}</title>`,
    patternDefinitions(),
    `<rect width="100%" height="100%" fill="#fff"/>`,
    ...head.map(({ line, weight }, index) => svgText(margin, margin + (index + 1) * lineHeight(fontSize) - 3, line, { size: fontSize, weight })),
    ...axisMarks(x, x(zeroMs + timeline.periodMs), axis, bottom),
    ...placement.devices.map(({ device, y }) => svgText(left - 5, top + y + heights.compute / 2 + fontSize * 0.35, fitted(`Device ${device}`, fontSize, left - 5), { size: fontSize, anchor: "end" })),
    ...placement.lanes.flatMap((placed) => laneMarks(placed, labels, x, top, (extent[1] - extent[0]) / (right - left))),
    ...periodMark(timeline, zeroMs, x, axis, bottom),
    ...legend.flatMap((row, index) => row(bottom + 10 + (index + 1) * lineHeight(fontSize) - 3)),
    "</svg>",
  ];
  return `${parts.join("\n")}\n`;
}

interface Excerpt {
  readonly timeline: Timeline;
  /** Where its first iteration begins. */
  readonly zeroMs: number;
  /** Which iterations they are, where others are left out. */
  readonly note?: string;
}

/** Two iterations, as a prediction has them: of more, neighbouring ones of median length, and what ran meanwhile. */
function excerpt(timeline: Timeline): Excerpt {
  const numbers = [...new Set(timeline.operations.filter(isTrained).map(({ iteration }) => iteration))].sort((a, b) => a - b);
  const first = new Set(numbers.slice(0, 2));
  const aligned = numbers.length > 2 ? alignMeasured({ ...timeline, operations: timeline.operations.filter(({ iteration }) => first.has(iteration)) }, timeline) : undefined;
  if (!aligned) return { timeline, zeroMs: 0 };
  const trained = aligned.timeline.operations.filter(isTrained);
  return {
    timeline: aligned.timeline, zeroMs: trained.reduce((least, { startMs }) => Math.min(least, startMs), Infinity),
    note: `iterations ${aligned.iteration}–${aligned.iteration + aligned.count - 1} of ${numbers.length}`,
  };
}

function figuresOf({ source, periodMs, bubbleRatio, throughputPerSecond }: Timeline): readonly string[] {
  return [`${source === "measured" ? "Measured" : "Predicted"}: period ${formatMs(periodMs)}`, `bubble ratio ${formatPercent(bubbleRatio)}`, formatThroughput(throughputPerSecond)];
}

/** "8 × NVIDIA A100": a name is said once however many devices have it. */
function deviceKinds(timeline: Timeline): readonly string[] {
  const counts = new Map<string, number>();
  for (const device of timeline.devices.keys()) {
    const name = kindName(timeline, device);
    if (name !== "") counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  const kinds = [...counts].map(([name, count]) => (count > 1 ? `${count} × ${name}` : name));
  return kinds.length > mostKinds ? [...kinds.slice(0, mostKinds - 1), `${kinds.length - mostKinds + 1} more kinds of devices`] : kinds;
}

/** Ticks; where the period's mark would cross a label, the label gives way. */
function axisMarks(x: Scale & { ticks(count: number): number[] }, mark: number, axis: number, bottom: number): string[] {
  const ticks = x.ticks(6);
  const [first, second] = ticks;
  const stepMs = (second ?? first + 1) - first;
  return ticks.flatMap((tick) => {
    const label = formatTick(tick, stepMs);
    const half = textWidth(label, fontSize) / 2;
    const middle = Math.min(Math.max(x(tick), margin + half), right - half);
    return [
      `<line x1="${round(x(tick))}" x2="${round(x(tick))}" y1="${round(axis)}" y2="${round(bottom)}" stroke="#ccc" stroke-width="0.5"/>`,
      ...(Math.abs(middle - mark) < half + 2 ? [] : [svgText(middle, axis - 3, label, { size: fontSize, anchor: "middle", fill: "#333" })]),
    ];
  });
}

/** Where one iteration gives way to the next. */
function periodMark({ periodMs }: Timeline, zeroMs: number, x: Scale, axis: number, bottom: number): string[] {
  const at = x(zeroMs + periodMs);
  if (at < left || at > right) return [];
  const label = `period ${formatMs(periodMs)}`;
  const size = fontSize;
  const half = textWidth(label, size) / 2;
  const y = axis - lineHeight(fontSize) - 1;
  return [
    `<line x1="${round(at)}" x2="${round(at)}" y1="${round(y + 2)}" y2="${round(bottom + 3)}" stroke="#000" stroke-width="1" stroke-dasharray="4 2"/>`,
    svgText(Math.min(Math.max(at, margin + half), right - half), y - 1, label, { size, anchor: "middle" }),
  ];
}

interface Labelling {
  /** From the fullest to the shortest. */
  of(slice: Slice): readonly string[];
  /** In full, for whoever points at it. */
  titleOf(slice: Slice): string;
  /** What the legend says of them. */
  readonly note?: string;
}

/** Passes are named alike all over the picture: "F3", or, where that is too long for some and a number says enough, "3", as papers have it. */
function labelling(timeline: Timeline, unitsPerMs: number): Labelling {
  const passes = timeline.operations.filter(({ op, microbatch, stream }) => stream === "compute" && microbatch !== undefined && op !== "SELF_COND");
  const isPlain = passes.every(({ op }) => op === "F" || op === "B");
  const numbers = isPlain && passes.some((pass) => textWidth(labelsOf(pass)[0], smallest) > (pass.endMs - pass.startMs) * unitsPerMs - padding);
  return {
    of: (slice) => {
      if (slice.index === undefined) return [`idle ${formatMs(slice.endMs - slice.startMs)}`, formatMs(slice.endMs - slice.startMs)];
      const operation = timeline.operations[slice.index];
      const labels = labelsOf(operation, slice.servesNext);
      return numbers && (operation.op === "F" || operation.op === "B") && operation.microbatch !== undefined ? [String(operation.microbatch)] : labels.filter((label) => label !== kindStyles.fill.letter);
    },
    titleOf: (slice) => (slice.index === undefined ? "idle" : labelsOf(timeline.operations[slice.index], slice.servesNext)[0]),
    ...(numbers && { note: "Numbers: micro-batches" }),
  };
}

/** Slices that share less than a quarter of a unit are drawn as one: nobody sees them apart, and the file stays small. */
function laneMarks(placed: PlacedLane, labels: Labelling, x: Scale, top: number, msPerUnit: number): string[] {
  return placed.lane.rows.flatMap((row, r) => visibleMarks(row, -Infinity, Infinity, msPerUnit / 4).map((mark) => sliceMark(mark, row[mark.typical], labels, x, top + placed.y + r * placed.rowHeight, placed.rowHeight)));
}

function sliceMark(mark: Mark, slice: Slice, labels: Labelling, x: Scale, y: number, height: number): string {
  const from = x(mark.startMs);
  const wide = x(mark.endMs) - from;
  const title = mark.count > 1 ? `${mark.count} operations` : labels.titleOf(slice);
  const hover = `<title>${escapeXml(`${title}: ${formatMs(mark.endMs - mark.startMs)} from ${formatMs(mark.startMs)}`)}</title>`;
  const kind = mark.idleMs > (mark.endMs - mark.startMs) / 2 ? "idle" : slice.kind;
  return `<g>${hover}${paintedBox(kind, from, y, wide, height)}${mark.count > 1 ? "" : caption(kind, labels.of(slice), from, y, wide, height)}</g>`;
}

/** The fullest label that fits, as large as it can be; none in a lane too low for legible text. */
function caption(kind: SliceKind, labels: readonly string[], from: number, y: number, wide: number, height: number): string {
  for (const label of labels) {
    const size = Math.min(fontSize, height - 4, (wide - padding) / textWidth(label, 1));
    if (size < smallest) continue;
    const middle = y + height / 2;
    const half = textWidth(label, size) / 2;
    return ground(kind, from + wide / 2 - half, middle - size * 0.6, 2 * half, size * 1.2) + svgText(from + wide / 2, middle + size * 0.35, label, { size, anchor: "middle", fill: paints[kind].ink });
  }
  return "";
}

/** Rows of the legend, each waiting for where its base line is. */
function legendRows(note: string | undefined): readonly ((y: number) => readonly string[])[] {
  const swatch = 16;
  const rows: { readonly x: number; readonly draw: (x: number, y: number) => readonly string[] }[][] = [[]];
  let x = margin;
  const add = (wide: number, draw: (x: number, y: number) => readonly string[]) => {
    if (x > margin && x + wide > right) {
      rows.push([]);
      x = margin;
    }
    rows[rows.length - 1].push({ x, draw });
    x += wide + 10;
  };
  for (const kind of sliceKinds) {
    const { title } = kindStyles[kind];
    add(swatch + 4 + textWidth(title, fontSize), (at, y) => [paintedBox(kind, at, y - 8.5, swatch, 10), svgText(at + swatch + 4, y, title, { size: fontSize })]);
  }
  if (note !== undefined) add(textWidth(note, fontSize), (at, y) => [svgText(at, y, note, { size: fontSize, fill: "#333" })]);
  return rows.map((row) => (y) => row.flatMap(({ x: at, draw }) => draw(at, y)));
}
