/** How each device spends its time, as a table. */
import { deviceUse, kindName } from "../../src/timeline/layout/describe";
import { formatBytes, formatPercent } from "../../src/timeline/layout/format";
import type { Layout } from "../../src/timeline/layout/lanes";
import { element } from "../dom";

export function useTable(layout: Layout): HTMLElement {
  const head = ["Device", "Trained", "Frozen", "Idle", "Peak"].map((text) => element("th", { scope: "col" }, text));
  const rows = deviceUse(layout).map(({ device, trained, frozen, idle }) => element("tr", {},
    element("th", { scope: "row", title: kindName(layout.timeline, device) }, `${device}`),
    ...[trained, frozen, idle].map((share) => element("td", {}, formatPercent(share))),
    element("td", {}, formatBytes(layout.timeline.devices[device].peakMemoryBytes)),
  ));
  return element("table", { class: "use" }, element("caption", {}, `Device time, ${layout.name ?? layout.source}`), element("thead", {}, element("tr", {}, ...head)), element("tbody", {}, ...rows));
}
