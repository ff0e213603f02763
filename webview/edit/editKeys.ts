/** Keys that change the selected fill, with Alt among them; the editor's own keys stay with the editor. */
import { fillActions } from "./fillActions";

/** For the list of keys. */
export const editGestures: readonly (readonly [string, string])[] = [
  ["Drag a fill", "Move it to another bubble; Esc leaves it"],
  ...fillActions.map(({ shown, what }) => [shown, what] as const),
  ["P", "Pin the selected fill, or the boundary in focus"],
];

/** @param act Given a key as `fillActions` names it; says whether it did something. */
export function listenToEditKeys(act: (key: string) => boolean): void {
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey || event.defaultPrevented) return;
    if (event.target instanceof HTMLElement && event.target.closest("input, select, textarea, [role=slider], vscode-text-field")) return;
    const name = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    if (act(event.altKey ? `Alt+${name}` : name)) event.preventDefault();
  });
}
