/** The details pane: everything about the selected slice, or how each device spends its time. */
import { deviceUse } from "../../src/timeline/layout/describe";
import { formatBytes, formatPercent } from "../../src/timeline/layout/format";
import type { Placement, SlicePlace } from "../../src/timeline/layout/geometry";
import { element } from "../dom";
import type { Picture } from "../session";
import { sliceDetails, type JumpActions } from "./sliceDetails";

export function detailsPanel(picture: Picture, placement: Placement, selected: SlicePlace | undefined, actions: JumpActions): readonly HTMLElement[] {
  return selected ? sliceDetails(picture, placement, selected, actions) : overview(picture);
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
    element("p", { class: "hint" }, "Click a slice for its details. Ctrl+wheel zooms, Shift+drag pans, / searches, ? lists all keys."),
  ];
}
