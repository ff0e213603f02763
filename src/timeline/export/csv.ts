/** Operations as comma-separated values, one line each. */
import { csvText, type Column } from "../../model/csv";
import type { Timeline, TimelineOperation } from "../../model/timeline";

export function timelineToCsv(timeline: Timeline): string {
  return csvText(operationColumns(timeline), timeline.operations);
}

export const operationColumns = (timeline: Timeline): readonly Column<TimelineOperation>[] => [
  ["source", () => timeline.source],
  ["device", (operation) => operation.device],
  ["device_name", (operation) => timeline.devices[operation.device]?.name],
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
