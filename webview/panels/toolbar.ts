/** Above the lanes: zoom, what is shown of them, the legend. */
import type { TimeZoom } from "../input/zoom";
import type { Picture } from "../session";
import { button, checkbox } from "../ui";

export interface ToolbarParts {
  readonly zoom: TimeZoom;
  /** A run that can be laid over, and whether it is. */
  readonly measured?: Picture["measured"];
  readonly showsMeasured: boolean;
  readonly lanes: HTMLElement;
  readonly overlays: HTMLElement;
  readonly legend: HTMLElement;
  toggleHelp(): void;
  measuredShown(isShown: boolean): void;
}

export function toolbarItems({ zoom, measured, showsMeasured, lanes, overlays, legend, toggleHelp, measuredShown }: ToolbarParts): readonly HTMLElement[] {
  return [
    button({ label: "−", title: "Zoom out (S)", appearance: "icon", onClick: () => zoom.zoomBy(1 / 1.6) }),
    button({ label: "+", title: "Zoom in (W)", appearance: "icon", onClick: () => zoom.zoomBy(1.6) }),
    button({ label: "Fit", title: "Show everything", appearance: "icon", onClick: () => zoom.show(undefined) }),
    button({ label: "?", title: "Keys and gestures (?)", appearance: "icon", onClick: toggleHelp }),
    ...(measured ? [checkbox(`Measured: ${measured.name}, ${iterationsText(measured)}`, showsMeasured, measuredShown)] : []),
    lanes,
    overlays,
    legend,
  ];
}

function iterationsText({ iteration, count }: NonNullable<Picture["measured"]>): string {
  return count > 1 ? `iterations ${iteration}–${iteration + count - 1}` : `iteration ${iteration}`;
}
