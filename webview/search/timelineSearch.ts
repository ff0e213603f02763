/** The search of the timeline: a bar above the lanes that counts what it finds and walks from one to the next. */
import type { Profile } from "../../src/model/profile";
import type { Placement, SlicePlace } from "../../src/timeline/layout/geometry";
import type { Layout } from "../../src/timeline/layout/lanes";
import { countFolded, findSlices, isSamePlace, stepThrough, type Found } from "../../src/timeline/layout/search";
import { element } from "../dom";
import { button, textField } from "../ui";

/** What is searched, as it is shown now. */
export interface SearchScene {
  readonly placement: Placement;
  readonly layouts: readonly Layout[];
  readonly profile: Profile;
  readonly selected?: SlicePlace;
}

export interface TimelineSearchActions {
  /** Undefined while there is no picture. */
  scene(): SearchScene | undefined;
  /** Another query; undefined when the search is over. */
  searched(query: string | undefined): void;
  go(place: SlicePlace): void;
  /** Shows the lanes that are folded away. */
  unfold(): void;
  /** The search is over: back to the lanes. */
  left(): void;
}

export class TimelineSearch {
  private readonly field = textField({
    label: "Search slices", placeholder: "Layer, component, operation, F3, mb 3, device 1", value: "",
    title: "Search by layer, component, operation, micro-batch or device; Enter: next, Shift+Enter: the one before, Esc: close",
    onInput: (query) => this.actions.searched(query),
  });
  private readonly count = element("span", { class: "find-count", role: "status" });
  private readonly folded = button({ label: "", title: "Unfold the lanes that these are in", appearance: "secondary", onClick: () => this.unfold() });
  readonly element = element("div", { class: "find", role: "search", hidden: true },
    this.field.element, this.count, this.folded,
    button({ label: "↑", title: "Match before (Shift+Enter)", appearance: "icon", onClick: () => this.step(-1) }),
    button({ label: "↓", title: "Next match (Enter)", appearance: "icon", onClick: () => this.step(1) }),
    button({ label: "×", title: "Close the search (Esc)", appearance: "icon", onClick: () => this.close() }),
  );
  private last?: { readonly query: string; readonly placement: Placement; readonly found: Found; readonly folded: number };

  constructor(private readonly actions: TimelineSearchActions) {
    this.field.element.addEventListener("keydown", (event) => this.key(event));
  }

  get isOpen(): boolean {
    return !this.element.hidden;
  }

  /** With a query in place of what was searched last where one is given. */
  open(query?: string): void {
    this.restore(query ?? this.field.value);
    this.actions.searched(this.field.value);
    this.field.focus();
  }

  /** As it was, without taking the focus. */
  restore(query: string): void {
    this.element.hidden = false;
    if (this.field.value !== query) this.field.value = query;
  }

  /** False when it was not open. */
  close(): boolean {
    if (!this.isOpen) return false;
    this.element.hidden = true;
    this.actions.searched(undefined);
    this.actions.left();
    return true;
  }

  /** What is found in the lanes as they are now; undefined while nothing is searched for. */
  get found(): Found | undefined {
    const query = this.field.value;
    const scene = this.isOpen && query.trim() !== "" ? this.actions.scene() : undefined;
    if (!scene) return undefined;
    if (this.last?.query !== query || this.last.placement !== scene.placement) this.last = this.look(query, scene);
    return this.last.found;
  }

  private look(query: string, { placement, layouts, profile }: SearchScene): NonNullable<typeof this.last> {
    return { query, placement, found: findSlices(query, placement, layouts, profile), folded: countFolded(query, placement, layouts, profile) };
  }

  /** Says how many there are, which of them is selected, and how many are folded away. */
  show(): void {
    const places = this.found?.places;
    const folded = places ? (this.last?.folded ?? 0) : 0;
    this.folded.hidden = folded === 0;
    this.folded.textContent = `${folded} in folded lanes`;
    this.folded.setAttribute("aria-label", `${folded} in folded lanes: unfold them`);
    const selected = this.actions.scene()?.selected;
    const at = selected && places ? places.findIndex((place) => isSamePlace(place, selected)) : -1;
    this.count.textContent = !places ? "" : places.length === 0 ? (folded > 0 ? "none in sight" : "nothing found") : at >= 0 ? `${at + 1} of ${places.length}` : `${places.length} found`;
    this.element.classList.toggle("nothing", places?.length === 0 && folded === 0);
  }

  private unfold(): void {
    this.actions.unfold();
    this.field.focus();
    if (this.actions.scene()?.selected === undefined) this.step(1);
  }

  /** Selects the next match in time, or the one before, around the ends. */
  step(direction: 1 | -1): void {
    const scene = this.actions.scene();
    const places = this.found?.places;
    const at = scene && places && stepThrough(places, scene.placement, scene.selected, direction);
    if (!places || at === undefined) return;
    this.actions.go(places[at]);
  }

  private key(event: KeyboardEvent): void {
    if (event.key === "Enter") this.step(event.shiftKey ? -1 : 1);
    else if (event.key === "Escape") this.close();
    else return;
    event.preventDefault();
    event.stopPropagation();
  }
}
