/** Filters layers by what stands in their rows; Enter goes from match to match. */
import { element } from "../dom";
import { textField } from "../ui";

export interface SearchActions {
  searched(query: string): void;
  step(direction: 1 | -1): void;
  /** The search is over: back to the table. */
  left(): void;
}

export class SearchBox {
  private readonly field;
  private readonly count = element("span", { class: "search-count", role: "status" });
  readonly element: HTMLElement;

  /** @param by What is searched, e.g. "name or kind". */
  constructor(by: string, private readonly actions: SearchActions) {
    this.field = textField({ label: "Search layers", placeholder: `Search ${by}`, value: "", title: `Filter by ${by} (Ctrl+F); Enter: next match, Shift+Enter: the one before, Esc: clear`, onInput: (query) => actions.searched(query) });
    this.element = element("div", { class: "search", role: "search" }, this.field.element, this.count);
    this.field.element.addEventListener("keydown", (event) => this.key(event));
    document.addEventListener("keydown", (event) => {
      if (!(event.ctrlKey || event.metaKey) || event.key.toLowerCase() !== "f") return;
      event.preventDefault();
      this.field.focus();
    });
  }

  show(query: string, found: number, total: number): void {
    if (this.field.value !== query) this.field.value = query;
    this.count.textContent = query.trim() === "" ? `${total} layers` : `${found} of ${total} layers`;
    this.element.classList.toggle("nothing", found === 0 && total > 0);
  }

  private key(event: KeyboardEvent): void {
    if (event.key === "Enter") this.actions.step(event.shiftKey ? -1 : 1);
    else if (event.key === "ArrowDown") this.actions.left();
    else if (event.key === "Escape") {
      this.actions.searched("");
      this.actions.left();
    } else return;
    event.preventDefault();
  }
}
