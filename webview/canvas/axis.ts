/** The time axis and the marks where a period ends. */
import { axisTop, select, type ScaleLinear } from "d3";
import { formatTick } from "../../src/timeline/layout/format";
import { element, svgElement } from "../dom";

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
      const isBefore = (mark.side ?? (mark.kind === "predicted" ? "before" : "after")) === "before";
      const flag = mark.label === undefined ? undefined : element("span", { class: `flag flag-${mark.kind}${isBefore ? " flag-before" : ""}` }, mark.label);
      const after = mark.after === undefined ? undefined : element("span", { class: "flag flag-after" }, mark.after);
      return [flag, after].flatMap((shown) => {
        if (!shown) return [];
        shown.style.left = `${x}px`;
        return [shown];
      });
    }));
  }
}
