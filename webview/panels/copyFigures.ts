/** The selection's figures as text for the clipboard, and the button that asks for them. */
import { sliceOf, type Placement, type SlicePlace } from "../../src/timeline/layout/geometry";
import type { Layout } from "../../src/timeline/layout/lanes";
import { deviceUseAsText, sliceAsText } from "../../src/timeline/export/figures";
import { element, setAttribute } from "../dom";
import { button } from "../ui";

/** Of the slice at `place`; without one, of all devices. */
export function figuresText(layouts: readonly Layout[], placement: Placement, place: SlicePlace | undefined): string {
  const slice = place && sliceOf(placement, place);
  if (!slice || !place) return deviceUseAsText(layouts);
  const { lane, layout } = placement.lanes[place.lane];
  return sliceAsText(slice, layouts[layout].timeline, lane.device);
}

/** The button, and what it says it copies. */
export class CopyButton {
  private readonly button: HTMLElement;
  readonly element: HTMLElement;

  constructor(onClick: () => void) {
    this.button = button({ label: "Copy Figures", title: "", onClick });
    this.element = element("div", { class: "copy-figures" }, this.button);
  }

  show(isSlice: boolean): void {
    const title = `Put ${isSlice ? "this slice's" : "these"} figures on the clipboard, as a table (Y or Ctrl+C)`;
    setAttribute(this.button, "title", title);
    setAttribute(this.button, "aria-label", title);
  }
}
