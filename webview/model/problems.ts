/** In place of a model: that it is being read, or why it cannot be. */
import type { ModelHostMessage } from "../../src/protocol/modelMessages";
import { element } from "../dom";
import { bar, placeOf } from "../panels/notices";
import { button, progressRing } from "../ui";

type ModelProblem = Extract<ModelHostMessage, { type: "problem" }>;

export function loading(): HTMLElement {
  return element("div", { class: "placeholder", role: "status" }, progressRing("Reading the model"), element("p", {}, "Reading the model …"));
}

export function problemPage({ name, problem: { message, file, field, hint }, canOpen }: ModelProblem, open: () => void): HTMLElement {
  const place = placeOf(file, field);
  return element("div", { class: "placeholder", role: "alert" },
    element("h2", {}, `${name} cannot be read as a model`),
    place ? element("p", { class: "place" }, place) : undefined,
    element("p", {}, message),
    hint ? element("p", { class: "hint" }, hint) : undefined,
    canOpen ? openButton(open, "primary") : undefined,
  );
}

/** Above the last good picture. */
export function outdatedBar({ problem: { message, file, field, hint }, canOpen }: ModelProblem, open: () => void): HTMLElement {
  return bar("error", [placeOf(file, field), message, hint, "What is shown is the model as it last could be read."], canOpen ? openButton(open, "secondary") : undefined);
}

function openButton(onClick: () => void, appearance: "primary" | "secondary"): HTMLElement {
  return button({ label: "Open File", title: "Open the file at this field", appearance, onClick });
}
