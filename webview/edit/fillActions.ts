/** What can be done with the selected piece of frozen work: one table for buttons, keys and the list of keys. */
import type { FillAnchor, Plan } from "../../src/model/plan";
import type { Timeline, TimelineOperation } from "../../src/model/timeline";
import type { PlanEdit } from "../../src/plan/edits";
import { isSameAnchor, mergeable } from "../../src/plan/fillEdits";
import { placeAt, placesOn } from "../../src/timeline/layout/fillPlaces";

/** A fill of the plan, and the operation of the timeline that it is seen as. */
export interface ChosenFill {
  readonly plan: Plan;
  readonly timeline: Timeline;
  readonly fill: number;
  readonly operation: TimelineOperation;
}

export interface FillAction {
  readonly label: string;
  /** A key as an event names it, with "Alt+" before it where that is held. */
  readonly key: string;
  readonly shown: string;
  readonly what: string;
  /** Undefined where there is nothing to do. */
  edit(chosen: ChosenFill): PlanEdit | undefined;
}

export const fillActions: readonly FillAction[] = [
  { label: "Earlier", key: "Alt+ArrowLeft", shown: "Alt+←", what: "Move the fill to the place before", edit: (chosen) => along(chosen, -1) },
  { label: "Later", key: "Alt+ArrowRight", shown: "Alt+→", what: "Move the fill to the place after", edit: (chosen) => along(chosen, 1) },
  { label: "Device above", key: "Alt+ArrowUp", shown: "Alt+↑", what: "Move the fill to the device above, at its time", edit: (chosen) => across(chosen, -1) },
  { label: "Device below", key: "Alt+ArrowDown", shown: "Alt+↓", what: "Move the fill to the device below, at its time", edit: (chosen) => across(chosen, 1) },
  { label: "After the flush", key: "x", shown: "X", what: "Move the fill behind the last pass of its device", edit: ({ plan, fill }) => (plan.fills[fill].before.op === "OPTIM" ? undefined : { kind: "evictFill", fill }) },
  { label: "Split", key: "v", shown: "V", what: "Split the fill in two by its samples", edit: split },
  { label: "Merge", key: "m", shown: "M", what: "Make one fill of this and the one that follows it", edit: merged },
];

/** The place is that of the iteration: where it is in which of those shown doesn't matter. */
function along({ plan, timeline, fill }: ChosenFill, step: 1 | -1): PlanEdit | undefined {
  const { device, before } = plan.fills[fill];
  const anchors = distinct(placesOn(timeline, device).map(({ anchor }) => anchor));
  const at = anchors.findIndex((anchor) => isSameAnchor(anchor, before));
  const to = at < 0 ? undefined : anchors[at + step];
  return to && { kind: "moveFill", fill, device, before: to };
}

function distinct(anchors: readonly FillAnchor[]): readonly FillAnchor[] {
  return anchors.filter((anchor, index) => anchors.findIndex((other) => isSameAnchor(other, anchor)) === index);
}

function across({ plan, timeline, fill, operation }: ChosenFill, step: 1 | -1): PlanEdit | undefined {
  const device = plan.fills[fill].device + step;
  if (!timeline.devices[device]) return undefined;
  const place = placeAt(timeline, device, operation.startMs);
  return place && { kind: "moveFill", fill, device, before: place.anchor };
}

function split({ plan, fill }: ChosenFill): PlanEdit | undefined {
  const [from, to] = plan.fills[fill].samples;
  return to - from < 2 ? undefined : { kind: "splitFill", fill, at: from + Math.ceil((to - from) / 2) };
}

function merged({ plan, fill }: ChosenFill): PlanEdit | undefined {
  const [other] = mergeable(plan, fill);
  return other === undefined ? undefined : { kind: "mergeFill", fill, other };
}
