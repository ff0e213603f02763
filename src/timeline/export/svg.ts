/** A timeline as one vector picture on white, with axis, legend and figures, legible in a paper. */
import { scaleLinear } from "d3";
import type { Timeline } from "../../model/timeline";
import { formatMs, formatPercent, formatThroughput, formatTick } from "../layout/format";
import { placeLanes, type PlacedLane } from "../layout/geometry";
import { kindStyles, labelsOf, sliceKinds, type SliceKind } from "../layout/kinds";
import { layoutTimeline, type Slice } from "../layout/lanes";

/** Colours that stay apart in print and for the colour-blind (after Okabe and Ito), each with its ink. */
const paint: Readonly<Record<SliceKind, { readonly fill: string; readonly ink: string }>> = {
  forward: { fill: "#5fa8d3", ink: "#000" },
  backward: { fill: "#1f5f8b", ink: "#fff" },
  fill: { fill: "#e8a33d", ink: "#000" },
  communication: { fill: "#9a9a9a", ink: "#000" },
  optimizer: { fill: "#b07aa1", ink: "#000" },
  idle: { fill: "#fff", ink: "#666" },
};

const left = 92;
const top = 44;
const width = 1000;
const right = 16;
const fontSize = 10;
/** Average glyph width of the fonts named below, over the font size. */
const glyph = 0.58;
const heights = { compute: 30, communication: 12, gap: 2, deviceGap: 10 };

export function timelineToSvg(timeline: Timeline): string {
  const layout = layoutTimeline(timeline);
  const placement = placeLanes([layout], heights);
  const x = scaleLinear([layout.startMs, layout.endMs], [left, left + width]);
  const [first, second] = x.ticks(10);
  const stepMs = (second ?? first + 1) - first;
  const bottom = top + placement.height;
  const total = { width: left + width + right, height: bottom + 56 };
  const parts = [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${total.width}" height="${total.height}" viewBox="0 0 ${total.width} ${total.height}" font-family="Helvetica, Arial, sans-serif" font-size="${fontSize}" role="img">`,
    `<title>${escape(`Pipeline timeline, ${timeline.source}`)}</title>`,
    patternDefinitions(),
    `<rect width="100%" height="100%" fill="#fff"/>`,
    text(left, 18, figures(timeline), { size: 12, weight: "bold" }),
    ...x.ticks(10).flatMap((tick) => [
      `<line x1="${round(x(tick))}" x2="${round(x(tick))}" y1="${top - 6}" y2="${bottom}" stroke="#ddd"/>`,
      text(x(tick), top - 10, formatTick(tick, stepMs), { anchor: "middle", fill: "#444" }),
    ]),
    ...placement.devices.map((device) => text(left - 8, top + device.y + heights.compute / 2 + 4, `Device ${device.device}`, { anchor: "end", weight: "bold" })),
    ...placement.lanes.flatMap((placed) => laneMarks(placed, timeline, x)),
    ...legend(bottom + 28),
    "</svg>",
  ];
  return `${parts.join("\n")}\n`;
}

function figures(timeline: Timeline): string {
  const { source, periodMs, bubbleRatio, throughputPerSecond } = timeline;
  return `${source === "measured" ? "Measured" : "Predicted"}: period ${formatMs(periodMs)}, bubble ratio ${formatPercent(bubbleRatio)}, ${formatThroughput(throughputPerSecond)}`;
}

function laneMarks(placed: PlacedLane, timeline: Timeline, x: (ms: number) => number): string[] {
  return placed.lane.rows.flatMap((row, r) => row.map((slice) => sliceMark(slice, timeline, x, top + placed.y + r * placed.rowHeight, placed.rowHeight)));
}

function sliceMark(slice: Slice, timeline: Timeline, x: (ms: number) => number, y: number, height: number): string {
  const from = x(slice.startMs);
  const wide = x(slice.endMs) - from;
  const { fill, ink } = paint[slice.kind];
  const operation = slice.index === undefined ? undefined : timeline.operations[slice.index];
  const labels = operation ? labelsOf(operation, slice.servesNext) : [formatMs(slice.endMs - slice.startMs)];
  const size = Math.min(fontSize, height - 2);
  const label = labels.find((other) => other.length * size * glyph < wide - 4);
  const box = `x="${round(from)}" y="${round(y)}" width="${round(Math.max(wide, 0.2))}" height="${round(height)}"`;
  const overlay = kindStyles[slice.kind].pattern === "plain" ? "" : `<rect ${box} fill="url(#pattern-${kindStyles[slice.kind].pattern})"/>`;
  const caption = label === undefined ? "" : text(from + wide / 2, y + height / 2 + size * 0.35, label, { anchor: "middle", fill: ink, size });
  const hover = `<title>${escape(`${labels[0]}: ${formatMs(slice.endMs - slice.startMs)} from ${formatMs(slice.startMs)}`)}</title>`;
  return `<g>${hover}<rect ${box} fill="${fill}" stroke="#333" stroke-width="0.4"${slice.kind === "idle" ? ' stroke-dasharray="2 2"' : ""}/>${overlay}${caption}</g>`;
}

function patternDefinitions(): string {
  return [
    "<defs>",
    '<pattern id="pattern-diagonal" width="6" height="6" patternUnits="userSpaceOnUse"><path d="M-1 1L1 -1M0 6L6 0M5 7L7 5" stroke="#000" stroke-opacity="0.28"/></pattern>',
    '<pattern id="pattern-dots" width="4" height="4" patternUnits="userSpaceOnUse"><circle cx="1" cy="1" r="0.7" fill="#000" fill-opacity="0.4"/></pattern>',
    '<pattern id="pattern-cross" width="6" height="6" patternUnits="userSpaceOnUse"><path d="M0 3H6M3 0V6" stroke="#000" stroke-opacity="0.25"/></pattern>',
    '<pattern id="pattern-hatch" width="8" height="8" patternUnits="userSpaceOnUse"><path d="M-1 7L1 9M0 0L8 8M7 -1L9 1" stroke="#000" stroke-opacity="0.12"/></pattern>',
    "</defs>",
  ].join("");
}

function legend(y: number): string[] {
  let x = left;
  return sliceKinds.flatMap((kind) => {
    const { title, pattern } = kindStyles[kind];
    const box = `x="${round(x)}" y="${y - 10}" width="18" height="12"`;
    const marks = [
      `<rect ${box} fill="${paint[kind].fill}" stroke="#333" stroke-width="0.4"/>`,
      ...(pattern === "plain" ? [] : [`<rect ${box} fill="url(#pattern-${pattern})"/>`]),
      text(x + 24, y, title, {}),
    ];
    x += 40 + title.length * fontSize * glyph;
    return marks;
  });
}

function text(x: number, y: number, content: string, style: { anchor?: string; fill?: string; size?: number; weight?: string }): string {
  const attributes = [
    `x="${round(x)}" y="${round(y)}"`,
    style.anchor ? ` text-anchor="${style.anchor}"` : "",
    style.size ? ` font-size="${round(style.size)}"` : "",
    style.weight ? ` font-weight="${style.weight}"` : "",
    ` fill="${style.fill ?? "#000"}"`,
  ].join("");
  return `<text ${attributes}>${escape(content)}</text>`;
}

function round(value: number): string {
  return String(Math.round(value * 100) / 100);
}

/** Text of a name as XML: markup is escaped, and what XML 1.0 cannot hold at all is replaced. */
function escape(content: string): string {
  return content
    .replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g, "\ufffd")
    .replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");
}
