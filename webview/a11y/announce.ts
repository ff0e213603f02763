/** What is said aloud when something changes without moving the focus. */
import { element } from "../dom";

export class Announcer {
  readonly element = element("div", { class: "visually-hidden", role: "status", "aria-live": "polite" });

  say(text: string): void {
    if (this.element.textContent !== text) this.element.textContent = text;
  }
}
