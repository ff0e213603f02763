/** Puts the model view together and keeps it in step with the host, the search and the selection. */
import type { Inspection } from "../../src/model/inspection";
import type { Bindings } from "../../src/model/profile";
import type { ModelHostMessage } from "../../src/protocol/modelMessages";
import { formatDecimal } from "../../src/timeline/layout/format";
import { Announcer } from "../a11y/announce";
import { element } from "../dom";
import { waitingPage } from "../panels/placeholder";
import { SearchBox } from "../table/searchBox";
import { wordsOf } from "../table/search";
import { TreeTable } from "../table/treeTable";
import { button, checkbox, divider } from "../ui";
import { Cuts } from "./cuts";
import { CutTip } from "./cutTip";
import { rowDetails } from "./details";
import { headline } from "./figures";
import { connectModel } from "./host";
import { outdatedBar, unreadablePage } from "./problems";
import { layerKey, layersOf, nameOf, rowsOf, type ComponentRow, type Row } from "./rows";
import { drawRow, headCells, type RowActions } from "./rowView";
import { SizeFields } from "./sizes";
import { restoredModelState, type ModelViewState } from "./state";

type Message = Exclude<ModelHostMessage, { type: "reply" }>;
type Problem = Extract<Message, { type: "problem" }>;

export class ModelApp {
  private readonly title = element("div", { class: "title" });
  private readonly tiles = element("div", { class: "region-tiles" });
  private readonly notices = element("div", { class: "region-notices" });
  private readonly stand = element("div", { class: "stand" });
  private readonly toolbar = element("div", { class: "toolbar", role: "toolbar", "aria-label": "Model" });
  private readonly details = element("aside", { class: "details", "aria-label": "Details" });
  private readonly announcer = new Announcer();
  private readonly tip = new CutTip();
  private readonly sizes = new SizeFields((bindings) => this.bind(bindings));
  private readonly search = new SearchBox("name or kind", {
    searched: (query) => this.searchFor(query),
    step: (direction) => this.step(direction),
    left: () => this.table.element.focus(),
  });
  private readonly rowActions: RowActions = {
    toggle: (row) => this.toggle(row),
    setTrained: (row, trained) => void this.setTrained(row, trained),
    dismissRefusal: ({ component }) => this.refuse(component.name, undefined),
  };
  private readonly table = new TreeTable<Row>({ label: "Components and layers", head: headCells() }, {
    toggle: (row) => this.toggle(row),
    key: (key, row) => this.key(key, row),
    activated: (row) => this.activated(row),
    opened: (row) => this.openConfiguration(row),
    scrolled: (scrollTop) => {
      this.tip.hide();
      this.remember({ scrollTop: Math.round(scrollTop) });
    },
  });
  private readonly main = element("main", { class: "main" }, element("header", { class: "head" }, this.title, element("div", { class: "figures" }, this.tiles, this.sizes.element)), this.toolbar, element("div", { class: "bench" }, this.table.element, this.details));
  private readonly refusals = new Map<string, string>();
  private readonly changing = new Set<string>();
  private inspection?: Inspection;
  private cuts?: Cuts;
  private problem?: Problem;
  private trusted = true;
  private readonly host = connectModel((message) => this.receive(message));
  private state: ModelViewState = restoredModelState(this.host.state.get());

  constructor(root: HTMLElement) {
    root.append(element("div", { class: "page" }, this.notices, this.stand, this.main), this.tip.element, this.announcer.element);
    this.table.element.addEventListener("pointermove", (event) => this.hover(event));
    this.table.element.addEventListener("pointerleave", () => this.tip.hide());
    this.show();
  }

  private receive(message: Message): void {
    if (message.type === "reveal") return this.reveal(message.component, message.layer);
    const isFirst = this.inspection === undefined;
    if (message.type === "problem") this.problem = message;
    else {
      this.problem = undefined;
      this.inspection = message.inspection;
      this.cuts = new Cuts(message.inspection);
      this.trusted = message.trusted;
      this.title.replaceChildren(element("h1", {}, message.inspection.model.class), element("span", { class: "path", title: message.path }, message.name));
      this.remember({ bindings: message.inspection.bindings });
    }
    this.remember({ path: message.path });
    this.show();
    if (isFirst && this.inspection) this.table.scrollTop = this.state.scrollTop;
  }

  private show(): void {
    const { inspection, problem } = this;
    const open = () => this.host.post({ type: "openProblem" });
    this.main.hidden = inspection === undefined;
    document.body.classList.toggle("outdated", problem !== undefined && inspection !== undefined);
    this.stand.replaceChildren(...(inspection ? [] : [problem ? unreadablePage(problem, open) : waitingPage("Reading the model", "Reading the model …")]));
    this.notices.replaceChildren(...(inspection && problem ? [outdatedBar(problem, open)] : []));
    if (!inspection) return;
    this.tiles.replaceChildren(headline(inspection));
    this.sizes.show(inspection.bindings);
    this.fillToolbar();
    this.showRows();
  }

  private fillToolbar(): void {
    const run = (command: "profile" | "plan") => () => this.host.post({ type: "runCommand", command });
    if (this.toolbar.childElementCount === 0) {
      this.toolbar.append(
        this.search.element,
        checkbox("Group repeated layers", this.state.grouped, (grouped) => this.rearrange({ grouped })),
        element("span", { class: "spring" }),
        button({ label: "Copy as Text", title: "Put components and layers on the clipboard, as text", onClick: () => this.host.post({ type: "copyText" }) }),
        divider(),
        button({ label: "Profile Layers", title: "Time the layers with these roles, at this size", onClick: run("profile") }),
        button({ label: "New Plan", title: "Plan training with these roles, at this size", appearance: "primary", onClick: run("plan") }),
      );
    }
    const [profile] = this.toolbar.querySelectorAll(`[aria-label^="Time the layers"]`);
    profile.toggleAttribute("disabled", !this.trusted);
  }

  private showRows(): void {
    const { inspection, cuts } = this;
    if (!inspection || !cuts) return;
    const { opened, grouped, query } = this.state;
    const list = rowsOf(inspection, { collapsed: this.collapsed, opened: new Set(opened), grouped, query });
    const words = wordsOf(query);
    this.table.show({
      rows: list.rows,
      draw: (row, place) => drawRow(row, place, { words, cut: this.cutOf(row), refusal: row.kind === "component" ? this.refusals.get(row.component.name) : undefined, busy: this.changing.has(row.component.name) }, this.rowActions),
    });
    this.search.show(query, list.found, list.total);
    this.table.activate(this.state.active, false);
    this.showDetails(this.table.active);
  }

  /** At first, what does not train is closed. */
  private get collapsed(): ReadonlySet<string> {
    return new Set(this.state.collapsed ?? this.inspection?.components.filter(({ role }) => role === "frozen").map(({ name }) => name));
  }

  private cutOf(row: Row) {
    return row.kind === "component" ? undefined : this.cuts?.after(lastOf(row));
  }

  private showDetails(row: Row | undefined): void {
    if (!row) return this.details.replaceChildren(element("p", { class: "hint" }, "Choose a row for its details. Arrow keys move, → opens and ← closes, Enter goes to the configuration, Space on a component trains or freezes it, Ctrl+F searches."));
    this.details.replaceChildren(...rowDetails(row, this.cutOf(row), row.kind === "component" ? [] : (this.cuts?.crossing(lastOf(row)) ?? []), () => this.openConfiguration(row), () => this.host.post({ type: "showInTimeline", ...subjectOf(row) })));
  }

  private activated(row: Row | undefined): void {
    this.remember({ active: row?.key });
    this.showDetails(row);
  }

  /** Space trains or freezes, Escape sends a refusal away. */
  private key(key: string, row: Row): boolean {
    if (row.kind !== "component" || (key !== " " && key !== "Escape")) return false;
    if (key === " ") void this.setTrained(row, row.component.role !== "trained");
    else this.refuse(row.component.name, undefined);
    return true;
  }

  /** Opens what a component or a layer lies in, and goes to it. */
  private reveal(component: string, layer: string | undefined): void {
    if (!this.inspection) return;
    const key = layer === undefined ? component : layerKey(component, layer);
    const everything = rowsOf(this.inspection, { collapsed: new Set(), opened: new Set(), grouped: this.state.grouped, query: "" }).rows;
    const run = everything.find((row) => row.kind === "repeat" && row.component.name === component && row.layers.some(({ name }) => name === layer));
    const collapsed = [...this.collapsed].filter((other) => other !== component);
    this.rearrange({ query: "", active: key, collapsed, ...(run && { opened: [...new Set([...this.state.opened, run.key])] }) });
    this.table.activate(key);
    this.table.element.focus();
    this.activated(this.table.active);
  }

  private toggle(row: Row): void {
    if (row.kind === "layer") return;
    this.table.activate(row.key, false);
    this.activated(row);
    const flip = (set: ReadonlySet<string>, key: string) => (set.has(key) ? [...set].filter((other) => other !== key) : [...set, key]);
    this.rearrange(row.kind === "component" ? { collapsed: flip(this.collapsed, row.component.name) } : { opened: flip(new Set(this.state.opened), row.key) });
  }

  private rearrange(change: Partial<ModelViewState>): void {
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
    const { rows } = this.table;
    const layers = rows.filter(({ kind }) => kind === "layer");
    if (layers.length === 0) return;
    const at = layers.findIndex(({ key }) => key === this.state.active);
    const next = layers[at < 0 ? (direction > 0 ? 0 : layers.length - 1) : (at + direction + layers.length) % layers.length];
    this.table.activate(next.key);
    this.activated(next);
    this.announcer.say(`${nameOf(next)}, ${layers.indexOf(next) + 1} of ${layers.length}`);
  }

  private async setTrained({ component: { name } }: ComponentRow, trained: boolean): Promise<void> {
    if (this.changing.has(name)) return;
    this.changing.add(name);
    this.refuse(name, undefined);
    let refusal: string | undefined;
    try {
      await this.host.setRole(name, trained ? "trained" : "frozen");
    } catch (error) {
      refusal = error instanceof Error ? error.message : String(error);
    }
    this.changing.delete(name);
    this.refuse(name, refusal);
    this.announcer.say(refusal ?? `${name} ${trained ? "trains" : "is frozen"}.`);
  }

  private refuse(component: string, refusal: string | undefined): void {
    if (refusal === undefined) this.refusals.delete(component);
    else this.refusals.set(component, refusal);
    this.showRows();
  }

  private async bind(bindings: Bindings): Promise<void> {
    await this.host.bind(bindings);
    const flops = this.inspection?.components.reduce((sum, { layers }) => sum + layers.reduce((inner, layer) => inner + layer.flopsPerSample, 0), 0) ?? 0;
    this.announcer.say(`Figures are at ${bindings.height} by ${bindings.width}: ${formatDecimal(flops, "FLOP")} forward.`);
  }

  private openConfiguration(row: Row): void {
    this.host.post({ type: "openConfiguration", ...subjectOf(row) });
  }

  private hover(event: PointerEvent): void {
    const row = event.target instanceof Element && event.target.closest(".cell-cut") ? this.table.rowOf(event.target) : undefined;
    const cut = row && this.cutOf(row);
    if (!row || !cut || row.kind === "component") return this.tip.hide();
    this.tip.show(lastOf(row), cut, this.cuts?.crossing(lastOf(row)) ?? [], event.clientX, event.clientY);
  }

  private remember(change: Partial<ModelViewState>): void {
    this.state = { ...this.state, ...change };
    this.host.state.set(this.state);
  }
}

/** What a jump from a row goes to: a component, or the first of the row's layers. */
function subjectOf(row: Row) {
  return { component: row.component.name, ...(row.kind !== "component" && { layer: layersOf(row)[0].name }) };
}

/** The layer whose cut a row shows. */
function lastOf(row: Row) {
  const layers = layersOf(row);
  return { component: row.component.name, layer: layers[layers.length - 1].name };
}
