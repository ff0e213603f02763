/** The exported page: figures, lanes to zoom into, details. Nothing in it can be changed. */
import { formatBytes, formatMs, formatPercent, formatThroughput } from "../../src/timeline/layout/format";
import { sliceOf, type SlicePlace } from "../../src/timeline/layout/geometry";
import { byOperation } from "../../src/timeline/layout/colours";
import { arrange, defaultFolds, withDevice, type Folds } from "../../src/timeline/layout/folds";
import { iterationCount, layoutTimeline, type Layout } from "../../src/timeline/layout/lanes";
import type { PageDocument } from "../../src/timeline/export/html";
import type { Timeline } from "../../src/model/timeline";
import { Announcer } from "../a11y/announce";
import { LaneGrid } from "../a11y/grid";
import { TimelineView } from "../canvas/timelineView";
import { element } from "../dom";
import { listenToCopy } from "../input/copy";
import { listenToKeys, pictureGestures, type KeyActions } from "../input/keys";
import { CopyButton, figuresText } from "../panels/copyFigures";
import { KeysHelp } from "../panels/keysHelp";
import { legendPanel } from "../panels/legend";
import { tileGroup } from "../panels/tiles";
import { tooltipLines } from "../panels/tooltip";
import { SliceSelection } from "../selection";
import { button } from "../ui";
import { pageDetails } from "./pageDetails";

export class PageApp {
  private readonly layout: Layout;
  private readonly details = element("aside", { class: "details", "aria-label": "Details" });
  private readonly legend = element("div", { class: "region-legend" });
  private readonly announcer = new Announcer();
  private readonly view: TimelineView = new TimelineView({
    selected: (place) => this.selection.select(place),
    moved: () => undefined,
    describe: (place) => tooltipLines([this.layout], this.view.placement, place),
    rethemed: (theme, patterns, colouring) => this.legend.replaceChildren(legendPanel(theme, patterns, colouring)),
    deviceFolded: (device, isUnfolded) => this.fold(withDevice(this.folds, device, isUnfolded)),
    groupFolded: () => undefined,
  });
  private readonly selection: SliceSelection = new SliceSelection(this.view, {
    layouts: () => [this.layout],
    selected: (_, place) => this.showSelection(place),
    say: (text) => this.announcer.say(text),
  });
  private folds: Folds = defaultFolds;
  private readonly grid = new LaneGrid(this.view.plot);
  private readonly keys: Partial<KeyActions> & Pick<KeyActions, "copy"> = {
    zoomIn: () => this.view.zoom.zoomBy(1.6, this.view.pointerX),
    zoomOut: () => this.view.zoom.zoomBy(1 / 1.6, this.view.pointerX),
    panLeft: () => this.view.zoom.panBy(-0.2),
    panRight: () => this.view.zoom.panBy(0.2),
    fit: () => this.view.fitSlice(this.selection.place),
    next: () => this.selection.step(1),
    previous: () => this.selection.step(-1),
    laneAbove: () => this.selection.cross(-1),
    laneBelow: () => this.selection.cross(1),
    clear: () => this.selection.select(undefined),
    copy: () => void this.copy(),
    toggleHelp: () => this.help.toggle(),
  };
  private readonly copyButton = new CopyButton(() => this.keys.copy());
  private readonly help = new KeysHelp(this.keys, pictureGestures);

  /** @throws what stands in the way of showing the document. */
  constructor(root: HTMLElement, { name, timeline }: PageDocument) {
    this.layout = layoutTimeline(timeline);
    const bench = element("div", { class: "bench" }, element("div", { class: "timeline-column" }, this.toolbar(), this.view.element), this.details);
    root.append(element("div", { class: "page" }, figures(name, timeline), element("main", { class: "main" }, bench)), this.help.element, this.announcer.element);
    listenToKeys(this.keys);
    listenToCopy(this.keys.copy);
    this.show();
  }

  private show(): void {
    const { startMs, endMs, timeline } = this.layout;
    const after = iterationCount(timeline) > 1 ? "next iteration" : undefined;
    this.view.show([this.layout], [{ ms: timeline.periodMs, label: `period ${formatMs(timeline.periodMs)}`, kind: "predicted", after }], [Math.min(0, startMs), endMs]);
    this.showSelection(this.selection.place);
  }

  /** What the page does not know, a device's limit and who is whose replica, it does not show. */
  private fold(folds: Folds): void {
    this.folds = folds;
    this.view.arrange({ arrangement: arrange(folds, [], [], () => []), colouring: byOperation });
    this.show();
  }

  private toolbar(): HTMLElement {
    const { zoom } = this.view;
    return element("div", { class: "toolbar", role: "toolbar", "aria-label": "View" },
      button({ label: "−", title: "Zoom out (S)", appearance: "icon", onClick: () => zoom.zoomBy(1 / 1.6) }),
      button({ label: "+", title: "Zoom in (W)", appearance: "icon", onClick: () => zoom.zoomBy(1.6) }),
      button({ label: "Fit", title: "Show everything", appearance: "icon", onClick: () => zoom.show(undefined) }),
      button({ label: "?", title: "Keys and gestures (?)", appearance: "icon", onClick: () => this.help.toggle() }),
      this.legend,
    );
  }

  private showSelection(place: SlicePlace | undefined): void {
    this.selection.place = place;
    this.view.select(place);
    this.grid.show([this.layout], this.view.placement, place);
    const slice = place && sliceOf(this.view.placement, place);
    const device = place && this.view.placement.lanes[place.lane]?.lane.device;
    const selected = slice && device !== undefined ? { slice, device } : undefined;
    this.copyButton.show(selected !== undefined);
    this.details.replaceChildren(...pageDetails(this.layout, selected), this.copyButton.element);
  }

  private async copy(): Promise<void> {
    try {
      await navigator.clipboard.writeText(figuresText([this.layout], this.view.placement, this.selection.place));
      this.announcer.say("The figures are on the clipboard.");
    } catch {
      this.announcer.say("The browser did not let the page use the clipboard.");
    }
  }
}

function figures(name: string, timeline: Timeline): HTMLElement {
  const { source, periodMs, throughputPerSecond, bubbleRatio, devices } = timeline;
  const peak = devices.reduce((most, { peakMemoryBytes }) => Math.max(most, peakMemoryBytes), 0);
  return element("header", { class: "figures" },
    element("h1", { class: "page-title", title: name }, name),
    tileGroup(`${source === "measured" ? "Measured" : "Predicted"}, ${devices.length} ${devices.length === 1 ? "device" : "devices"}`, [
      { label: "Period", value: formatMs(periodMs) },
      { label: "Throughput", value: formatThroughput(throughputPerSecond) },
      { label: "Bubble ratio", value: formatPercent(bubbleRatio) },
      { label: "Peak memory", value: peak > 0 ? formatBytes(peak) : "–" },
    ]),
  );
}
