/** The selection's figures as text for the clipboard, and the button that asks for them. */
import { sliceOf, type Placement, type SlicePlace } from "../../src/timeline/layout/geometry";
import type { Layout } from "../../src/timeline/layout/lanes";
import { deviceUseAsText, sliceAsText } from "../../src/timeline/export/figures";
import { element } from "../dom";
import { button } from "../ui";

/** Of the slice at `place`; without one, of all devices. */
export function figuresText(layouts: readonly Layout[], placement: Placement, place: SlicePlace | undefined): string {
  const slice = place && sliceOf(placement, place);
  if (!slice || !place) return deviceUseAsText(layouts);
  const { lane, layout } = placement.lanes[place.lane];
  return sliceAsText(slice, layouts[layout].timeline, lane.device);
}

export function copyButton(isSlice: boolean, onClick: () => void): HTMLElement {
  return element("div", { class: "copy-figures" }, button({ label: "Copy Figures", title: `Put ${isSlice ? "this slice's" : "these"} figures on the clipboard, as a table (Y or Ctrl+C)`, onClick }));
}
