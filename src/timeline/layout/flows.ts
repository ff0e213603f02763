/** What the selected operation waited for, and what waited for it, as arrows between slices. */
import type { Timeline } from "../../model/timeline";
import type { Placement, SlicePlace } from "./geometry";
import { sliceOf } from "./geometry";
import { placesOf } from "./places";
import { dependentsOf } from "./waiting";

/** Indices of operations. */
export interface Neighbours {
  readonly before: readonly number[];
  readonly after: readonly number[];
}

export function neighboursOf(timeline: Timeline, operation: number): Neighbours {
  return { before: [...new Set(timeline.operations[operation]?.deps ?? [])], after: [...new Set(dependentsOf(timeline)[operation] ?? [])] };
}

/** From the end of one slice to the start of another: times in ms, heights in pixels from the top of the lanes. */
export interface Flow {
  readonly direction: "into" | "out";
  readonly operation: number;
  readonly fromMs: number;
  readonly fromY: number;
  readonly toMs: number;
  readonly toY: number;
}

/** All flows of the operation at a place; none for idle time. */
export function flowsOf(placement: Placement, timelines: readonly Timeline[], place: SlicePlace): readonly Flow[] {
  const layout = placement.lanes[place.lane]?.layout;
  const own = sliceOf(placement, place);
  if (layout === undefined || own?.index === undefined) return [];
  const find = placesOf(placement);
  const { before, after } = neighboursOf(timelines[layout], own.index);
  const middle = (at: SlicePlace) => placement.lanes[at.lane].y + (at.row + 0.5) * placement.lanes[at.lane].rowHeight;
  const flow = (operation: number, direction: Flow["direction"]): readonly Flow[] => {
    const other = find(layout, operation);
    const slice = other && sliceOf(placement, other);
    if (!other || !slice) return [];
    const [from, to] = direction === "into" ? [{ slice, at: other }, { slice: own, at: place }] : [{ slice: own, at: place }, { slice, at: other }];
    return [{ direction, operation, fromMs: from.slice.endMs, fromY: middle(from.at), toMs: to.slice.startMs, toY: middle(to.at) }];
  };
  return [...before.flatMap((operation) => flow(operation, "into")), ...after.flatMap((operation) => flow(operation, "out"))];
}

export interface Window {
  readonly fromMs: number;
  readonly toMs: number;
  readonly fromY: number;
  readonly toY: number;
}

/** Flows that pass through a window, the shortest in time first, `most` of them, and how many more there are in it. */
export function flowsInView(flows: readonly Flow[], window: Window, most: number): { readonly shown: readonly Flow[]; readonly more: number } {
  const meets = (a: number, b: number, from: number, to: number) => Math.max(a, b) >= from && Math.min(a, b) <= to;
  const inView = flows.filter((flow) => meets(flow.fromMs, flow.toMs, window.fromMs, window.toMs) && meets(flow.fromY, flow.toY, window.fromY, window.toY));
  const waited = (flow: Flow) => flow.toMs - flow.fromMs;
  const shown = [...inView].sort((a, b) => waited(a) - waited(b)).slice(0, most);
  return { shown, more: inView.length - shown.length };
}
