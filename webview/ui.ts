/** The one place that knows the control library: `@vscode/webview-ui-toolkit` is archived, and its successor takes its place here. */
import { provideVSCodeDesignSystem, vsCodeButton, vsCodeCheckbox, vsCodeProgressRing, vsCodeTextField } from "@vscode/webview-ui-toolkit";
import { element } from "./dom";

export function registerControls(): void {
  provideVSCodeDesignSystem().register(vsCodeButton(), vsCodeCheckbox(), vsCodeProgressRing(), vsCodeTextField());
}

export interface ButtonOptions {
  readonly label: string;
  /** What it does, in words; also the tooltip. */
  readonly title: string;
  readonly appearance?: "primary" | "secondary" | "icon";
  readonly onClick: () => void;
}

export function button({ label, title, appearance = "secondary", onClick }: ButtonOptions): HTMLElement {
  const node = element("vscode-button", { appearance, title, "aria-label": title }, label);
  node.addEventListener("click", onClick);
  return node;
}

export function divider(): HTMLElement {
  return element("span", { class: "divider", "aria-hidden": true });
}

export function progressRing(label: string): HTMLElement {
  return element("vscode-progress-ring", { "aria-label": label });
}

export function checkbox(label: string, checked: boolean, onChange: (checked: boolean) => void): HTMLElement & { checked: boolean } {
  const node = element("vscode-checkbox", { checked }, label) as HTMLElement & { checked: boolean };
  // Its aria-checked follows a moment later.
  node.addEventListener("change", () => onChange(node.checked));
  return node;
}

export interface Choice {
  readonly element: HTMLElement;
  show(options: readonly { readonly value: string; readonly label: string }[], value: string): void;
}

/**
 * One of several. The browser's own: the toolkit's drop-down sets styles that the page's security policy forbids.
 * @param isShown Whether the label stands before it.
 */
export function choice(label: string, isShown: boolean, title: string, onChange: (value: string) => void): Choice {
  const select = element("select", { class: "choice", title, "aria-label": label });
  select.addEventListener("change", () => onChange(select.value));
  return {
    element: element("label", { class: "labelled" }, isShown ? label : undefined, select),
    show: (options, value) => {
      const same = options.length === select.options.length && options.every((option, index) => select.options[index].value === option.value);
      if (!same) select.replaceChildren(...options.map((option) => element("option", { value: option.value }, option.label)));
      select.value = value;
    },
  };
}

export interface TextFieldOptions {
  readonly label: string;
  /** Beside `label`, which stands above the field unless there is only a placeholder. */
  readonly placeholder?: string;
  readonly value: string;
  readonly title: string;
  readonly onInput: (value: string) => void;
}

export interface TextField {
  readonly element: HTMLElement;
  value: string;
  focus(): void;
}

export function textField({ label, placeholder, value, title, onInput }: TextFieldOptions): TextField {
  const node = element("vscode-text-field", { value, title, placeholder, "aria-label": label }, placeholder === undefined ? label : undefined) as HTMLElement & { value: string };
  node.addEventListener("input", () => onInput(node.value));
  return {
    element: node,
    get value() {
      return node.value;
    },
    set value(text: string) {
      node.value = text;
    },
    focus: () => node.focus(),
  };
}
