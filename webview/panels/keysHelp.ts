/** The list of keys, in a dialog that Esc or "?" closes; the focus stays in it, and goes back to where it was. */
import { element } from "../dom";
import { editGestures } from "../edit/editKeys";
import { keyBindings, otherGestures, type KeyActions } from "../input/keys";
import { button } from "../ui";

export class KeysHelp {
  readonly element = element("dialog", { class: "keys", "aria-label": "Keys", tabindex: -1, autofocus: true });

  /** @param actions Those that the view has; all where left out. */
  constructor(actions?: Partial<KeyActions>, gestures: readonly (readonly [string, string])[] = [...otherGestures, ...editGestures]) {
    const bindings = keyBindings.filter(({ action }) => actions === undefined || actions[action] !== undefined);
    const rows = [...bindings.map(({ shown, what }) => [shown, what] as const), ...gestures];
    const close = button({ label: "Close", title: "Close this list", onClick: () => this.element.close() });
    // The only control: Tab would leave the page otherwise.
    this.element.addEventListener("keydown", (event) => {
      if (event.key !== "Tab") return;
      event.preventDefault();
      close.focus();
    });
    this.element.append(
      element("h2", {}, "Keys and gestures"),
      element("dl", { class: "facts" }, ...rows.flatMap(([keys, what]) => [element("dt", {}, element("kbd", {}, keys)), element("dd", {}, what)])),
      close,
    );
  }

  toggle(): void {
    if (this.element.open) this.element.close();
    else this.element.showModal();
  }
}
