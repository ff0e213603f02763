/** What the critical path consists of, in words. */
import { criticalShares, type CriticalShares } from "../../src/timeline/layout/criticalShares";
import { formatMs, formatPercent } from "../../src/timeline/layout/format";
import type { Layout } from "../../src/timeline/layout/lanes";
import { element } from "../dom";

/** The same as one sentence, to be read out. */
export function criticalSentence(layouts: readonly Layout[]): string {
  const parts = layouts.map((layout) => {
    const shares = criticalShares(layout.timeline);
    return `${layout.source} ${shares ? factsOf(shares).map(([label, value]) => `${label.toLowerCase()} ${value}`).join(", ") : "unknown"}`;
  });
  return `Critical path: ${parts.join("; ")}.`;
}

function factsOf({ compute, communication, idle }: CriticalShares): readonly (readonly [string, string])[] {
  return [["Computing", formatPercent(compute)], ["Communication", formatPercent(communication)], ["Idle", formatPercent(idle)]];
}

export function criticalPanel(layouts: readonly Layout[]): HTMLElement {
  return element("section", { class: "critical-panel", "aria-label": "Critical path" }, element("h2", { class: "details-title" }, "Critical path"), ...layouts.flatMap((layout) => {
    const shares = criticalShares(layout.timeline);
    const source = layouts.length > 1 ? `${layout.source}: ` : "";
    if (!shares) return [element("p", { class: "hint" }, `${source}this timeline does not say what its length depends on.`)];
    return [
      element("p", { class: "hint" }, `${source}${shares.operations} operations; shares of its last ${formatMs(shares.toMs - shares.fromMs)}, ${formatMs(shares.fromMs)} to ${formatMs(shares.toMs)}.`),
      element("dl", { class: "facts" }, ...factsOf(shares).flatMap(([label, value]) => [element("dt", {}, label), element("dd", {}, value)])),
    ];
  }));
}
