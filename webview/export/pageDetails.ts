/** The exported page's details: the facts of a slice, or how each device spends its time. */
import { deviceUse, factsOf, kindName } from "../../src/timeline/layout/describe";
import { formatBytes, formatPercent } from "../../src/timeline/layout/format";
import { kindStyles, operationTitle } from "../../src/timeline/layout/kinds";
import type { Layout, Slice } from "../../src/timeline/layout/lanes";
import { element } from "../dom";

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
  const head = ["Device", "Trained", "Frozen", "Idle", "Peak"].map((text) => element("th", { scope: "col" }, text));
  const rows = deviceUse(layout).map(({ device, trained, frozen, idle }) => element("tr", {},
    element("th", { scope: "row", title: kindName(layout.timeline, device) }, `${device}`),
    ...[trained, frozen, idle].map((share) => element("td", {}, formatPercent(share))),
    element("td", {}, formatBytes(layout.timeline.devices[device].peakMemoryBytes)),
  ));
  return [
    element("h2", { class: "details-title" }, "Devices"),
    element("table", { class: "use" }, element("caption", {}, `Device time, ${layout.source}`), element("thead", {}, element("tr", {}, ...head)), element("tbody", {}, ...rows)),
    element("p", { class: "hint" }, "Click a slice for its details. Ctrl+wheel zooms, Shift+drag pans, ? lists all keys."),
  ];
}
