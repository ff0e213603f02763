/** What the tooltip says of a slice. */
import { factsOf } from "../../src/timeline/layout/describe";
import { sliceOf, type Placement, type SlicePlace } from "../../src/timeline/layout/geometry";
import { operationTitle } from "../../src/timeline/layout/kinds";
import type { Picture } from "../session";

const shown = new Set(["Micro-batch", "Component", "Samples", "Layers", "Duration", "Serves", "Bytes"]);

/** The title first; nothing where there is no slice. */
export function tooltipLines(picture: Picture | undefined, placement: Placement, place: SlicePlace): readonly string[] {
  const slice = sliceOf(placement, place);
  const placed = placement.lanes[place.lane];
  if (!picture || !slice || !placed) return [];
  const { timeline, source } = picture.layouts[placed.layout];
  const operation = slice.index === undefined ? undefined : timeline.operations[slice.index];
  const facts = factsOf(slice, timeline, placed.lane.device, source, picture.context.workload.profile).filter((fact) => shown.has(fact.label));
  return [operation ? operationTitle(operation.op) : "Idle (bubble)", ...facts.map(({ label, value }) => `${label}: ${value}`)];
}
