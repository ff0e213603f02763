/** What stands in the way of a picture, or makes it doubtful, and what to do about it. */
import type { Snapshot } from "../session";
import { button } from "../ui";
import { bar, placeOf } from "./bar";
import { problemPage, waitingPage } from "./placeholder";

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
  if (!problem) return waitingPage("Loading the plan", "Reading the plan and its profile …");
  const title = { empty: "This plan is empty", text: "This plan cannot be shown", inputs: "Something this plan needs is missing" }[problem.kind];
  return problemPage(title, problem.problem, button({ label: "Show Text", title: "Open the plan as text", appearance: "primary", onClick: () => actions.showText(problem.problem.field) }));
}
