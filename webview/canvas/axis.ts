/** The time axis and the marks where a period ends. */
import type { ScaleLinear } from "d3";
import { formatTick } from "../../src/timeline/layout/format";
import { element } from "../dom";

export interface PeriodMark {
  readonly ms: number;
  /** What ends there. */
  readonly label?: string;
  readonly kind: "predicted" | "measured" | "other";
  /** What begins there. */
  readonly after?: string;
  /** On which side of its line the label stands. Default: before it for a prediction, else after. */
  readonly side?: "before" | "after";
}

const pixelsPerTick = 96;

export class Axis {
  private readonly ticks = element("div", { class: "axis-ticks", "aria-hidden": true });
  private readonly flags = element("div", { class: "axis-flags" });
  readonly element = element("div", { class: "axis" }, this.flags, this.ticks);
  private marks: readonly PeriodMark[] = [];
  private placed: readonly { readonly flag: HTMLElement; readonly ms: number }[] = [];

  /** Elements are moved by `translate` and kept from frame to frame: new ones, or other positions, would have the page laid out again. */
  draw(scale: ScaleLinear<number, number>, width: number, marks: readonly PeriodMark[]): void {
    this.drawTicks(scale, width);
    if (marks !== this.marks) {
      this.marks = marks;
      this.placed = marks.flatMap((mark) => flagsOf(mark).map((flag) => ({ flag, ms: mark.ms })));
      this.flags.replaceChildren(...this.placed.map(({ flag }) => flag));
    }
    for (const { flag, ms } of this.placed) {
      const x = scale(ms);
      flag.hidden = x < 0 || x > width;
      if (!flag.hidden) flag.style.translate = `${x}px`;
    }
  }

  private drawTicks(scale: ScaleLinear<number, number>, width: number): void {
    const times = scale.ticks(Math.max(2, width / pixelsPerTick));
    const step = times.length > 1 ? times[1] - times[0] : 1;
    while (this.ticks.childElementCount < times.length) this.ticks.append(element("span", { class: "tick" }));
    for (const [index, tick] of ([...this.ticks.children] as HTMLElement[]).entries()) {
      tick.hidden = index >= times.length;
      const text = tick.hidden ? "" : formatTick(times[index], step);
      if (tick.textContent !== text) tick.textContent = text;
      if (!tick.hidden) tick.style.translate = `${scale(times[index])}px`;
    }
  }
}

/** What ends at a mark, and what begins there. */
function flagsOf({ label, after, kind, side = kind === "predicted" ? "before" : "after" }: PeriodMark): readonly HTMLElement[] {
  return [
    ...(label === undefined ? [] : [element("span", { class: `flag flag-${kind}${side === "before" ? " flag-before" : ""}` }, label)]),
    ...(after === undefined ? [] : [element("span", { class: "flag flag-after" }, after)]),
  ];
}
