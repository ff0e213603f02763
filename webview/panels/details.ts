/** The details pane: all facts of the selected slice, or how each device spends its time. */
import { deviceUse, factsOf, type Fact } from "../../src/timeline/layout/describe";
import { formatBytes, formatPercent } from "../../src/timeline/layout/format";
import type { PlacedLane } from "../../src/timeline/layout/geometry";
import { kindStyles, operationTitle } from "../../src/timeline/layout/kinds";
import type { Slice } from "../../src/timeline/layout/lanes";
import { element } from "../dom";
import type { Picture } from "../session";

export function detailsPanel(picture: Picture, selected: { readonly slice: Slice; readonly placed: PlacedLane } | undefined): readonly HTMLElement[] {
  return selected ? sliceDetails(picture, selected.slice, selected.placed) : overview(picture);
}

function sliceDetails(picture: Picture, slice: Slice, placed: PlacedLane): readonly HTMLElement[] {
  const { timeline, source } = picture.layouts[placed.layout];
  const operation = slice.index === undefined ? undefined : timeline.operations[slice.index];
  const title = operation ? operationTitle(operation.op) : "Idle (bubble)";
  return [
    element("h2", { class: "details-title" }, element("span", { class: `swatch swatch-${slice.kind}`, "aria-hidden": true }, kindStyles[slice.kind].letter), title),
    facts(factsOf(slice, timeline, placed.lane.device, source, picture.context.workload.profile)),
  ];
}

function facts(list: readonly Fact[]): HTMLElement {
  return element("dl", { class: "facts" }, ...list.flatMap(({ label, value }) => [element("dt", {}, label), element("dd", {}, value)]));
}

function overview(picture: Picture): readonly HTMLElement[] {
  const head = element("tr", {}, ...["Device", "Trained", "Frozen", "Idle", "Peak"].map((text) => element("th", { scope: "col" }, text)));
  const sections = picture.layouts.map((layout) => {
    const rows = deviceUse(layout).map(({ device, trained, frozen, idle }) => element("tr", {},
      element("th", { scope: "row" }, `${device}`),
      ...[trained, frozen, idle].map((share) => element("td", {}, formatPercent(share))),
      element("td", {}, formatBytes(layout.timeline.devices[device].peakMemoryBytes)),
    ));
    return element("table", { class: "use" }, element("caption", {}, `Device time, ${layout.name ?? layout.source}`), element("thead", {}, head.cloneNode(true)), element("tbody", {}, ...rows));
  });
  return [
    element("h2", { class: "details-title" }, "Devices"),
    ...sections,
    element("p", { class: "hint" }, "Click a slice for its details. Ctrl+wheel zooms, Shift+drag pans, ? lists all keys."),
  ];
}
