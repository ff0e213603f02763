/** What the tooltip says of a slice. */
import type { Profile } from "../../src/model/profile";
import { factsOf } from "../../src/timeline/layout/describe";
import { sliceOf, type Placement, type SlicePlace } from "../../src/timeline/layout/geometry";
import { operationTitle } from "../../src/timeline/layout/kinds";
import type { Layout } from "../../src/timeline/layout/lanes";

const shown = new Set(["Micro-batch", "Component", "Samples", "Layers", "Duration", "Serves", "Bytes"]);

/** The title first; nothing where there is no slice. @param profile To name layers by, where it is known. */
export function tooltipLines(layouts: readonly Layout[], placement: Placement, place: SlicePlace, profile?: Profile): readonly string[] {
  const slice = sliceOf(placement, place);
  const placed = placement.lanes[place.lane];
  if (!slice || !placed) return [];
  const { timeline, source } = layouts[placed.layout];
  const operation = slice.index === undefined ? undefined : timeline.operations[slice.index];
  const facts = factsOf(slice, timeline, placed.lane.device, source, profile).filter((fact) => shown.has(fact.label));
  return [operation ? operationTitle(operation.op) : "Idle (bubble)", ...facts.map(({ label, value }) => `${label}: ${value}`)];
}
