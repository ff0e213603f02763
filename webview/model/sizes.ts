/** Fields for the size that figures are given at: a change is tried as soon as typing pauses. */
import type { Bindings } from "../../src/model/profile";
import { element } from "../dom";
import { textField, type TextField } from "../ui";

/** Typing pauses. */
const pauseMs = 300;

interface Size {
  readonly label: string;
  readonly title: string;
  readonly of: (bindings: Bindings) => number;
  readonly put: (bindings: Bindings, value: number) => Bindings;
}

const fixed: readonly Size[] = [
  { label: "Height", title: "Image height in pixels", of: ({ height }) => height, put: (bindings, height) => ({ ...bindings, height }) },
  { label: "Width", title: "Image width in pixels", of: ({ width }) => width, put: (bindings, width) => ({ ...bindings, width }) },
  { label: "Tokens", title: "Text tokens", of: ({ sequenceLength }) => sequenceLength, put: (bindings, sequenceLength) => ({ ...bindings, sequenceLength }) },
];
const frames: Size = { label: "Frames", title: "Frames of a video", of: (bindings) => bindings.frames ?? 1, put: (bindings, value) => ({ ...bindings, frames: value }) };

function sizesOf(bindings: Bindings): readonly Size[] {
  const symbols = Object.keys(bindings.symbols ?? {}).map((name): Size => ({
    label: name, title: `The graph's dimension ${name}`,
    of: ({ symbols: all }) => all?.[name] ?? 1,
    put: (before, value) => ({ ...before, symbols: { ...before.symbols, [name]: value } }),
  }));
  return [...fixed, ...(bindings.frames === undefined ? [] : [frames]), ...symbols];
}

export class SizeFields {
  readonly element = element("div", { class: "sizes", role: "group", "aria-label": "Size" });
  private readonly refusal = element("div", { class: "size-refusal", role: "alert", hidden: true });
  private readonly row = element("div", { class: "size-row" });
  private fields: readonly { readonly size: Size; readonly field: TextField }[] = [];
  private bindings?: Bindings;
  private pause?: ReturnType<typeof setTimeout>;

  /** @param bind Asks for figures at another size. Rejects with the reason when it does not fit the model. */
  constructor(private readonly bind: (bindings: Bindings) => Promise<void>) {
    this.element.append(element("h2", { class: "figure-group-title" }, "Size"), this.row, this.refusal);
    this.row.addEventListener("keydown", (event) => {
      if (event.key === "Enter") this.ask();
    });
  }

  /** What the figures are given at. A field that is being typed in is left alone. */
  show(bindings: Bindings): void {
    this.bindings = bindings;
    const sizes = sizesOf(bindings);
    if (sizes.map(({ label }) => label).join() !== this.fields.map(({ size }) => size.label).join()) {
      this.fields = sizes.map((size) => ({ size, field: textField({ label: size.label, value: String(size.of(bindings)), title: size.title, onInput: () => this.typed() }) }));
      this.row.replaceChildren(...this.fields.map(({ field }) => field.element));
    }
    for (const { size, field } of this.fields) {
      if (!field.element.matches(":focus-within")) field.value = String(size.of(bindings));
    }
  }

  private typed(): void {
    clearTimeout(this.pause);
    this.pause = setTimeout(() => this.ask(), pauseMs);
  }

  private ask(): void {
    clearTimeout(this.pause);
    if (!this.bindings) return;
    const wrong = this.fields.find(({ field }) => !/^[1-9]\d{0,8}$/.test(field.value.trim()));
    if (wrong) return this.say(`${wrong.size.label} is a whole number of at least 1.`, wrong.field);
    const asked = this.fields.reduce((bindings, { size, field }) => size.put(bindings, Number(field.value)), this.bindings);
    if (this.fields.every(({ size }) => this.bindings && size.of(asked) === size.of(this.bindings))) return this.say(undefined);
    const last = this.fields.find(({ field }) => field.element.matches(":focus-within"))?.field;
    this.bind(asked).then(() => this.say(undefined), (error: unknown) => this.say(error instanceof Error ? error.message : String(error), last));
  }

  private say(text: string | undefined, field?: TextField): void {
    this.refusal.hidden = text === undefined;
    this.refusal.textContent = text ?? "";
    for (const other of this.fields) other.field.element.classList.toggle("refused", other.field === field && text !== undefined);
  }
}
