/** What the details pane says of a slice, as label and value; the same facts are read out by screen readers. */
import type { Profile } from "../../model/profile";
import type { Timeline, TimelineOperation } from "../../model/timeline";
import { formatBytes, formatMs } from "./format";
import { kindOf, operationTitle, rangeText, type SliceKind } from "./kinds";
import type { Layout, Slice, TimelineSource } from "./lanes";
import { layersOf } from "./layerSequence";

export interface Fact {
  readonly label: string;
  readonly value: string;
}

/** One line: "Forward, micro-batch 3, stage 1, device 0, 12.0 ms from 34.0 ms". */
export function sentenceOf(slice: Slice, timeline: Timeline, device: number): string {
  const parts: string[] = [];
  const operation = slice.index === undefined ? undefined : timeline.operations[slice.index];
  parts.push(operation ? operationTitle(operation.op) : "Idle");
  if (operation?.component !== undefined) parts.push(operation.component);
  if (operation?.microbatch !== undefined) parts.push(`micro-batch ${operation.microbatch}`);
  if (operation?.stage !== undefined) parts.push(`stage ${operation.stage}`);
  if (slice.servesNext) parts.push("for the next iteration");
  parts.push(`device ${device}`, `${formatMs(slice.endMs - slice.startMs)} from ${formatMs(slice.startMs)}`);
  return parts.join(", ");
}

/** Label and value of everything known about a slice; `profile` gives the layers their names. */
export function factsOf(slice: Slice, timeline: Timeline, device: number, source: TimelineSource, profile?: Profile): readonly Fact[] {
  const operation = slice.index === undefined ? undefined : timeline.operations[slice.index];
  const facts: Fact[] = [{ label: "Device", value: deviceName(timeline, device) }];
  const add = (label: string, value: string | undefined) => {
    if (value !== undefined) facts.push({ label, value });
  };
  if (operation) {
    add("Micro-batch", operation.microbatch?.toString());
    add("Stage", operation.stage === undefined ? undefined : `${operation.stage}${operation.chain === undefined ? "" : ` of ${operation.chain}`}`);
    add("Component", operation.component);
    add("Serves", operation.op === "FILL" ? (slice.servesNext ? `iteration ${operation.iteration} (the next)` : `iteration ${operation.iteration}`) : undefined);
    add("Samples", operation.samples && `${rangeText(operation.samples)} (${operation.samples[1] - operation.samples[0]})`);
    add("Layers", layersText(operation, profile));
    add("Bytes", operation.bytes === undefined ? undefined : formatBytes(operation.bytes));
    add("Peer", operation.peer === undefined ? undefined : deviceName(timeline, operation.peer));
    add("Channel", operation.channel);
  }
  add("Duration", formatMs(slice.endMs - slice.startMs));
  add("Start", formatMs(slice.startMs));
  add("End", formatMs(slice.endMs));
  add("Source", sourceText(operation, source));
  return facts;
}

export function deviceName(timeline: Timeline, device: number): string {
  const name = kindName(timeline, device);
  return name ? `${device} · ${name}` : `${device}`;
}

/** What sort of device it is: its name without the rank that may come first. */
export function kindName(timeline: Timeline, device: number): string {
  return (timeline.devices[device]?.name ?? "").replace(new RegExp(`^(rank )?${device}: `), "");
}

/** What each device does over the iterations shown, as shares of the whole; waiting for others counts as idle. */
export interface DeviceUse {
  readonly device: number;
  readonly trained: number;
  readonly frozen: number;
  readonly idle: number;
}

/** What a kind counts as in a device's time. */
export const useOf: Readonly<Record<SliceKind, "trained" | "frozen" | "idle">> = { forward: "trained", backward: "trained", optimizer: "trained", fill: "frozen", communication: "idle", idle: "idle" };

export function deviceUse(layout: Layout): readonly DeviceUse[] {
  return layout.lanes.filter((lane) => lane.stream === "compute").map(({ device, rows }) => {
    const total = { trained: 0, frozen: 0, idle: 0 };
    for (const slice of rows.flat()) total[useOf[slice.kind]] += slice.endMs - slice.startMs;
    const all = total.trained + total.frozen + total.idle || 1;
    return { device, trained: total.trained / all, frozen: total.frozen / all, idle: total.idle / all };
  });
}

/** What a prediction rests on: how much of its computing time comes from layers that were measured, how much from estimates. */
export function basisOf(timeline: Timeline): string {
  let measured = 0;
  let all = 0;
  for (const { op, stream, startMs, endMs, source } of timeline.operations) {
    if (stream !== "compute" || !["forward", "backward", "fill"].includes(kindOf(op))) continue;
    all += endMs - startMs;
    if (source === "measured") measured += endMs - startMs;
  }
  if (measured === all && all > 0) return "from measured layer times";
  return measured === 0 ? "estimate, error unknown" : `${Math.max(1, Math.round((1 - measured / all) * 100))} % from estimates`;
}

function sourceText(operation: TimelineOperation | undefined, source: TimelineSource): string {
  if (source === "measured") return "measured in the run";
  if (!operation?.source) return "predicted";
  if (operation.stream === "communication") return "estimate, from the cluster's links";
  return operation.source === "measured" ? "predicted from measured layer times" : "predicted from estimated layer times";
}

/** "12–18: down.0.resnet.0 … mid.attention (7)". */
function layersText(operation: TimelineOperation, profile: Profile | undefined): string | undefined {
  const { layers } = operation;
  if (!layers) return undefined;
  const names = profile && layersOf(profile, operation).map(({ layer }) => layer);
  const count = layers[1] - layers[0];
  if (!names?.length) return `${rangeText(layers)} (${count})`;
  return `${rangeText(layers)}: ${names.length === 1 ? names[0] : `${names[0]} … ${names[names.length - 1]}`}${count > 1 ? ` (${count})` : ""}`;
}
