/** The list of keys, in a dialog that Esc or "?" closes. */
import { element } from "../dom";
import { keyBindings, otherGestures, type KeyActions } from "../input/keys";
import { button } from "../ui";

export class KeysHelp {
  readonly element = element("dialog", { class: "keys", "aria-label": "Keys" });

  /** @param actions Those that the view has; all where left out. */
  constructor(actions?: Partial<KeyActions>, gestures = otherGestures) {
    const bindings = keyBindings.filter(({ action }) => actions === undefined || actions[action] !== undefined);
    const rows = [...bindings.map(({ shown, what }) => [shown, what] as const), ...gestures];
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
