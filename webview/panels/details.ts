/** The details pane: everything about the selected slice, or how each device spends its time. */
import type { Placement, SlicePlace } from "../../src/timeline/layout/geometry";
import { element } from "../dom";
import type { Picture } from "../session";
import { sliceDetails, type JumpActions } from "./sliceDetails";
import { useTable } from "./useTable";

export function detailsPanel(picture: Picture, placement: Placement, selected: SlicePlace | undefined, actions: JumpActions): readonly HTMLElement[] {
  return selected ? sliceDetails(picture, placement, selected, actions) : overview(picture);
}

function overview(picture: Picture): readonly HTMLElement[] {
  return [
    element("h2", { class: "details-title" }, "Devices"),
    ...picture.layouts.map(useTable),
    element("p", { class: "hint" }, "Click a slice for its details. Ctrl+wheel zooms, Shift+drag pans, / searches, ? lists all keys."),
  ];
}
