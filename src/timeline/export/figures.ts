/** Figures for the clipboard, with all digits: of one slice, or how each device spends its time. */
import { csvText, type Column } from "../../model/csv";
import type { Timeline } from "../../model/timeline";
import { deviceUse, type DeviceUse } from "../layout/describe";
import type { Layout, Slice } from "../layout/lanes";
import { operationColumns } from "./csv";

/** A line of titles and one of values, apart by tabs: the columns of the CSV table of operations. */
export function sliceAsText(slice: Slice, timeline: Timeline, device: number): string {
  const operation = slice.index === undefined ? undefined : timeline.operations[slice.index];
  return operation ? csvText(operationColumns(timeline), [operation], "\t") : csvText(idleColumns(timeline, device), [slice], "\t");
}

const idleColumns = (timeline: Timeline, device: number): readonly Column<Slice>[] => [
  ["source", () => timeline.source],
  ["device", () => device],
  ["device_name", () => timeline.devices[device]?.name],
  ["op", () => "idle"],
  ["start_ms", ({ startMs }) => startMs],
  ["end_ms", ({ endMs }) => endMs],
  ["duration_ms", ({ startMs, endMs }) => endMs - startMs],
];

/** A line per device of each layout. */
export function deviceUseAsText(layouts: readonly Layout[]): string {
  const rows = layouts.flatMap((layout) => deviceUse(layout).map((use) => ({ ...use, timeline: layout.timeline })));
  const columns: readonly Column<DeviceUse & { readonly timeline: Timeline }>[] = [
    ["source", ({ timeline }) => timeline.source],
    ["device", ({ device }) => device],
    ["device_name", ({ device, timeline }) => timeline.devices[device]?.name],
    ["trained", ({ trained }) => trained],
    ["frozen", ({ frozen }) => frozen],
    ["idle", ({ idle }) => idle],
    ["peak_memory_bytes", ({ device, timeline }) => timeline.devices[device]?.peakMemoryBytes],
  ];
  return csvText(columns, rows, "\t");
}
