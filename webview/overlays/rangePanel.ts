/** What happens in the range that is looked at, in tables. */
import { sentenceOf } from "../../src/timeline/layout/describe";
import { formatMs, formatPercent } from "../../src/timeline/layout/format";
import { operationTitle } from "../../src/timeline/layout/kinds";
import type { Layout } from "../../src/timeline/layout/lanes";
import { placesOf } from "../../src/timeline/layout/places";
import { sliceOf, type Placement } from "../../src/timeline/layout/geometry";
import type { TimeRange } from "../../src/timeline/layout/range";
import { rangeStats, type RangeStats, type RangeUse } from "../../src/timeline/layout/rangeStats";
import { element } from "../dom";
import { button } from "../ui";

export interface RangeActions {
  clear(): void;
  /** Selects an operation of a layout. */
  go(layout: number, operation: number): void;
}

export function rangePanel(layouts: readonly Layout[], placement: Placement, [from, to]: TimeRange, actions: RangeActions): HTMLElement {
  return element("section", { class: "range-panel", "aria-label": "Range" },
    element("div", { class: "range-head" },
      element("h2", { class: "details-title" }, `Range of ${formatMs(to - from)}`),
      button({ label: "Clear", title: "Clear the range (Esc)", appearance: "icon", onClick: () => actions.clear() }),
    ),
    element("p", { class: "hint" }, `${formatMs(from)} to ${formatMs(to)}`),
    ...layouts.flatMap((layout, index) => {
      const stats = rangeStats(layout, from, to);
      const source = layouts.length > 1 ? `, ${layout.source}` : "";
      return [useTable(stats, to - from, source), kindTable(stats, source), longestList(stats, placement, index, layouts, source, actions)];
    }),
  );
}

function useTable({ devices, all }: RangeStats, length: number, source: string): HTMLElement {
  const row = (name: string, { busy, frozen, idle }: RangeUse, whole: number) => element("tr", {}, element("th", { scope: "row" }, name), ...[busy, frozen, idle].map((ms) => element("td", { title: formatMs(ms) }, formatPercent(whole > 0 ? ms / whole : 0))));
  return table(`Share of the range${source}`, ["Device", "Trained", "Frozen", "Idle"], [...devices.map((use) => row(`${use.device}`, use, length)), row("All", all, length * devices.length)]);
}

function kindTable({ kinds }: RangeStats, source: string): HTMLElement {
  return table(`Operations${source}`, ["Operation", "Count", "Time"], kinds.map(({ op, count, ms }) => element("tr", {}, element("th", { scope: "row" }, operationTitle(op)), element("td", {}, `${count}`), element("td", {}, formatMs(ms)))));
}

function table(caption: string, columns: readonly string[], rows: readonly HTMLElement[]): HTMLElement {
  return element("table", { class: "use range-table" }, element("caption", {}, caption), element("thead", {}, element("tr", {}, ...columns.map((text) => element("th", { scope: "col" }, text)))), element("tbody", {}, ...rows));
}

function longestList({ longest }: RangeStats, placement: Placement, layout: number, layouts: readonly Layout[], source: string, actions: RangeActions): HTMLElement {
  const items = longest.flatMap((operation) => {
    const place = placesOf(placement)(layout, operation);
    const slice = place && sliceOf(placement, place);
    if (!place || !slice) return [];
    const { timeline } = layouts[layout];
    const link = element("button", { class: "range-link", type: "button", title: "Select it" }, sentenceOf(slice, timeline, timeline.operations[operation].device));
    link.addEventListener("click", () => actions.go(layout, operation));
    return [element("li", {}, link)];
  });
  return element("div", {}, element("h3", { class: "range-title" }, `Longest${source}`), element("ol", { class: "range-longest" }, ...items));
}
