/** Where lanes stand from top to bottom, in pixels, and what lies at a point. */
import { everyDevice, type Arrangement, type ReplicaGroup } from "./folds";
import type { Lane, Layout, Slice } from "./lanes";
import { memoryCurve } from "./memory";
import { placesOf } from "./places";
import { firstEndingAfter } from "./visible";

export interface Heights {
  readonly compute: number;
  readonly communication: number;
  /** Between lanes of one device. */
  readonly gap: number;
  /** Between devices. */
  readonly deviceGap: number;
  /** Of memory curves. */
  readonly memory?: number;
  /** The least of a device that belongs to a group of replicas and says so. */
  readonly group?: number;
}

export interface PlacedLane {
  readonly lane: Lane;
  /** Which of the layouts given to `placeLanes` the lane belongs to. */
  readonly layout: number;
  readonly y: number;
  readonly height: number;
  readonly rowHeight: number;
}

export interface PlacedDevice {
  readonly device: number;
  /** The replicas that it is the first of. */
  readonly group?: ReplicaGroup;
  /** Whether it has sub-lanes to see. */
  readonly isUnfolded: boolean;
  readonly y: number;
  readonly height: number;
}

export interface Placement {
  readonly lanes: readonly PlacedLane[];
  readonly devices: readonly PlacedDevice[];
  readonly height: number;
}

/**
 * Stacks the lanes of one or more layouts device by device, so that predicted and measured lie one under the other.
 * Sub-lanes and replicas that are folded are left out.
 */
export function placeLanes(layouts: readonly Layout[], heights: Heights, arrangement: Arrangement = everyDevice): Placement {
  const lanes: PlacedLane[] = [];
  const devices: PlacedDevice[] = [];
  const count = Math.max(0, ...layouts.map((layout) => layout.timeline.devices.length));
  const hidden = new Set(arrangement.groups.flatMap((group) => (group.isFolded ? group.devices.slice(1) : [])));
  let y = 0;
  for (let device = 0; device < count; device++) {
    if (hidden.has(device)) continue;
    if (devices.length) y += heights.deviceGap;
    const top = y;
    const first = lanes.length;
    layouts.forEach((layout, index) => {
      for (const lane of lanesShown(layout, device, arrangement)) {
        if (y > top) y += heights.gap;
        const rowHeight = lane.stream === "memory" ? (heights.memory ?? heights.compute) : heights[lane.stream];
        const height = rowHeight * Math.max(1, lane.rows.length);
        lanes.push({ lane, layout: index, y, height, rowHeight });
        y += height;
      }
    });
    const group = arrangement.groups.find(({ devices: [own] }) => own === device);
    y = Math.max(y, top + (group && heights.group ? heights.group : 0));
    devices.push({ device, group, isUnfolded: lanes.slice(first).some(({ lane }) => lane.stream !== "compute"), y: top, height: y - top });
  }
  return { lanes, devices, height: y };
}

function lanesShown(layout: Layout, device: number, { isShown, limits }: Arrangement): readonly Lane[] {
  const lanes = layout.lanes.filter((lane) => lane.device === device && (lane.stream !== "communication" || isShown(device, "communication")));
  const memory = isShown(device, "memory") && layout.timeline.devices[device] && memoryCurve(layout.timeline.devices[device], layout.endMs, limits[device]);
  return memory ? [...lanes, { device, stream: "memory", source: layout.source, rows: [], memory }] : lanes;
}

export interface SlicePlace {
  readonly lane: number;
  readonly row: number;
  /** Index in the row. */
  readonly slice: number;
}

/** The slice at a height and a time; `slackMs` widens slices too narrow to be hit. */
export function sliceAt(placement: Placement, y: number, ms: number, slackMs: number): SlicePlace | undefined {
  const index = placement.lanes.findIndex((placed) => y >= placed.y && y < placed.y + placed.height);
  const placed = placement.lanes[index];
  if (!placed) return undefined;
  const rowIndex = Math.floor((y - placed.y) / placed.rowHeight);
  const row = placed.lane.rows[rowIndex];
  if (!row) return undefined;
  let best: { slice: number; distance: number } | undefined;
  for (let i = firstEndingAfter(row, ms - slackMs); i < row.length && row[i].startMs <= ms + slackMs; i++) {
    const distance = Math.max(0, row[i].startMs - ms, ms - row[i].endMs) + (row[i].kind === "idle" ? slackMs / 2 : 0);
    if (!best || distance < best.distance) best = { slice: i, distance };
  }
  return best && { lane: index, row: rowIndex, slice: best.slice };
}

export function sliceOf(placement: Placement, place: SlicePlace): Slice | undefined {
  return placement.lanes[place.lane]?.lane.rows[place.row]?.[place.slice];
}

/** Where an operation is drawn; undefined when the layouts do not hold it. */
export function placeOfOperation(placement: Placement, layout: number, operation: number): SlicePlace | undefined {
  return placesOf(placement)(layout, operation);
}

/** The next (`step` 1) or previous (-1) slice of the same row that is not idle, or of the row itself when it ends. */
export function neighbour(placement: Placement, place: SlicePlace, step: 1 | -1): SlicePlace | undefined {
  const row = placement.lanes[place.lane]?.lane.rows[place.row] ?? [];
  for (let i = place.slice + step; i >= 0 && i < row.length; i += step) {
    if (row[i].kind !== "idle") return { ...place, slice: i };
  }
  return undefined;
}

/** The slice nearest in time in the lane above (-1) or below (1). */
export function acrossLanes(placement: Placement, place: SlicePlace, step: 1 | -1): SlicePlace | undefined {
  const slice = sliceOf(placement, place);
  if (!slice) return undefined;
  const middle = (slice.startMs + slice.endMs) / 2;
  for (let lane = place.lane + step; lane >= 0 && lane < placement.lanes.length; lane += step) {
    const row = placement.lanes[lane].lane.rows[0] ?? [];
    if (!row.length) continue;
    return { lane, row: 0, slice: Math.min(firstEndingAfter(row, middle), row.length - 1) };
  }
  return undefined;
}
