/** Operations as RFC 4180 comma-separated values, one line each. */
import type { Timeline, TimelineOperation } from "../../model/timeline";

type Cell = string | number | undefined;

const columns: readonly (readonly [string, (operation: TimelineOperation, timeline: Timeline) => Cell])[] = [
  ["source", (_, timeline) => timeline.source],
  ["device", (operation) => operation.device],
  ["device_name", (operation, timeline) => timeline.devices[operation.device]?.name],
  ["stream", (operation) => operation.stream],
  ["op", (operation) => operation.op],
  ["iteration", (operation) => operation.iteration],
  ["chain", (operation) => operation.chain],
  ["component", (operation) => operation.component],
  ["stage", (operation) => operation.stage],
  ["microbatch", (operation) => operation.microbatch],
  ["layers_from", (operation) => operation.layers?.[0]],
  ["layers_to", (operation) => operation.layers?.[1]],
  ["samples_from", (operation) => operation.samples?.[0]],
  ["samples_to", (operation) => operation.samples?.[1]],
  ["start_ms", (operation) => operation.startMs],
  ["end_ms", (operation) => operation.endMs],
  ["duration_ms", (operation) => operation.endMs - operation.startMs],
  ["bytes", (operation) => operation.bytes],
  ["peer", (operation) => operation.peer],
  ["channel", (operation) => operation.channel],
  ["times_from", (operation) => operation.source],
];

export function timelineToCsv(timeline: Timeline): string {
  const lines = [columns.map(([title]) => title).join(",")];
  for (const operation of timeline.operations) lines.push(columns.map(([, cell]) => cellText(cell(operation, timeline))).join(","));
  return `${lines.join("\r\n")}\r\n`;
}

/** Names come from files of the workspace: one that a spreadsheet would run as a formula is kept as text. */
function cellText(cell: Cell): string {
  if (cell === undefined) return "";
  if (typeof cell === "number") return String(cell);
  const text = /^[=+\-@\t\r]/.test(cell) ? `'${cell}` : cell;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
