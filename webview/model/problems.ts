/** In place of a model or above its last good picture: why it cannot be read. */
import type { ModelHostMessage } from "../../src/protocol/modelMessages";
import { bar, placeOf } from "../panels/bar";
import { problemPage } from "../panels/placeholder";
import { button } from "../ui";

type ModelProblem = Extract<ModelHostMessage, { type: "problem" }>;

export function unreadablePage({ name, problem, canOpen }: ModelProblem, open: () => void): HTMLElement {
  return problemPage(`${name} cannot be read as a model`, problem, canOpen ? openButton(open, "primary") : undefined);
}

/** Above the last good picture. */
export function outdatedBar({ problem: { message, file, field, hint }, canOpen }: ModelProblem, open: () => void): HTMLElement {
  return bar("error", [placeOf(file, field), message, hint, "What is shown is the model as it last could be read."], canOpen ? openButton(open, "secondary") : undefined);
}

function openButton(onClick: () => void, appearance: "primary" | "secondary"): HTMLElement {
  return button({ label: "Open File", title: "Open the file at this field", appearance, onClick });
}
