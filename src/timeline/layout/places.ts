/** Where each operation of a placement is drawn, found in one walk over it instead of one search an operation. */
import type { Placement, SlicePlace } from "./geometry";

type FindPlace = (layout: number, operation: number) => SlicePlace | undefined;

const known = new WeakMap<Placement, FindPlace>();

/** The walk is made when a place is first asked for, and kept as long as the placement. */
export function placesOf(placement: Placement): FindPlace {
  const found = known.get(placement) ?? walk(placement);
  known.set(placement, found);
  return found;
}

function walk(placement: Placement): FindPlace {
  const byLayout: SlicePlace[][] = [];
  for (const [lane, placed] of placement.lanes.entries()) {
    const places = (byLayout[placed.layout] ??= []);
    for (const [row, slices] of placed.lane.rows.entries()) {
      for (let slice = 0; slice < slices.length; slice++) {
        const { index } = slices[slice];
        if (index !== undefined) places[index] = { lane, row, slice };
      }
    }
  }
  return (layout, operation) => byLayout[layout]?.[operation];
}
