/** What a plan can be compared with, and the difference in words. */
import type { AnswerTo, Decision, Other } from "../../src/protocol/judging";
import type { Timeline } from "../../src/model/timeline";
import type { Aligned } from "../../src/timeline/layout/align";
import { measuredDifference, measuredSentences } from "../../src/timeline/layout/measuredDifference";
import { element } from "../dom";
import { button } from "../ui";

interface Choices {
  /** Names of methods that have a plan. */
  readonly baselines: readonly string[];
  readonly hasSaved: boolean;
  /** The run that is laid over the prediction. */
  readonly measured?: string;
  choose(other: Other): void;
  chooseMeasured(): void;
}

export function choicesPanel({ baselines, hasSaved, measured, choose, chooseMeasured }: Choices): HTMLElement {
  const items = [
    button({ label: "Another plan …", title: "Choose another plan of this workspace", onClick: () => choose({ of: "file" }) }),
    ...(hasSaved ? [button({ label: "The saved plan", title: "This plan as it was last saved", onClick: () => choose({ of: "saved" }) })] : []),
    ...baselines.map((name) => button({ label: name, title: `${name} at its best, without filling`, onClick: () => choose({ of: "baseline", name }) })),
    ...(measured === undefined ? [] : [button({ label: `Measured run ${measured}`, title: "What took longer than predicted, and by how much", onClick: chooseMeasured })]),
  ];
  const hints = [
    hasSaved ? undefined : "There are no unsaved changes to compare with.",
    measured === undefined ? "“DiffusionPipe: Show Measured Timeline” lays a run over the prediction; then it can be compared here." : undefined,
  ].filter((hint) => hint !== undefined);
  return element("div", {},
    element("p", {}, "Its predicted timeline is laid beside this plan's, on the same time axis."),
    element("div", { class: "judge-choices" }, ...items),
    ...hints.map((hint) => element("p", { class: "hint" }, hint)),
  );
}

export function differencePanel({ name, lead, decisions, causes }: AnswerTo<"compare">, takeAway: () => void): HTMLElement {
  return element("div", {},
    element("p", { class: "judge-verdict" }, lead),
    causes.length > 0 ? element("ul", { class: "causes" }, ...causes.map((cause) => element("li", {}, cause))) : undefined,
    decisions.length > 0 ? decisionTable(decisions, name) : element("p", {}, "Both decide the same."),
    element("div", { class: "judge-actions" }, button({ label: "Take away", title: `Take ${name} away from the timeline`, onClick: takeAway })),
  );
}

function decisionTable(decisions: readonly Decision[], name: string): HTMLElement {
  const head = ["Decision", "This plan", name].map((text) => element("th", { scope: "col" }, text));
  const rows = decisions.map(({ what, here, there }) => element("tr", {}, element("th", { scope: "row" }, what), ...[here, there].map((text) => element("td", { title: text }, element("div", { class: "decision-text" }, text)))));
  return element("table", { class: "judge-table decision-table" }, element("caption", {}, "Decided differently"), element("thead", {}, element("tr", {}, ...head)), element("tbody", {}, ...rows));
}

export function measuredPanel(predicted: Timeline, { timeline, name }: Aligned & { readonly name: string }, back: () => void): HTMLElement {
  const [lead, ...sentences] = measuredSentences(measuredDifference(predicted, timeline));
  return element("div", {},
    element("p", { class: "judge-verdict" }, lead),
    element("ul", { class: "causes" }, ...sentences.map((sentence) => element("li", {}, sentence))),
    element("p", { class: "hint" }, `Run ${name}, whose lanes lie below the predicted ones. Figures of an iteration are means over those that are shown.`),
    element("div", { class: "judge-actions" }, button({ label: "Back", title: "What else to compare with", onClick: back })),
  );
}
