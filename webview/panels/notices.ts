/** What stands in the way of a picture, or makes it doubtful, and what to do about it. */
import { element } from "../dom";
import type { Snapshot } from "../session";
import { button, progressRing } from "../ui";

export interface NoticeActions {
  showText(field: string | undefined): void;
  dismiss(): void;
}

/** Bars above the picture: an error in the text, an edit refused, files that changed. */
export function noticeBars({ picture, problem }: Snapshot, refusal: string | undefined, actions: NoticeActions): readonly HTMLElement[] {
  const bars: HTMLElement[] = [];
  if (problem && picture) {
    const { message, file, field, hint } = problem.problem;
    bars.push(bar("error", [placeOf(file, field), message, hint, "The picture is that of the last good text."], button({ label: "Show in Text", title: "Open the plan's text at this place", onClick: () => actions.showText(field) })));
  }
  if (refusal !== undefined) bars.push(bar("error", [refusal], button({ label: "Dismiss", title: "Hide this message", onClick: actions.dismiss })));
  if (!problem) for (const notice of picture?.notices ?? []) bars.push(bar("warning", [notice]));
  if (!problem && picture && picture.plan.runnable !== true) bars.push(bar("info", [`Today's trainer cannot run this plan: ${picture.plan.runnable.reason}`]));
  return bars;
}

/** In place of a picture when there is none: loading, an empty document, or the problem. */
export function placeholder({ picture, problem }: Snapshot, actions: NoticeActions): HTMLElement | undefined {
  if (picture) return undefined;
  if (!problem) return element("div", { class: "placeholder", role: "status" }, progressRing("Loading the plan"), element("p", {}, "Reading the plan and its profile …"));
  const { message, file, field, hint } = problem.problem;
  const title = { empty: "This plan is empty", text: "This plan cannot be shown", inputs: "Something this plan needs is missing" }[problem.kind];
  return element("div", { class: "placeholder", role: "alert" },
    element("h2", {}, title),
    placeOf(file, field) ? element("p", { class: "place" }, placeOf(file, field)) : undefined,
    element("p", {}, message),
    hint ? element("p", { class: "hint" }, hint) : undefined,
    button({ label: "Show Text", title: "Open the plan as text", appearance: "primary", onClick: () => actions.showText(field) }),
  );
}

export function placeOf(file: string | undefined, field: string | undefined): string {
  return [file, field].filter((part) => part !== undefined && part !== "").join(" · ");
}

export function bar(kind: "error" | "warning" | "info", parts: readonly (string | undefined)[], action?: HTMLElement): HTMLElement {
  const mark = { error: "⨯", warning: "⚠", info: "ⓘ" }[kind];
  const text = parts.filter((part): part is string => part !== undefined && part !== "");
  return element("div", { class: `notice notice-${kind}`, role: kind === "error" ? "alert" : "status" },
    element("span", { class: "notice-mark", "aria-hidden": true }, mark),
    element("span", { class: "notice-text" }, ...text.map((part, index) => element("span", { class: index === 0 && text.length > 1 && kind === "error" ? "place" : "" }, `${part} `))),
    action,
  );
}
