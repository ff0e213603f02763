/** Figures in boxes: a label, a value with its unit, a note. */
import { element } from "../dom";

export interface Tile {
  readonly label: string;
  readonly value: string;
  readonly note?: string;
  /** Against the document, in words, and whether it is for the better. */
  readonly change?: { readonly text: string; readonly better: boolean };
  readonly hover?: string;
  readonly tone?: "warning";
}

export function tileGroup(label: string, tiles: readonly Tile[]): HTMLElement {
  return element("section", { class: `figure-group figure-group-${tiles.length}`, "aria-label": label }, element("h2", { class: "figure-group-title" }, label), element("div", { class: "tiles" }, ...tiles.map(tileElement)));
}

function tileElement({ label, value, note, hover, change, tone }: Tile): HTMLElement {
  return element("div", { class: `tile${tone ? ` tile-${tone}` : ""}` },
    element("div", { class: "tile-label" }, label),
    element("div", { class: "tile-value" }, ...valueParts(value)),
    change
      ? element("div", { class: `tile-note tile-change ${change.better ? "better" : "worse"}` }, `${change.text} ${change.better ? "better" : "worse"}`)
      : element("div", { class: "tile-note", title: [note, hover].filter(Boolean).join("; ") }, note ?? ""),
  );
}

/** A number and, smaller, its unit. */
function valueParts(value: string): readonly (HTMLElement | string)[] {
  const space = value.indexOf(" ");
  return space < 0 ? [value] : [value.slice(0, space), element("span", { class: "tile-unit" }, value.slice(space))];
}
