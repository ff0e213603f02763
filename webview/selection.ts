/** Which slice is selected, and the ways from it to others. */
import type { TimelineOperation } from "../src/model/timeline";
import { sentenceOf } from "../src/timeline/layout/describe";
import { acrossLanes, neighbour, placeOfOperation, sliceOf, type PlacedLane, type SlicePlace } from "../src/timeline/layout/geometry";
import { operationKey, operationOfKey } from "../src/timeline/layout/kinds";
import type { Layout } from "../src/timeline/layout/lanes";
import type { TimelineView } from "./canvas/timelineView";

export interface SelectionEvents {
  /** What is drawn; none while there is no picture. */
  layouts(): readonly Layout[];
  /** Another slice is selected; `key` finds it again in another picture, and is undefined for none. */
  selected(key: string | undefined, place: SlicePlace | undefined): void;
  say(text: string): void;
}

export class SliceSelection {
  place?: SlicePlace;

  constructor(private readonly view: TimelineView, private readonly events: SelectionEvents) {}

  select(place: SlicePlace | undefined): void {
    const slice = place && sliceOf(this.view.placement, place);
    const placed = place && this.view.placement.lanes[place.lane];
    const timeline = placed && this.events.layouts()[placed.layout]?.timeline;
    this.events.selected(placed && timeline && keyAt(place, placed, timeline.operations), place);
    if (slice && placed && timeline) this.events.say(sentenceOf(slice, timeline, placed.lane.device));
  }

  step(direction: 1 | -1): void {
    const { placement } = this.view;
    this.go(neighbour(placement, this.place ?? { lane: 0, row: 0, slice: -1 }, this.place ? direction : 1));
  }

  cross(direction: 1 | -1): void {
    if (!this.place) return this.step(1);
    this.go(acrossLanes(this.view.placement, this.place, direction));
  }

  /** Selects a slice and brings it into view. */
  go(place: SlicePlace | undefined): void {
    if (!place) return;
    this.select(place);
    this.view.reveal(place);
    // Where there is little room, the page itself scrolls.
    this.view.scroller.scrollIntoView({ block: "nearest" });
  }

  /** Where what a key names is drawn; undefined where it is not there, or folded away. */
  placeOfKey(key: string): SlicePlace | undefined {
    const [layout, idle = "", name] = /^(\d+):(before |after )?(.*)$/s.exec(key)?.slice(1) ?? ["0", "", ""];
    const operation = operationOfKey(this.events.layouts()[Number(layout)]?.timeline.operations ?? [], name);
    const place = operation < 0 ? undefined : placeOfOperation(this.view.placement, Number(layout), operation);
    if (!place || idle === "") return place;
    const beside = { ...place, slice: place.slice + (idle === "before " ? -1 : 1) };
    return sliceOf(this.view.placement, beside)?.kind === "idle" ? beside : undefined;
  }
}

/** Names a slice: its operation, or of idle time the operation that ends it, or the one that it follows. */
function keyAt({ row: rowIndex, slice }: SlicePlace, { lane, layout }: PlacedLane, operations: readonly TimelineOperation[]): string | undefined {
  const row = lane.rows[rowIndex] ?? [];
  for (const [beside, idle] of [[row[slice], ""], [row[slice + 1], "before "], [row[slice - 1], "after "]] as const) {
    if (beside?.index !== undefined) return `${layout}:${idle}${operationKey(operations[beside.index])}`;
  }
  return undefined;
}

/** Names an operation of one of the layouts. */
export function keyOf(layout: number, operation: TimelineOperation): string {
  return `${layout}:${operationKey(operation)}`;
}

/** The operation of an `operationKey`, or where fewer iterations are shown than it was named in, the same one of another iteration. */
export function operationNamed(operations: readonly TimelineOperation[], key: string): TimelineOperation | undefined {
  return operations.find((other) => operationKey(other) === key) ?? operations.find((other) => withoutIteration(operationKey(other)) === withoutIteration(key));
}

/** An `operationKey` with its third part left out. */
function withoutIteration(key: string): string {
  return key.split("|").toSpliced(2, 1).join("|");
}
