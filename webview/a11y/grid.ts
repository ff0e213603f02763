/**
 * The lanes as a grid for assistive technology: the scroller is the grid, and its active cell follows the selection. A row is a
 * lane, a cell a slice; of both only those about the selection are there, and the counts say how many there are.
 */
import { sentenceOf } from "../../src/timeline/layout/describe";
import { sliceOf, type Placement, type SlicePlace } from "../../src/timeline/layout/geometry";
import type { Lane, Layout } from "../../src/timeline/layout/lanes";
import { memorySentence } from "../../src/timeline/layout/memory";
import { element, setAttribute } from "../dom";

/** Cells of the selected lane that are there at a time, about the selected one; of other lanes, those at its time. */
const cellsHere = 41;
const cellsElsewhere = 9;
/** Lanes that are there at a time. */
const lanesAtOnce = 24;
const pauseMs = 150;

interface Cell {
  readonly row: number;
  readonly slice: number;
  readonly startMs: number;
}

export class LaneGrid {
  private readonly rows = element("div", { class: "visually-hidden", role: "rowgroup" });
  /** Slices of a lane in the order of time, whichever of its rows they lie in. */
  private readonly order = new WeakMap<Lane, readonly Cell[]>();
  private selected?: string;
  private pause = 0;

  constructor(private readonly owner: HTMLElement) {
    for (const [name, value] of Object.entries({ role: "grid", tabindex: "0", "aria-label": "Lanes and slices: arrow keys move between slices", "aria-readonly": "true" })) setAttribute(owner, name, value);
    owner.append(this.rows);
  }

  /** @param isTried Whether it is of a change that is tried: in a drag one picture follows another, and is waited for until it rests. */
  show(layouts: readonly Layout[], placement: Placement, selected: SlicePlace | undefined, isTried = false): void {
    clearTimeout(this.pause);
    const key = selected && `${selected.lane} ${selected.row} ${selected.slice}`;
    const fill = () => this.fill(layouts, placement, selected);
    if (key !== this.selected || !isTried) fill();
    else this.pause = window.setTimeout(fill, pauseMs);
    this.selected = key;
  }

  private fill(layouts: readonly Layout[], placement: Placement, selected: SlicePlace | undefined): void {
    const { lanes } = placement;
    setAttribute(this.owner, "aria-rowcount", lanes.length);
    // The first column names the lane.
    setAttribute(this.owner, "aria-colcount", 1 + Math.max(0, ...lanes.map(({ lane }) => lane.rows.reduce((count, slices) => count + slices.length, 0))));
    const first = windowStart(lanes.length, lanesAtOnce, selected?.lane ?? 0);
    const atMs = (selected && sliceOf(placement, selected)?.startMs) ?? 0;
    this.rows.replaceChildren(...lanes.slice(first, first + lanesAtOnce).map((_, offset) => this.rowOf(layouts, placement, first + offset, selected, atMs)));
    setAttribute(this.owner, "aria-activedescendant", selected && sliceOf(placement, selected) ? "active-slice" : undefined);
  }

  private rowOf(layouts: readonly Layout[], placement: Placement, index: number, selected: SlicePlace | undefined, atMs: number): HTMLElement {
    const { lane, layout } = placement.lanes[index];
    const cells = this.cellsOf(lane);
    const active = selected?.lane === index ? cells.findIndex(({ row, slice }) => row === selected.row && slice === selected.slice) : -1;
    const centre = active >= 0 ? active : Math.max(0, cells.findIndex(({ startMs }) => startMs >= atMs));
    const count = active >= 0 ? cellsHere : cellsElsewhere;
    const first = windowStart(cells.length, count, centre);
    return element("div", { role: "row", "aria-rowindex": index + 1 },
      element("span", { role: "rowheader", "aria-colindex": 1 }, `Device ${lane.device}, ${layouts[layout].name ?? lane.source} ${lane.stream === "compute" ? "computing" : lane.stream}`),
      ...cells.slice(first, first + count).map(({ row, slice }, offset) => {
        const isActive = first + offset === active;
        return element("span", { role: "gridcell", id: isActive ? "active-slice" : undefined, "aria-colindex": first + offset + 2, "aria-selected": isActive ? "true" : "false" }, sentenceOf(lane.rows[row][slice], layouts[layout].timeline, lane.device));
      }),
      lane.memory && element("span", { role: "gridcell", "aria-colindex": 2 }, memorySentence(lane.memory, lane.device)),
    );
  }

  private cellsOf(lane: Lane): readonly Cell[] {
    let cells = this.order.get(lane);
    if (!cells) {
      cells = lane.rows.flatMap((slices, row) => slices.map(({ startMs }, slice): Cell => ({ row, slice, startMs })));
      if (lane.rows.length > 1) cells = [...cells].sort((a, b) => a.startMs - b.startMs || a.row - b.row);
      this.order.set(lane, cells);
    }
    return cells;
  }
}

/** The first of `most` out of `count` with `centre` in their middle, as far as there are any on both sides. */
function windowStart(count: number, most: number, centre: number): number {
  return Math.max(0, Math.min(centre - Math.floor(most / 2), count - most));
}
