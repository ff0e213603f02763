/** The lanes as a grid for assistive technology: the plot is the grid, and its active cell follows the selection. */
import { sentenceOf } from "../../src/timeline/layout/describe";
import type { Placement, SlicePlace } from "../../src/timeline/layout/geometry";
import type { Layout } from "../../src/timeline/layout/lanes";
import { memorySentence } from "../../src/timeline/layout/memory";
import { element, setAttribute } from "../dom";

/** Cells of a lane that are there at a time, about the selected one. */
const cellsPerLane = 41;

export class LaneGrid {
  private readonly rows = element("div", { class: "visually-hidden", role: "rowgroup" });

  constructor(private readonly owner: HTMLElement) {
    for (const [name, value] of Object.entries({ role: "grid", tabindex: "0", "aria-label": "Lanes and slices: arrow keys move between slices", "aria-readonly": "true" })) setAttribute(owner, name, value);
    owner.append(this.rows);
  }

  show(layouts: readonly Layout[], placement: Placement, selected: SlicePlace | undefined): void {
    setAttribute(this.owner, "aria-rowcount", placement.lanes.length);
    setAttribute(this.owner, "aria-colcount", Math.max(1, ...placement.lanes.map(({ lane }) => lane.rows[0]?.length ?? 0)));
    const at = selected && (placement.lanes[selected.lane]?.lane.rows[selected.row]?.[selected.slice]?.startMs ?? 0);
    this.rows.replaceChildren(...placement.lanes.map(({ lane, layout }, index) => {
      const row = lane.rows[selected?.lane === index ? selected.row : 0] ?? [];
      const centre = selected?.lane === index ? selected.slice : Math.max(0, row.findIndex((slice) => slice.endMs > (at ?? 0)));
      const first = Math.max(0, centre - Math.floor(cellsPerLane / 2));
      const cells = row.slice(first, first + cellsPerLane).map((slice, offset) => {
        const isSelected = selected?.lane === index && selected.slice === first + offset;
        return element("span", { role: "gridcell", id: isSelected ? "active-slice" : undefined, "aria-colindex": first + offset + 1, "aria-selected": isSelected ? "true" : "false" }, sentenceOf(slice, layouts[layout].timeline, lane.device));
      });
      if (lane.memory) cells.push(element("span", { role: "gridcell", "aria-colindex": 1 }, memorySentence(lane.memory, lane.device)));
      return element("div", { role: "row", "aria-rowindex": index + 1, "aria-label": `Device ${lane.device}, ${layouts[layout].name ?? lane.source} ${lane.stream}` }, ...cells);
    }));
    setAttribute(this.owner, "aria-activedescendant", selected ? "active-slice" : undefined);
  }
}
