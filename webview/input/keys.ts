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
  { keys: ["Escape"], shown: "Esc", what: "Call off a drag, clear the range, then the selection, close an answer", action: "clear" },
  { keys: ["?"], shown: "?", what: "This list", action: "toggleHelp" },
];

/** Beyond the keyboard, and what a stage boundary does with keys of its own. */
export const otherGestures: readonly (readonly [string, string])[] = [
  ["Ctrl+wheel, pinch", "Zoom at the pointer"],
  ["Wheel", "Scroll the lanes, or pan when all are in view"],
  ["Shift+drag, Shift+wheel", "Pan"],
  ["Double click", "Fit the slice"],
  ["Drag on the time axis", "Statistics of a range of time"],
  ["Drag in the overview", "Move or resize the part in view; arrow keys when it has the focus"],
  ["← → on a boundary", "Try it one layer earlier or later"],
  ["Enter on a boundary", "Apply what was tried"],
];

/** Listens on the whole view; keys typed with Ctrl, Alt or Meta are the editor's, and a focused control keeps its own. */
export function listenToKeys(actions: KeyActions): void {
  document.addEventListener("keydown", (event) => {
    // Where brackets are typed with AltGr, it reads as Ctrl+Alt.
    const isShortcut = (event.ctrlKey || event.altKey) && !event.getModifierState("AltGraph");
    if (isShortcut || event.metaKey || event.defaultPrevented) return;
    const binding = keyBindings.find((other) => other.keys.includes(event.key.length === 1 ? event.key.toLowerCase() : event.key));
    if (!binding) return;
    if (event.target instanceof HTMLElement && event.target.closest("vscode-button, vscode-checkbox") && event.key.startsWith("Arrow")) return;
    event.preventDefault();
    actions[binding.action]();
  });
}
