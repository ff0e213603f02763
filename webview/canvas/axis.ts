/** The time axis and the marks where a period ends. */
import { axisTop, select, type ScaleLinear } from "d3";
import { formatTick } from "../../src/timeline/layout/format";
import { element, svgElement } from "../dom";

export interface PeriodMark {
  readonly ms: number;
  readonly label: string;
  readonly kind: "predicted" | "measured" | "other";
  /** What begins there. */
  readonly after?: string;
  /** On which side of its line the label stands. Default: before it for a prediction, else after. */
  readonly side?: "before" | "after";
}

const pixelsPerTick = 96;

export class Axis {
  private readonly ticks = svgElement("svg", { class: "axis-ticks", "aria-hidden": true });
  private readonly flags = element("div", { class: "axis-flags" });
  readonly element = element("div", { class: "axis" }, this.flags, this.ticks);

  draw(scale: ScaleLinear<number, number>, width: number, marks: readonly PeriodMark[]): void {
    const count = Math.max(2, width / pixelsPerTick);
    const [first, second] = scale.ticks(count);
    select(this.ticks).attr("width", width).attr("height", 20).selectAll("g").data([0]).join("g").attr("transform", "translate(0,20)")
      .call((group) => group.each(function () {
        select<SVGGElement, unknown>(this as SVGGElement).call(axisTop<number>(scale).ticks(count).tickSize(5).tickSizeOuter(0).tickFormat((ms) => formatTick(ms, (second ?? first + 1) - first)));
      }));
    this.flags.replaceChildren(...marks.flatMap((mark) => {
      const x = scale(mark.ms);
      if (x < 0 || x > width) return [];
      const flag = element("span", { class: `flag flag-${mark.kind}${(mark.side ?? (mark.kind === "predicted" ? "before" : "after")) === "before" ? " flag-before" : ""}` }, mark.label);
      flag.style.left = `${x}px`;
      if (mark.after === undefined) return [flag];
      const after = element("span", { class: "flag flag-after" }, mark.after);
      after.style.left = flag.style.left;
      return [flag, after];
    }));
  }
}
