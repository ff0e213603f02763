/** One table of keys: what they do, and the list that "?" shows. */

export interface KeyActions {
  zoomIn(): void;
  zoomOut(): void;
  panLeft(): void;
  panRight(): void;
  fit(): void;
  next(): void;
  previous(): void;
  laneAbove(): void;
  laneBelow(): void;
  clear(): void;
  search(): void;
  copy(): void;
  toggleHelp(): void;
  toggleCritical(): void;
  rangeFrom(): void;
  rangeTo(): void;
}

interface KeyBinding {
  readonly keys: readonly string[];
  readonly shown: string;
  readonly what: string;
  readonly action: keyof KeyActions;
}

export const keyBindings: readonly KeyBinding[] = [
  { keys: ["w"], shown: "W", what: "Zoom in at the pointer", action: "zoomIn" },
  { keys: ["s"], shown: "S", what: "Zoom out", action: "zoomOut" },
  { keys: ["a"], shown: "A", what: "Pan to earlier times", action: "panLeft" },
  { keys: ["d"], shown: "D", what: "Pan to later times", action: "panRight" },
  { keys: ["f"], shown: "F", what: "Fit the selected slice, and again everything", action: "fit" },
  { keys: [".", "ArrowRight"], shown: ". or →", what: "Next slice of the lane", action: "next" },
  { keys: [",", "ArrowLeft"], shown: ", or ←", what: "Previous slice of the lane", action: "previous" },
  { keys: ["ArrowUp"], shown: "↑", what: "Slice in the lane above", action: "laneAbove" },
  { keys: ["ArrowDown"], shown: "↓", what: "Slice in the lane below", action: "laneBelow" },
  { keys: ["c"], shown: "C", what: "Critical path", action: "toggleCritical" },
  { keys: ["["], shown: "[", what: "Start a range at the selected slice", action: "rangeFrom" },
  { keys: ["]"], shown: "]", what: "End the range at the selected slice", action: "rangeTo" },
  { keys: ["/", "Ctrl+f"], shown: "/ or Ctrl+F", what: "Search slices by layer, component, operation, micro-batch, device", action: "search" },
  { keys: ["Escape"], shown: "Esc", what: "Call off a drag, close the search, clear the range, then the selection, close an answer", action: "clear" },
  { keys: ["y"], shown: "Y or Ctrl+C", what: "Copy the selected slice's figures, or those of all devices", action: "copy" },
  { keys: ["?"], shown: "?", what: "This list", action: "toggleHelp" },
];

/** What the pointer does with the picture alone. */
export const pictureGestures: readonly (readonly [string, string])[] = [
  ["Ctrl+wheel, pinch", "Zoom at the pointer"],
  ["Wheel", "Scroll the lanes, or pan when all are in view"],
  ["Shift+drag, Shift+wheel", "Pan"],
  ["Double click", "Fit the slice"],
];

/** Beyond the keyboard, and what a stage boundary does with keys of its own. */
export const otherGestures: readonly (readonly [string, string])[] = [
  ...pictureGestures,
  ["Drag on the time axis", "Statistics of a range of time"],
  ["Drag in the overview", "Move or resize the part in view; arrow keys when it has the focus"],
  ["← → on a boundary", "Try it one layer earlier or later"],
  ["Enter on a boundary", "Apply what was tried"],
  ["Enter, Shift+Enter in the search", "Next match, match before"],
];

/** What takes letters for itself. */
const typing = "vscode-text-field, input, select, textarea";

/**
 * Listens on the whole view for the actions that there are; keys with Ctrl, Alt or Meta that are not in the table are the editor's,
 * and a focused control keeps its own.
 */
export function listenToKeys(actions: Partial<KeyActions>): void {
  document.addEventListener("keydown", (event) => {
    // Where brackets are typed with AltGr, it reads as Ctrl+Alt.
    const isTyped = event.getModifierState("AltGraph");
    if ((event.altKey && !isTyped) || event.defaultPrevented) return;
    const withCtrl = !isTyped && (event.ctrlKey || event.metaKey);
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    const binding = keyBindings.find((other) => other.keys.includes(withCtrl ? `Ctrl+${key}` : key));
    const action = binding && actions[binding.action];
    if (!action) return;
    const target = event.target instanceof HTMLElement ? event.target : undefined;
    if (!withCtrl && target?.closest(typing)) return;
    // What lies behind a dialog is out of reach, and so is what keys do to it.
    if (document.querySelector("dialog[open]") && binding.action !== "toggleHelp") return;
    if (target?.closest("vscode-button, vscode-checkbox, button") && event.key.startsWith("Arrow")) return;
    event.preventDefault();
    action();
  });
}
