/** The details pane where no slice is selected: how each device spends its time. */
import { element } from "../dom";
import type { Picture } from "../session";
import { useTable } from "./useTable";

export function overview(picture: Picture): readonly HTMLElement[] {
  return [
    element("h2", { class: "details-title" }, "Devices"),
    ...picture.layouts.map(useTable),
    element("p", { class: "hint" }, "Click a slice for its details. Ctrl+wheel zooms, Shift+drag pans, / searches, ? lists all keys."),
  ];
}
