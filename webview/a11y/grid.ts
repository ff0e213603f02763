/** The lanes as a grid for assistive technology: the scroller is the grid, and its active cell follows the selection. */
import { sentenceOf } from "../../src/timeline/layout/describe";
import type { Placement, SlicePlace } from "../../src/timeline/layout/geometry";
import type { Layout } from "../../src/timeline/layout/lanes";
import { firstEndingAfter } from "../../src/timeline/layout/visible";
import { element, setAttribute } from "../dom";

/** Cells of the selected lane that are there at a time, about the selected one; of other lanes, those at its time. */
const cellsHere = 41;
const cellsElsewhere = 9;
/** Lanes that are there at a time, about the selected one. A timeline of a hundred devices has hundreds of them. */
const lanesAtOnce = 24;
const pauseMs = 150;

export class LaneGrid {
  private readonly rows = element("div", { class: "visually-hidden", role: "rowgroup" });
  private selected?: string;
  private pause = 0;

  constructor(private readonly owner: HTMLElement) {
    for (const [name, value] of Object.entries({ role: "grid", tabindex: "0", "aria-label": "Lanes and slices: arrow keys move between slices", "aria-readonly": "true" })) setAttribute(owner, name, value);
    owner.append(this.rows);
  }

  /** At once for another selection; else in a moment, since in a drag one picture follows another. */
  show(layouts: readonly Layout[], placement: Placement, selected: SlicePlace | undefined): void {
    clearTimeout(this.pause);
    const key = selected && `${selected.lane} ${selected.row} ${selected.slice}`;
    const fill = () => this.fill(layouts, placement, selected);
    if (key !== this.selected || !this.rows.firstChild) fill();
    else this.pause = window.setTimeout(fill, pauseMs);
    this.selected = key;
  }

  private fill(layouts: readonly Layout[], placement: Placement, selected: SlicePlace | undefined): void {
    setAttribute(this.owner, "aria-rowcount", placement.lanes.length);
    setAttribute(this.owner, "aria-colcount", Math.max(1, ...placement.lanes.map(({ lane }) => lane.rows[0]?.length ?? 0)));
    const at = selected && (placement.lanes[selected.lane]?.lane.rows[selected.row]?.[selected.slice]?.startMs ?? 0);
    const top = Math.max(0, Math.min((selected?.lane ?? 0) - lanesAtOnce / 2, placement.lanes.length - lanesAtOnce));
    this.rows.replaceChildren(...placement.lanes.slice(top, top + lanesAtOnce).map(({ lane, layout }, offset) => {
      const index = top + offset;
      const isHere = selected?.lane === index;
      const row = lane.rows[isHere ? selected.row : 0] ?? [];
      const centre = isHere ? selected.slice : firstEndingAfter(row, at ?? 0);
      const count = isHere ? cellsHere : cellsElsewhere;
      const first = Math.max(0, Math.min(centre, row.length - 1) - Math.floor(count / 2));
      const cells = row.slice(first, first + count).map((slice, along) => {
        const isSelected = isHere && selected.slice === first + along;
        return element("span", { role: "gridcell", id: isSelected ? "active-slice" : undefined, "aria-colindex": first + along + 1, "aria-selected": isSelected ? "true" : "false" }, sentenceOf(slice, layouts[layout].timeline, lane.device));
      });
      return element("div", { role: "row", "aria-rowindex": index + 1, "aria-label": `Device ${lane.device}, ${lane.source} ${lane.stream}` }, ...cells);
    }));
    setAttribute(this.owner, "aria-activedescendant", selected ? "active-slice" : undefined);
  }
}
