/** The head of the profile table: columns to sort by, one stop of the Tab key for all of them. */
import { element, setAttribute } from "../dom";
import { columnIds, columns, sortedFirst, type ColumnId, type Sorting } from "./columns";
import { passes } from "./passes";

const numeric = (column: ColumnId) => column !== "name";

export class TableHead {
  readonly cells: readonly HTMLElement[];
  private readonly sorters = new Map<ColumnId, { readonly cell: HTMLElement; readonly button: HTMLElement }>();
  private readonly scale = element("span", { class: "bar-scale", title: "What a whole bar stands for" });
  private sorting: Sorting = sortedFirst("order");

  /** @param sort Sorts by a column that was pressed; by the one that is sorted by already, the other way. */
  constructor(private readonly sort: (sorting: Sorting) => void) {
    for (const id of columnIds) this.sorters.set(id, this.sorter(id));
    const cells = [...this.sorters.values()].map(({ cell }) => cell);
    const legend = element("div", { class: "cell c-bar", role: "columnheader", "aria-label": "Bar of F, I and W" }, ...passes.map(({ letter, title }) => element("span", { class: "legend-item", title }, element("span", { class: `legend-swatch pass-${letter}`, "aria-hidden": true }), letter)), this.scale);
    this.cells = [...cells.slice(0, 2), legend, ...cells.slice(2), element("div", { class: "cell c-from", role: "columnheader" }, "Times")];
    this.show(this.sorting, 0, "");
  }

  /** @param longest What a whole bar stands for, in words; nothing where there are no bars. */
  show(sorting: Sorting, longest: number, longestText: string): void {
    this.sorting = sorting;
    this.scale.textContent = longest > 0 ? longestText : "";
    for (const [id, { cell, button }] of this.sorters) {
      const isSorted = id === sorting.column;
      setAttribute(cell, "aria-sort", isSorted ? (sorting.descending ? "descending" : "ascending") : undefined);
      button.tabIndex = isSorted ? 0 : -1;
      button.replaceChildren(columns[id].title, element("span", { class: "sort-mark", "aria-hidden": true }, isSorted ? (sorting.descending ? "▾" : "▴") : ""));
    }
  }

  private sorter(id: ColumnId): { readonly cell: HTMLElement; readonly button: HTMLElement } {
    const { explained } = columns[id];
    const button = element("button", { class: "sorter", type: "button", title: `${explained}; press to sort by it`, "aria-label": `${columns[id].title}: ${explained}` });
    button.addEventListener("click", () => this.sort(id === this.sorting.column ? { column: id, descending: !this.sorting.descending } : sortedFirst(id)));
    button.addEventListener("keydown", (event) => this.key(event, id));
    return { cell: element("div", { class: `cell c-${id}${numeric(id) ? " cell-number" : ""}`, role: "columnheader" }, button), button };
  }

  /** Arrow keys go from column to column, past those that there is no room for. */
  private key(event: KeyboardEvent, id: ColumnId): void {
    const visible = columnIds.filter((column) => (this.sorters.get(column)?.cell.offsetWidth ?? 0) > 0);
    const at = visible.indexOf(id);
    const next = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: visible.length - 1 }[event.key];
    if (next === undefined) return;
    event.preventDefault();
    const column = visible[Math.max(0, Math.min(visible.length - 1, next))];
    this.sorters.forEach(({ button }, other) => (button.tabIndex = other === column ? 0 : -1));
    this.sorters.get(column)?.button.focus();
  }
}
