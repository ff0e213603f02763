/** Whether pipelining is worth it: a plain answer, and every common method at its best on the same costs. */
import type { AnswerTo, Figures, MethodFigures } from "../../src/protocol/judging";
import { formatBytes, formatMs, formatRatio, formatThroughput } from "../../src/timeline/layout/format";
import { element } from "../dom";
import { button } from "../ui";

/** @param compare Lays the method of that name beside the plan. */
export function worthPanel({ verdict, caching, plan, methods }: AnswerTo<"worth">, compare: (name: string) => void): HTMLElement {
  const head = ["Method", "Period", "Samples/s", "Peak", "Plan’s speed"].map((text) => element("th", { scope: "col" }, text));
  const known = methods.filter(({ figures }) => figures).sort((a, b) => (a.figures?.periodMs ?? 0) - (b.figures?.periodMs ?? 0));
  const others = methods.filter(({ figures }) => !figures);
  return element("div", {},
    element("p", { class: "judge-verdict" }, verdict),
    caching === undefined ? undefined : element("p", {}, caching),
    element("table", { class: "judge-table" },
      element("caption", {}, "Each at its best on the same costs, predicted"),
      element("thead", {}, element("tr", {}, ...head)),
      element("tbody", {}, planRow(plan), ...known.map((method) => methodRow(method, compare))),
    ),
    others.length > 0 ? element("dl", { class: "facts" }, ...others.flatMap(({ name, note }) => [element("dt", {}, name), element("dd", {}, note)])) : undefined,
  );
}

function planRow(plan: Figures): HTMLElement {
  return element("tr", { class: "own-row" }, element("th", { scope: "row" }, "This plan"), ...figureCells(plan), element("td", {}, ""));
}

function methodRow({ name, figures, speedUp, note, isSimulated }: MethodFigures, compare: (name: string) => void): HTMLElement {
  return element("tr", {},
    element("th", { scope: "row" },
      isSimulated ? button({ label: name, title: `Lay ${name} beside this plan`, onClick: () => compare(name) }) : element("span", { class: "method-name" }, name),
      element("div", { class: "hint" }, note)),
    ...(figures ? figureCells(figures) : []),
    element("td", {}, speedUp === undefined ? "" : `${formatRatio(speedUp)}${speedUp < 0.995 ? ", slower" : ""}`),
  );
}

function figureCells({ periodMs, throughputPerSecond, peakMemoryBytes }: Figures): readonly HTMLElement[] {
  return [formatMs(periodMs), formatThroughput(throughputPerSecond).replace(" samples/s", ""), formatBytes(peakMemoryBytes)].map((text) => element("td", {}, text));
}
