/** What lies over the canvas as DOM: the selection's outline, the ends of periods, the tooltip. */
import { sliceOf, type Placement, type SlicePlace } from "../../src/timeline/layout/geometry";
import { element } from "../dom";
import type { PeriodMark } from "./axis";

export interface OverlayScene {
  readonly placement: Placement;
  readonly x: (ms: number) => number;
  readonly width: number;
  readonly height: number;
  readonly scrollTop: number;
  readonly marks: readonly PeriodMark[];
}

export class Overlay {
  private readonly outline = element("div", { class: "selection-outline", hidden: true });
  private readonly lines = element("div", { class: "period-lines" });
  private readonly tip = element("div", { class: "tooltip", role: "presentation", hidden: true });
  private marks: readonly PeriodMark[] = [];
  readonly element = element("div", { class: "overlay", "aria-hidden": true }, this.lines, this.outline, this.tip);

  draw(scene: OverlayScene, selected: SlicePlace | undefined): void {
    this.drawLines(scene);
    const slice = selected && sliceOf(scene.placement, selected);
    this.outline.hidden = !slice;
    if (!slice || !selected) return;
    const placed = scene.placement.lanes[selected.lane];
    const left = Math.max(scene.x(slice.startMs), -8);
    const right = Math.min(scene.x(slice.endMs), scene.width + 8);
    Object.assign(this.outline.style, {
      translate: `${left - 1}px ${placed.y + selected.row * placed.rowHeight - scene.scrollTop}px`,
      width: `${Math.max(right - left, 4) + 1}px`,
      height: `${placed.rowHeight}px`,
    });
  }

  /** Lines are kept while the marks are, and only moved. */
  private drawLines({ marks, x, height, placement, scrollTop }: OverlayScene): void {
    if (marks !== this.marks) {
      this.marks = marks;
      this.lines.replaceChildren(...marks.map(({ kind }) => element("div", { class: `period-line period-line-${kind}` })));
    }
    for (const [index, line] of ([...this.lines.children] as HTMLElement[]).entries()) line.style.translate = `${x(marks[index].ms)}px`;
    this.lines.style.height = `${Math.min(height, placement.height - scrollTop)}px`;
  }

  /** Lines of text beside the pointer, on whichever side has room; none hides it. */
  tooltip(lines: readonly string[], x: number, y: number, bounds: { readonly width: number; readonly height: number }): void {
    this.tip.hidden = lines.length === 0;
    if (!lines.length) return;
    this.tip.replaceChildren(...lines.map((line, index) => element("div", { class: index ? "tooltip-more" : "tooltip-title" }, line)));
    const { offsetWidth: width, offsetHeight: height } = this.tip;
    this.tip.style.left = `${Math.max(0, x + 14 + width > bounds.width ? x - width - 10 : x + 14)}px`;
    this.tip.style.top = `${Math.max(0, y + 18 + height > bounds.height ? y - height - 8 : y + 18)}px`;
  }
}
