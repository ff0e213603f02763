/** Puts the profile view together and keeps it in step with the host, the search, the sorting and the selection. */
import type { Measuring, ProfileHostMessage, Stand } from "../../src/protocol/profileMessages";
import { formatMs } from "../../src/timeline/layout/format";
import { isUsable } from "../../src/model/profile";
import { Announcer } from "../a11y/announce";
import { element } from "../dom";
import { problemPage, waitingPage } from "../panels/placeholder";
import { wordsOf } from "../table/search";
import { SearchBox } from "../table/searchBox";
import { TreeTable } from "../table/treeTable";
import { button, checkbox, choice } from "../ui";
import { columns, type Sorting } from "./columns";
import { rowsAsText } from "./copy";
import { rowDetails } from "./details";
import { TableHead } from "./head";
import { tiles, titleParts } from "./header";
import { connectProfile } from "./host";
import { noticeBars } from "./notices";
import { layerKey, ProfileRows, type LayerRow, type Row, type RowList, type Unit } from "./rows";
import { drawRow, footCells } from "./rowView";
import { restoredProfileState, type ProfileViewState } from "./state";

type ProblemMessage = Extract<ProfileHostMessage, { type: "problem" }>;

export class ProfileApp {
  private readonly title = element("div", { class: "title" });
  private readonly tiles = element("div", { class: "figures" });
  private readonly notices = element("div", { class: "region-notices" });
  private readonly stand = element("div", { class: "stand" });
  private readonly toolbar = element("div", { class: "toolbar", role: "toolbar", "aria-label": "Profile" });
  private readonly details = element("aside", { class: "details", "aria-label": "Details" });
  private readonly foot = element("div", { class: "row table-foot", role: "row" });
  private readonly announcer = new Announcer();
  private readonly head = new TableHead((sorting) => this.sort(sorting));
  private readonly batch = choice("Batch", true, "The batch size that times are shown at", (value) => this.rearrange({ batch: Number(value) }));
  private readonly unit = choice("Times in", false, "Times of a whole pass, or divided by its batch", (value) => this.rearrange({ unit: value as Unit }));
  private readonly search = new SearchBox("layer or component", {
    searched: (query) => this.searchFor(query),
    step: (direction) => this.step(direction),
    left: () => this.table.element.focus(),
  });
  private readonly table = new TreeTable<Row>({ label: "Times of layers", head: this.head.cells, foot: this.foot, many: true }, {
    toggle: (row) => this.toggle(row),
    activated: (row) => this.activated(row),
    opened: (row) => this.toggle(row),
    scrolled: (scrollTop) => this.remember({ scrollTop: Math.round(scrollTop) }),
  });
  private readonly main = element("main", { class: "main" }, element("header", { class: "head" }, this.title, this.tiles), this.toolbar, element("div", { class: "bench" }, this.table.element, this.details));
  private rows?: ProfileRows;
  private list?: RowList;
  private version = 0;
  private comparison?: Stand;
  private gone: ReadonlySet<string> = new Set();
  private measuring?: Measuring;
  private problem?: ProblemMessage;
  private readonly host = connectProfile((message) => this.receive(message));
  private state: ProfileViewState = restoredProfileState(this.host.state.get());

  constructor(root: HTMLElement) {
    root.append(element("div", { class: "page" }, this.notices, this.stand, this.main), this.announcer.element);
    this.table.element.addEventListener("copy", (event) => {
      if (window.getSelection()?.toString()) return; // text was marked by hand
      event.preventDefault();
      this.copy();
    });
    this.fillToolbar();
    this.show();
  }

  private receive(message: ProfileHostMessage): void {
    const isFirst = this.rows === undefined;
    switch (message.type) {
      case "problem":
        this.problem = message;
        break;
      case "profile":
        this.problem = undefined;
        this.version = message.version;
        this.rows = new ProfileRows(message.profile);
        this.compared(undefined);
        this.title.replaceChildren(...titleParts(message.profile, message.name));
        break;
      case "stand":
        if (message.version !== this.version) return;
        this.compared(message.stand);
        break;
      case "measuring":
        this.measuring = message.measuring;
        return this.showNotices();
    }
    this.show();
    if (isFirst && this.rows) this.table.scrollTop = this.state.scrollTop;
  }

  private compared(stand: Stand | undefined): void {
    this.comparison = stand;
    this.gone = new Set(stand?.kind === "compared" ? stand.gone.map(({ component, layer }) => layerKey(component, layer)) : []);
  }

  private show(): void {
    const { rows, problem } = this;
    this.main.hidden = rows === undefined;
    document.body.classList.toggle("outdated", problem !== undefined && rows !== undefined);
    this.stand.replaceChildren(...(rows ? [] : [problem ? this.unreadable(problem) : waitingPage("Reading the profile", "Reading the profile …")]));
    this.showNotices();
    if (!rows) return;
    this.batch.show(rows.batches.map((batch) => ({ value: String(batch), label: String(batch) })), String(this.chosenBatch(rows)));
    this.unit.show([{ value: "pass", label: "ms per pass" }, { value: "sample", label: "ms per sample" }], this.state.unit);
    this.showRows();
  }

  private showNotices(): void {
    if (!this.rows) return this.notices.replaceChildren();
    this.notices.replaceChildren(...noticeBars(this.rows.profile, this.comparison, this.measuring, this.problem?.problem, { measure: () => this.host.post({ type: "measure" }), showText: (field) => this.showText(field) }));
  }

  private unreadable({ name, kind, problem }: ProblemMessage): HTMLElement {
    return problemPage(kind === "empty" ? "This profile is empty" : `${name} cannot be read as a profile`, problem, button({ label: "Show Text", title: "Open the profile as text", appearance: "primary", onClick: () => this.showText(problem.field) }));
  }

  private showText(field: string | undefined): void {
    this.host.post({ type: "showText", ...(field !== undefined && { field }) });
  }

  private fillToolbar(): void {
    this.toolbar.append(
      this.search.element, this.batch.element, this.unit.element,
      checkbox("Group by component", this.state.grouped, (grouped) => this.rearrange({ grouped })),
      element("div", { class: "actions" },
        button({ label: "Copy", title: "Put the selected rows, or else all that are shown, on the clipboard (Ctrl+C)", onClick: () => this.copy() }),
        button({ label: "Export as CSV", title: "Write every layer at every batch size to a file", onClick: () => this.host.post({ type: "exportCsv" }) }),
        button({ label: "Open Model", title: "Show the model's components and layers", onClick: () => this.host.post({ type: "openModel" }) }),
        button({ label: "New Plan", title: "Plan training with these times", appearance: "primary", onClick: () => this.host.post({ type: "newPlan" }) }),
      ),
    );
  }

  private showRows(): void {
    const { rows } = this;
    if (!rows) return;
    const { unit, sorting, grouped, collapsed, query } = this.state;
    const batch = this.chosenBatch(rows);
    const list = rows.arrange({ batch, unit, sorting, grouped, collapsed: new Set(collapsed), query });
    this.list = list;
    const context = { words: wordsOf(query), longest: list.longest, total: list.all.figures.total ?? 0, grouped, isGone: ({ key }: LayerRow) => this.gone.has(key) };
    this.head.show(sorting, list.longest, formatMs(list.longest));
    this.foot.replaceChildren(...footCells(list.all, `ms per ${unit}`, `, batch ${batch}`));
    this.table.show({ rows: list.rows, draw: (row, place) => drawRow(row, place, context, (pressed) => this.toggle(pressed)) });
    const everything = query.trim() === "" ? list : rows.arrange({ batch, unit, sorting, grouped: false, collapsed: new Set(), query: "" });
    this.tiles.replaceChildren(tiles(rows.profile, batch, everything, unit));
    this.search.show(query, list.found, list.total);
    this.table.activate(this.state.active, false);
    this.showDetails(this.table.active);
  }

  /** The one chosen, or the largest that as many layers as possible were timed at. */
  private chosenBatch({ batches, profile }: ProfileRows): number {
    const { batch } = this.state;
    if (batch !== undefined && batches.includes(batch)) return batch;
    const timed = (size: number) => profile.components.reduce((sum, { layers }) => sum + layers.filter(({ times }) => times.some((time) => time.batch === size && isUsable(time))).length, 0);
    return batches.reduce((best, size) => (timed(size) >= timed(best) ? size : best), batches[0]);
  }

  private showDetails(row: Row | undefined): void {
    if (!row || !this.rows) return this.details.replaceChildren(element("p", { class: "hint" }, "Choose a row for its times over the batch size. Arrow keys move, → opens and ← closes a component, Shift selects several rows, Ctrl+C copies them, Ctrl+F searches. Tab goes to the column heads; Enter sorts."));
    this.details.replaceChildren(...rowDetails(row, this.rows.batches, this.state.unit));
  }

  private activated(row: Row | undefined): void {
    this.remember({ active: row?.key });
    this.showDetails(row);
    const { selected } = this.table;
    if (selected.length > 1) this.announcer.say(`${selected.length} rows selected`);
  }

  private toggle(row: Row): void {
    if (row.kind === "layer") return;
    this.table.activate(row.key, false);
    this.activated(row);
    const { collapsed } = this.state;
    this.rearrange({ collapsed: collapsed.includes(row.key) ? collapsed.filter((key) => key !== row.key) : [...collapsed, row.key] });
  }

  private sort(sorting: Sorting): void {
    this.rearrange({ sorting });
    this.announcer.say(`Sorted by ${columns[sorting.column].explained}, ${sorting.descending ? "descending" : "ascending"}`);
  }

  private rearrange(change: Partial<ProfileViewState>): void {
    this.remember(change);
    this.showRows();
  }

  private searchFor(query: string): void {
    this.rearrange({ query });
    if (query.trim() === "") this.table.activate(this.state.active);
    else this.table.scrollTop = 0;
  }

  /** Goes to the next layer that the search found, around the end. */
  private step(direction: 1 | -1): void {
    const layers = this.table.rows.filter(({ kind }) => kind === "layer");
    if (layers.length === 0) return;
    const at = layers.findIndex(({ key }) => key === this.state.active);
    const next = layers[at < 0 ? (direction > 0 ? 0 : layers.length - 1) : (at + direction + layers.length) % layers.length];
    this.table.activate(next.key);
    this.activated(next);
    this.announcer.say(`${next.figures.name}, ${layers.indexOf(next) + 1} of ${layers.length}`);
  }

  private copy(): void {
    if (!this.rows || !this.list) return;
    const { selected } = this.table;
    this.host.post({ type: "copy", text: rowsAsText(selected.length > 0 ? selected : this.list.rows, this.chosenBatch(this.rows), this.state.unit) });
  }

  private remember(change: Partial<ProfileViewState>): void {
    this.state = { ...this.state, ...change };
    this.host.state.set(this.state);
  }
}
