/** What makes a profile doubtful: layers that changed or were not measured, and what to do about it. */
import type { Problem } from "../../src/protocol/messages";
import type { Measuring, Stand } from "../../src/protocol/profileMessages";
import { unmeasuredLayers } from "../../src/model/measured";
import type { LayerRef, Profile } from "../../src/model/profile";
import { bar, placeOf } from "../panels/bar";
import { button } from "../ui";

export interface NoticeActions {
  measure(): void;
  showText(field: string | undefined): void;
}

/** Above the table. @param problem Of the text, which is then newer than the profile. */
export function noticeBars(profile: Profile, stand: Stand | undefined, measuring: Measuring | undefined, problem: Problem | undefined, actions: NoticeActions): readonly HTMLElement[] {
  if (problem) {
    const { message, file, field, hint } = problem;
    return [bar("error", [placeOf(file, field), message, hint, "The table is that of the last good text."], button({ label: "Show in Text", title: "Open the profile's text at this place", onClick: () => actions.showText(field) }))];
  }
  const measure = (label: string) => measureButton(label, measuring, actions);
  const refusal = measuring?.kind === "refused" ? measuring.reason : undefined;
  const unmeasured = unmeasuredLayers(profile);
  return [
    ...(stand ? standBars(stand, refusal, measure) : []),
    ...(unmeasured.length > 0 ? [bar("warning", [`${counted(unmeasured.length)} ${unmeasured.length === 1 ? "was" : "were"} not measured: ${named(unmeasured)}.`, unmeasured.length === 1 ? "Its times are estimates." : "Their times are estimates.", refusal], measure(unmeasured.length === 1 ? "Measure It" : "Measure Them"))] : []),
  ];
}

function standBars(stand: Stand, refusal: string | undefined, measure: (label: string) => HTMLElement | undefined): readonly HTMLElement[] {
  if (stand.kind === "unknown") return [bar("info", [`Whether the model has changed since this was measured is not known: ${stand.reason}`])];
  const { changed, gone, differences } = stand;
  const count = changed.length;
  if (count > 0) {
    const label = count === 1 ? "Measure the Layer That Changed" : `Measure the ${count} Layers That Changed`;
    return [bar("warning", [`${counted(count)} changed since this was measured: ${named(changed)}.`, refusal], measure(label))];
  }
  if (differences.length === 0) return [];
  const lost = gone.length > 0 ? ` ${counted(gone.length)} ${gone.length === 1 ? "is" : "are"} not in it any more.` : "";
  return [bar("warning", [`The model has ${differences.join(", ")} than when this was measured.${lost} No layer of it does other work than was timed.`, refusal], measure("Bring Up to Date"))];
}

/** Nothing where it cannot be measured from here: the bar then says why. */
function measureButton(label: string, measuring: Measuring | undefined, actions: NoticeActions): HTMLElement | undefined {
  if (!measuring || measuring.kind === "refused") return undefined;
  const running = measuring.kind === "running";
  const node = button({ label: running ? "Measuring …" : label, title: "Profile again with the same roles, size, batch sizes and provider; what this machine has measured before comes from its cache", appearance: "primary", onClick: actions.measure });
  node.toggleAttribute("disabled", running);
  return node;
}

const counted = (count: number) => `${count} layer${count === 1 ? "" : "s"}`;

const mostNames = 3;

function named(layers: readonly LayerRef[]): string {
  const names = layers.slice(0, mostNames).map(({ component, layer }) => `${component} / ${layer}`);
  return [...names, ...(layers.length > mostNames ? [`${layers.length - mostNames} more`] : [])].join(", ");
}
