/** Chrome's trace event format (JSON object form), which Perfetto and chrome://tracing open: a process per device, a thread per row. */
import type { Timeline, TimelineOperation } from "../../model/timeline";
import { kindOf, kindStyles, labelsOf } from "../layout/kinds";
import { layoutTimeline } from "../layout/lanes";

interface TraceEvent {
  readonly name: string;
  readonly ph: "X" | "M" | "s" | "f";
  readonly pid: number;
  readonly tid: number;
  readonly [key: string]: unknown;
}

export interface ChromeTrace {
  readonly displayTimeUnit: "ms";
  readonly otherData: Readonly<Record<string, string | number>>;
  readonly traceEvents: readonly TraceEvent[];
}

/** Times become microseconds from the timeline's zero. Dependencies between devices become flow arrows. */
export function timelineToChromeTrace(timeline: Timeline): ChromeTrace {
  const events: TraceEvent[] = [];
  const thread = new Map<number, number>();
  for (const lane of layoutTimeline(timeline).lanes) {
    const first = lane.stream === "compute" ? 0 : 1000;
    if (lane.stream === "compute") {
      events.push({ name: "process_name", ph: "M", pid: lane.device, tid: 0, args: { name: `Device ${lane.device}: ${timeline.devices[lane.device].name}` } });
      events.push({ name: "process_sort_index", ph: "M", pid: lane.device, tid: 0, args: { sort_index: lane.device } });
    }
    lane.rows.forEach((row, r) => {
      events.push({ name: "thread_name", ph: "M", pid: lane.device, tid: first + r, args: { name: r ? `${lane.stream} ${r + 1}` : lane.stream } });
      for (const slice of row) {
        if (slice.index === undefined) continue;
        thread.set(slice.index, first + r);
        const operation = timeline.operations[slice.index];
        events.push({
          name: labelsOf(operation, slice.servesNext)[0],
          cat: kindStyles[kindOf(operation.op)].title,
          ph: "X", pid: lane.device, tid: first + r,
          ts: operation.startMs * 1000, dur: (operation.endMs - operation.startMs) * 1000,
          args: argumentsOf(operation),
        });
      }
    });
  }
  timeline.operations.forEach((operation, index) => {
    for (const dep of operation.deps) events.push(...flow(timeline, dep, index, thread));
  });
  const { source, periodMs, makespanMs, bubbleRatio, throughputPerSecond } = timeline;
  return { displayTimeUnit: "ms", otherData: { source, periodMs, makespanMs, bubbleRatio, throughputPerSecond }, traceEvents: events };
}

/** A flow leaves the end of one slice and enters the start of the other; inside a device order says it already. */
function flow(timeline: Timeline, from: number, to: number, thread: ReadonlyMap<number, number>): TraceEvent[] {
  const source = timeline.operations[from];
  const target = timeline.operations[to];
  if (!source || source.device === target.device) return [];
  const shared = { name: "dependency", cat: "dependency", id: `${from}-${to}` };
  return [
    { ...shared, ph: "s", pid: source.device, tid: thread.get(from) ?? 0, ts: source.endMs * 1000 },
    { ...shared, ph: "f", bp: "e", pid: target.device, tid: thread.get(to) ?? 0, ts: target.startMs * 1000 },
  ];
}

function argumentsOf(operation: TimelineOperation): Record<string, unknown> {
  const { op, iteration, chain, component, stage, microbatch, layers, samples, bytes, peer, channel, source } = operation;
  return Object.fromEntries(Object.entries({ op, iteration, chain, component, stage, microbatch, layers, samples, bytes, peer, channel, times: source }).filter(([, value]) => value !== undefined));
}
