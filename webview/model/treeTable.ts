/**
 * The components and layers as a table that scrolls: only rows in view are in the page, so that it does not matter how many
 * there are. For assistive technology it is a tree grid whose active row follows the keyboard.
 */
import { element, setAttribute } from "../dom";
import { columns, rowElement, rowId, type RowActions, type RowContext } from "./rowView";
import { isExpanded, type Row } from "./rows";

export const rowHeight = 24;
const headHeight = 30;
/** Rows kept above and below those in view, so that a scroll meets drawn rows. */
const margin = 8;

export interface TableContent {
  readonly rows: readonly Row[];
  /** What a row shows besides its own figures. */
  readonly contextOf: (row: Row) => Omit<RowContext, "index" | "active">;
}

export interface TableActions extends RowActions {
  /** The keyboard or the pointer is on another row. */
  activated(row: Row | undefined): void;
  /** Enter or a double click. */
  opened(row: Row): void;
  scrolled(top: number): void;
}

export class TreeTable {
  private readonly body = element("div", { class: "table-body", role: "rowgroup" });
  readonly element = element("div", { class: "table", role: "treegrid", tabindex: "0", "aria-label": "Components and layers", "aria-colcount": columns.length, "aria-readonly": "true" });
  private content: TableContent = { rows: [], contextOf: () => ({ words: [], cut: undefined, refusal: undefined, busy: false }) };
  private drawn = new Map<number, HTMLElement>();
  private activeKey?: string;
  private pending = 0;

  constructor(private readonly actions: TableActions) {
    const head = element("div", { class: "row table-head", role: "row", "aria-rowindex": 1 }, ...columns.map((name, index) => element("div", { class: `cell ${index > 1 && index < 5 ? "cell-number" : ""} column-${index}`, role: "columnheader" }, ...headParts(name, index))));
    this.element.append(element("div", { class: "table-head-group", role: "rowgroup" }, head), this.body);
    this.element.addEventListener("scroll", () => this.soon());
    this.element.addEventListener("keydown", (event) => this.key(event));
    this.body.addEventListener("click", (event) => this.clicked(event));
    this.body.addEventListener("dblclick", (event) => this.doubleClicked(event));
    new ResizeObserver(() => this.draw()).observe(this.element);
  }

  /** Rows again from the start: their content may have changed. */
  show(content: TableContent): void {
    this.content = content;
    const focused = this.focusedControl();
    this.body.style.height = `${content.rows.length * rowHeight}px`;
    setAttribute(this.element, "aria-rowcount", content.rows.length + 1);
    this.drawn.forEach((node) => node.remove());
    this.drawn.clear();
    this.draw();
    if (focused !== undefined) this.drawn.get(content.rows.findIndex(({ key }) => key === focused))?.querySelector<HTMLElement>(".role-toggle")?.focus();
  }

  get rows(): readonly Row[] {
    return this.content.rows;
  }

  get active(): Row | undefined {
    return this.content.rows[this.activeIndex];
  }

  /** @param reveal Scroll as little as is needed to have the row in view. */
  activate(key: string | undefined, reveal = true): void {
    const before = this.activeIndex;
    this.activeKey = key;
    [before, this.activeIndex].forEach((index) => this.redraw(index));
    if (reveal && this.activeIndex >= 0) this.reveal(this.activeIndex);
    setAttribute(this.element, "aria-activedescendant", this.activeIndex < 0 ? undefined : rowId(this.activeIndex));
    this.draw();
  }

  get scrollTop(): number {
    return this.element.scrollTop;
  }

  set scrollTop(top: number) {
    this.element.scrollTop = top;
    this.draw();
  }

  /** The row under an element of the page. */
  rowOf(target: EventTarget | null): Row | undefined {
    const index = target instanceof Element ? this.indexOf(target.closest(".table-body > .row")) : -1;
    return this.content.rows[index];
  }

  private get activeIndex(): number {
    return this.activeKey === undefined ? -1 : this.content.rows.findIndex(({ key }) => key === this.activeKey);
  }

  private soon(): void {
    cancelAnimationFrame(this.pending);
    this.pending = requestAnimationFrame(() => {
      this.draw();
      this.actions.scrolled(this.element.scrollTop);
    });
  }

  /** Brings the page's rows in line with what is in view; rows that stay are left alone. */
  private draw(): void {
    const { scrollTop, clientHeight } = this.element;
    const first = Math.max(0, Math.floor(scrollTop / rowHeight) - margin);
    const end = Math.min(this.content.rows.length, Math.ceil((scrollTop + clientHeight) / rowHeight) + margin);
    const wanted = new Set(Array.from({ length: Math.max(0, end - first) }, (_, offset) => first + offset));
    const active = this.activeIndex;
    if (active >= 0) wanted.add(active); // assistive technology is told of it even when it is scrolled away
    for (const [index, node] of this.drawn) {
      if (wanted.has(index)) continue;
      node.remove();
      this.drawn.delete(index);
    }
    let next: Node | null = null;
    for (const index of [...wanted].sort((a, b) => b - a)) {
      const node: HTMLElement = this.drawn.get(index) ?? this.make(index);
      if (node.parentNode !== this.body || node.nextSibling !== next) this.body.insertBefore(node, next);
      next = node;
    }
  }

  private make(index: number): HTMLElement {
    const row = this.content.rows[index];
    const node = rowElement(row, { ...this.content.contextOf(row), index, active: row.key === this.activeKey }, this.actions);
    node.style.top = `${index * rowHeight}px`;
    node.dataset.index = String(index);
    this.drawn.set(index, node);
    return node;
  }

  /** A row drawn before is marked or unmarked in place: a control in it keeps the focus. */
  private redraw(index: number): void {
    const node = this.drawn.get(index);
    const isActive = index >= 0 && this.content.rows[index]?.key === this.activeKey;
    node?.classList.toggle("active", isActive);
    node?.setAttribute("aria-selected", String(isActive));
  }

  private reveal(index: number): void {
    const top = index * rowHeight;
    const room = this.element.clientHeight - headHeight - rowHeight;
    if (top < this.element.scrollTop) this.element.scrollTop = top;
    else if (top > this.element.scrollTop + room) this.element.scrollTop = top - room;
  }

  /** Key of the row whose toggle has the focus. */
  private focusedControl(): string | undefined {
    const focused = document.activeElement?.closest(".role-toggle");
    return focused ? this.rowOf(focused)?.key : undefined;
  }

  private indexOf(node: Element | null | undefined): number {
    return node instanceof HTMLElement && node.dataset.index !== undefined ? Number(node.dataset.index) : -1;
  }

  private clicked(event: MouseEvent): void {
    const row = this.rowOf(event.target);
    if (!row || isControl(event.target)) return;
    this.activate(row.key, false);
    this.actions.activated(row);
  }

  private doubleClicked(event: MouseEvent): void {
    const row = this.rowOf(event.target);
    if (!row || isControl(event.target)) return;
    if (row.kind === "layer") this.actions.opened(row);
    else this.actions.toggle(row);
  }

  private key(event: KeyboardEvent): void {
    if (event.ctrlKey || event.altKey || event.metaKey || event.target !== this.element) return;
    const { rows } = this.content;
    const at = this.activeIndex;
    const page = Math.max(1, Math.floor((this.element.clientHeight - headHeight) / rowHeight) - 1);
    const row = rows[at];
    const moves: Readonly<Record<string, () => void>> = {
      ArrowDown: () => this.go(at + 1),
      ArrowUp: () => this.go(at < 0 ? rows.length - 1 : at - 1),
      PageDown: () => this.go(Math.max(0, at) + page),
      PageUp: () => this.go(Math.max(0, at) - page),
      Home: () => this.go(0),
      End: () => this.go(rows.length - 1),
      ArrowRight: () => this.inwards(row, at),
      ArrowLeft: () => this.outwards(row, at),
      Enter: () => row && this.actions.opened(row),
      " ": () => row?.kind === "component" && this.actions.setTrained(row, row.component.role !== "trained"),
      Escape: () => row?.kind === "component" && this.actions.dismissRefusal(row),
    };
    if (!Object.hasOwn(moves, event.key)) return;
    event.preventDefault();
    moves[event.key]();
  }

  private go(index: number): void {
    const row = this.content.rows[Math.max(0, Math.min(this.content.rows.length - 1, index))];
    if (!row) return;
    this.activate(row.key);
    this.actions.activated(row);
  }

  private inwards(row: Row | undefined, at: number): void {
    if (!row || isExpanded(row) === undefined) return;
    if (isExpanded(row)) this.go(at + 1);
    else this.actions.toggle(row);
  }

  private outwards(row: Row | undefined, at: number): void {
    if (!row) return;
    if (isExpanded(row)) return this.actions.toggle(row);
    for (let index = at - 1; index >= 0; index--) if (this.content.rows[index].level < row.level) return this.go(index);
  }
}

/** Something in a row that is pressed for itself. */
function isControl(target: EventTarget | null): boolean {
  return target instanceof Element && target.closest("vscode-checkbox, button, .twistie") !== null;
}

/** The last column has its legend in its head. */
function headParts(name: string, index: number): readonly (HTMLElement | string)[] {
  if (index !== columns.length - 1) return [name];
  const key = (direction: string) => element("span", { class: "legend-item" }, element("span", { class: `legend-swatch bar-${direction}`, "aria-hidden": true }), direction);
  return [element("span", { class: "legend-title", title: "Bytes per sample that the next stage waits for and that come back, were a stage to end here; bars are drawn against the most of the chain, or of the frozen component" }, name), key("forward"), key("backward"), element("span", { class: "legend-item", title: "The cheapest cut near each eighth of the chain's FLOPs, where stages of equal work would end" }, "✂ cheap")];
}
