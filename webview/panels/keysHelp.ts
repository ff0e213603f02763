/** The list of keys, in a dialog that Esc or "?" closes. */
import { element } from "../dom";
import { editGestures } from "../edit/editKeys";
import { keyBindings, otherGestures } from "../input/keys";
import { button } from "../ui";

export class KeysHelp {
  readonly element = element("dialog", { class: "keys", "aria-label": "Keys" });

  constructor() {
    const rows = [...keyBindings.map(({ shown, what }) => [shown, what] as const), ...otherGestures, ...editGestures];
    this.element.append(
      element("h2", {}, "Keys and gestures"),
      element("dl", { class: "facts" }, ...rows.flatMap(([keys, what]) => [element("dt", {}, element("kbd", {}, keys)), element("dd", {}, what)])),
      button({ label: "Close", title: "Close this list", onClick: () => this.element.close() }),
    );
  }

  toggle(): void {
    if (this.element.open) this.element.close();
    else this.element.showModal();
  }
}
