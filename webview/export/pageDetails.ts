/** The exported page's details: the facts of a slice, or how each device spends its time. */
import { factsOf } from "../../src/timeline/layout/describe";
import { kindStyles, operationTitle } from "../../src/timeline/layout/kinds";
import type { Layout, Slice } from "../../src/timeline/layout/lanes";
import { element } from "../dom";
import { useTable } from "../panels/useTable";

export function pageDetails(layout: Layout, selected: { readonly slice: Slice; readonly device: number } | undefined): readonly HTMLElement[] {
  return selected ? sliceDetails(layout, selected.slice, selected.device) : overview(layout);
}

function sliceDetails({ timeline, source }: Layout, slice: Slice, device: number): readonly HTMLElement[] {
  const operation = slice.index === undefined ? undefined : timeline.operations[slice.index];
  return [
    element("h2", { class: "details-title" }, element("span", { class: `swatch swatch-${slice.kind}`, "aria-hidden": true }, kindStyles[slice.kind].letter), operation ? operationTitle(operation.op) : "Idle (bubble)"),
    element("dl", { class: "facts" }, ...factsOf(slice, timeline, device, source).flatMap(({ label, value }) => [element("dt", {}, label), element("dd", {}, value)])),
  ];
}

function overview(layout: Layout): readonly HTMLElement[] {
  return [
    element("h2", { class: "details-title" }, "Devices"),
    useTable(layout),
    element("p", { class: "hint" }, "Click a slice for its details. Ctrl+wheel zooms, Shift+drag pans, ? lists all keys."),
  ];
}
