/** A button that pins a decision, so that the planner keeps it. */
import { element, setAttribute, svgElement } from "../dom";

export interface PinButton {
  readonly element: HTMLButtonElement;
  show(pinned: boolean, disabled: boolean): void;
}

/** @param what Is pinned, in words: "the schedule". */
export function pinButton(what: string, onToggle: (pinned: boolean) => void): PinButton {
  const icon = svgElement("svg", { viewBox: "0 0 16 16", width: 14, height: 14, "aria-hidden": true }, svgElement("path", { d: "M5 2h6l-1 1v4l2 2v1H8.6L8 15l-.6-5H4V9l2-2V3z" }));
  const button = element("button", { class: "pin", type: "button" }, icon);
  button.addEventListener("click", () => onToggle(button.getAttribute("aria-pressed") !== "true"));
  return {
    element: button,
    show(pinned, disabled) {
      setAttribute(button, "aria-pressed", pinned ? "true" : "false");
      setAttribute(button, "aria-label", `Pin ${what}`);
      setAttribute(button, "title", pinned ? `The planner keeps ${what}. Click to let it choose.` : `Pin ${what}: the planner keeps it.`);
      button.disabled = disabled;
    },
  };
}
