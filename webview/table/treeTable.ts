/**
 * Rows of a tree as a table that scrolls: only rows in view are in the page, so that it does not matter how many there are.
 * For assistive technology it is a tree grid whose active row follows the keyboard.
 */
import { element, setAttribute } from "../dom";

export const rowHeight = 24;
const headHeight = 30;
/** Rows kept above and below those in view, so that a scroll meets drawn rows. */
const margin = 8;

export interface TableRow {
  /** Names the row over changes of what is shown and open. */
  readonly key: string;
  /** Depth in the tree, from 1. */
  readonly level: number;
  /** Of rows that have others below them. */
  readonly expanded?: boolean;
}

/** Where and how a row stands. */
export interface RowPlace {
  readonly index: number;
  readonly active: boolean;
  readonly selected: boolean;
}

export interface TableFrame {
  /** What the table holds, for assistive technology. */
  readonly label: string;
  /** A cell for each column. */
  readonly head: readonly HTMLElement[];
  /** A row below all others, always in view. */
  readonly foot?: HTMLElement;
  /** Whether Shift selects the rows between two, and Ctrl+A all. */
  readonly many?: boolean;
}

export interface TableContent<R> {
  readonly rows: readonly R[];
  /** Made with `rowElement`. */
  readonly draw: (row: R, place: RowPlace) => HTMLElement;
}

export interface TableActions<R> {
  toggle(row: R): void;
  /** The keyboard or the pointer is on another row, or other rows are selected with it. */
  activated(row: R | undefined): void;
  /** Enter, or a double click on a row that does not open. */
  opened(row: R): void;
  scrolled(top: number): void;
  /** Other keys on a row; whether something was done. */
  key?(key: string, row: R): boolean;
}

const rowId = (index: number) => `row-${index}`;
/** What in a row is pressed for itself. */
const controls = "vscode-checkbox, button";

/** A row of the table, with what assistive technology needs to place it. */
export function rowElement(className: string, { index, active, selected }: RowPlace, { level, expanded }: TableRow, attributes: Readonly<Record<string, string | number | undefined>>, ...cells: readonly HTMLElement[]): HTMLElement {
  return element("div", {
    class: `row ${className}${active ? " active" : ""}${selected ? " selected" : ""}`, role: "row", id: rowId(index),
    "aria-rowindex": index + 2, "aria-level": level, "aria-expanded": expanded === undefined ? undefined : String(expanded), "aria-selected": String(selected), ...attributes,
  }, ...cells);
}

/** What opens and closes a row, by the pointer; empty where there is nothing to open. */
export function twistie(expanded: boolean | undefined, toggle: () => void): HTMLElement {
  const node = element("span", { class: "twistie", "aria-hidden": true }, expanded === undefined ? "" : expanded ? "⌄" : "›");
  node.addEventListener("click", toggle);
  return node;
}

export class TreeTable<R extends TableRow> {
  private readonly body = element("div", { class: "table-body", role: "rowgroup" });
  readonly element: HTMLElement;
  private content: TableContent<R> = { rows: [], draw: () => element("div") };
  private drawn = new Map<number, HTMLElement>();
  private activeKey?: string;
  /** The other end of the selected rows. */
  private anchorKey?: string;
  private pending = 0;

  constructor(private readonly frame: TableFrame, private readonly actions: TableActions<R>) {
    const { label, head, foot, many } = frame;
    this.element = element("div", { class: "table", role: "treegrid", tabindex: "0", "aria-label": label, "aria-colcount": head.length, "aria-readonly": "true", "aria-multiselectable": many ? "true" : undefined });
    this.element.append(element("div", { class: "table-head-group", role: "rowgroup" }, element("div", { class: "row table-head", role: "row", "aria-rowindex": 1 }, ...head)), this.body);
    if (foot) this.element.append(element("div", { class: "table-foot-group", role: "rowgroup" }, foot));
    this.element.addEventListener("scroll", () => this.soon());
    this.element.addEventListener("keydown", (event) => this.key(event));
    this.body.addEventListener("click", (event) => this.clicked(event));
    this.body.addEventListener("dblclick", (event) => this.doubleClicked(event));
    new ResizeObserver(() => this.draw()).observe(this.element);
  }

  /** Rows again from the start: their content may have changed. */
  show(content: TableContent<R>): void {
    this.content = content;
    const focused = this.focusedControl();
    this.body.style.height = `${content.rows.length * rowHeight}px`;
    setAttribute(this.element, "aria-rowcount", content.rows.length + (this.frame.foot ? 2 : 1));
    if (this.frame.foot) setAttribute(this.frame.foot, "aria-rowindex", content.rows.length + 2);
    this.drawn.forEach((node) => node.remove());
    this.drawn.clear();
    this.draw();
    if (focused) this.drawn.get(content.rows.findIndex(({ key }) => key === focused.key))?.querySelectorAll<HTMLElement>(controls)[focused.index]?.focus();
  }

  get rows(): readonly R[] {
    return this.content.rows;
  }

  get active(): R | undefined {
    return this.content.rows[this.activeIndex];
  }

  /** The rows from the one where the selection began to the active one, in the order of the table. */
  get selected(): readonly R[] {
    const [first, last] = this.selectedRange;
    return first < 0 ? [] : this.content.rows.slice(first, last + 1);
  }

  /** @param reveal Scroll as little as is needed to have the row in view. @param extend Select it together with the rows up to it. */
  activate(key: string | undefined, reveal = true, extend = false): void {
    if (!extend || !this.frame.many) this.anchorKey = key;
    this.activeKey = key;
    this.drawn.forEach((node, index) => this.mark(node, index));
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
  rowOf(target: EventTarget | null): R | undefined {
    const index = target instanceof Element ? this.indexOf(target.closest(".table-body > .row")) : -1;
    return this.content.rows[index];
  }

  private get activeIndex(): number {
    return this.indexOfKey(this.activeKey);
  }

  /** First and last of the selected rows; -1 where none is. */
  private get selectedRange(): readonly [number, number] {
    const active = this.activeIndex;
    const anchor = this.indexOfKey(this.anchorKey);
    return anchor < 0 || active < 0 ? [active, active] : [Math.min(anchor, active), Math.max(anchor, active)];
  }

  private indexOfKey(key: string | undefined): number {
    return key === undefined ? -1 : this.content.rows.findIndex((row) => row.key === key);
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
    const selected = this.selectedRange;
    let next: Node | null = null;
    for (const index of [...wanted].sort((a, b) => b - a)) {
      const node: HTMLElement = this.drawn.get(index) ?? this.make(index, active, selected);
      if (node.parentNode !== this.body || node.nextSibling !== next) this.body.insertBefore(node, next);
      next = node;
    }
  }

  private make(index: number, active: number, [first, last]: readonly [number, number]): HTMLElement {
    const node = this.content.draw(this.content.rows[index], { index, active: index === active, selected: index >= first && index <= last });
    node.style.top = `${index * rowHeight}px`;
    node.dataset.index = String(index);
    this.drawn.set(index, node);
    return node;
  }

  /** A row drawn before is marked or unmarked in place: a control in it keeps the focus. */
  private mark(node: HTMLElement, index: number): void {
    const [first, last] = this.selectedRange;
    const isSelected = index >= 0 && index >= first && index <= last;
    node.classList.toggle("active", index === this.activeIndex);
    node.classList.toggle("selected", isSelected);
    node.setAttribute("aria-selected", String(isSelected));
  }

  private reveal(index: number): void {
    const top = index * rowHeight;
    const room = this.element.clientHeight - headHeight - rowHeight * (this.frame.foot ? 2 : 1);
    if (top < this.element.scrollTop) this.element.scrollTop = top;
    else if (top > this.element.scrollTop + room) this.element.scrollTop = top - room;
  }

  /** The row whose control has the focus, and which of its controls it is. */
  private focusedControl(): { readonly key: string; readonly index: number } | undefined {
    const node = document.activeElement?.closest(".table-body > .row");
    const row = this.rowOf(node ?? null);
    const index = [...(node?.querySelectorAll(controls) ?? [])].findIndex((control) => control.contains(document.activeElement));
    return row && index >= 0 ? { key: row.key, index } : undefined;
  }

  private indexOf(node: Element | null | undefined): number {
    return node instanceof HTMLElement && node.dataset.index !== undefined ? Number(node.dataset.index) : -1;
  }

  private clicked(event: MouseEvent): void {
    const row = this.rowOf(event.target);
    if (!row || isControl(event.target)) return;
    this.activate(row.key, false, event.shiftKey);
    this.actions.activated(row);
  }

  private doubleClicked(event: MouseEvent): void {
    const row = this.rowOf(event.target);
    if (!row || isControl(event.target)) return;
    if (row.expanded === undefined) this.actions.opened(row);
    else this.actions.toggle(row);
  }

  private key(event: KeyboardEvent): void {
    if (event.altKey || event.target !== this.element) return;
    const { rows } = this.content;
    if (event.ctrlKey || event.metaKey) {
      if (!this.frame.many || event.key.toLowerCase() !== "a" || rows.length === 0) return;
      event.preventDefault();
      this.activate(rows[0].key, false);
      return this.go(rows.length - 1, true);
    }
    const at = this.activeIndex;
    const page = Math.max(1, Math.floor((this.element.clientHeight - headHeight) / rowHeight) - 1);
    const row = rows[at];
    const moves: Readonly<Record<string, () => void>> = {
      ArrowDown: () => this.go(at + 1, event.shiftKey),
      ArrowUp: () => this.go(at < 0 ? rows.length - 1 : at - 1, event.shiftKey),
      PageDown: () => this.go(Math.max(0, at) + page, event.shiftKey),
      PageUp: () => this.go(Math.max(0, at) - page, event.shiftKey),
      Home: () => this.go(0, event.shiftKey),
      End: () => this.go(rows.length - 1, event.shiftKey),
      ArrowRight: () => this.inwards(row, at),
      ArrowLeft: () => this.outwards(row, at),
      Enter: () => row && this.actions.opened(row),
    };
    if (Object.hasOwn(moves, event.key)) moves[event.key]();
    else if (!row || !this.actions.key?.(event.key, row)) return;
    event.preventDefault();
  }

  private go(index: number, extend: boolean): void {
    const row = this.content.rows[Math.max(0, Math.min(this.content.rows.length - 1, index))];
    if (!row) return;
    this.activate(row.key, true, extend);
    this.actions.activated(row);
  }

  private inwards(row: R | undefined, at: number): void {
    if (!row || row.expanded === undefined) return;
    if (row.expanded) this.go(at + 1, false);
    else this.actions.toggle(row);
  }

  private outwards(row: R | undefined, at: number): void {
    if (!row) return;
    if (row.expanded) return this.actions.toggle(row);
    for (let index = at - 1; index >= 0; index--) if (this.content.rows[index].level < row.level) return this.go(index, false);
  }
}

function isControl(target: EventTarget | null): boolean {
  return target instanceof Element && target.closest(`${controls}, .twistie`) !== null;
}
