/** The exported page: figures, lanes to zoom into, details. Nothing in it can be changed. */
import { sentenceOf, factsOf } from "../../src/timeline/layout/describe";
import { formatBytes, formatMs, formatPercent, formatThroughput } from "../../src/timeline/layout/format";
import { acrossLanes, neighbour, sliceOf, type SlicePlace } from "../../src/timeline/layout/geometry";
import { byOperation } from "../../src/timeline/layout/colours";
import { arrange, defaultFolds, withDevice, type Folds } from "../../src/timeline/layout/folds";
import { operationTitle } from "../../src/timeline/layout/kinds";
import { iterationCount, layoutTimeline, type Layout } from "../../src/timeline/layout/lanes";
import type { PageDocument } from "../../src/timeline/export/html";
import type { Timeline } from "../../src/model/timeline";
import { Announcer } from "../a11y/announce";
import { LaneGrid } from "../a11y/grid";
import { TimelineView } from "../canvas/timelineView";
import { element } from "../dom";
import { listenToCopy } from "../input/copy";
import { listenToKeys, pictureGestures, type KeyActions } from "../input/keys";
import { copyButton, figuresText } from "../panels/copyFigures";
import { KeysHelp } from "../panels/keysHelp";
import { legendPanel } from "../panels/legend";
import { tileGroup } from "../panels/tiles";
import { button } from "../ui";
import { pageDetails } from "./pageDetails";

export class PageApp {
  private readonly layout: Layout;
  private readonly details = element("aside", { class: "details", "aria-label": "Details" });
  private readonly legend = element("div", { class: "region-legend" });
  private readonly announcer = new Announcer();
  private readonly view = new TimelineView({
    selected: (place) => this.select(place),
    moved: () => undefined,
    describe: (place) => this.describe(place),
    rethemed: (theme, patterns, colouring) => this.legend.replaceChildren(legendPanel(theme, patterns, colouring)),
    deviceFolded: (device, isUnfolded) => this.fold(withDevice(this.folds, device, isUnfolded)),
    groupFolded: () => undefined,
  });
  private folds: Folds = defaultFolds;
  private readonly grid = new LaneGrid(this.view.plot);
  private readonly keys: Partial<KeyActions> & Pick<KeyActions, "copy"> = {
    zoomIn: () => this.view.zoom.zoomBy(1.6, this.view.pointerX),
    zoomOut: () => this.view.zoom.zoomBy(1 / 1.6, this.view.pointerX),
    panLeft: () => this.view.zoom.panBy(-0.2),
    panRight: () => this.view.zoom.panBy(0.2),
    fit: () => this.view.fitSlice(this.selection),
    next: () => this.step(1),
    previous: () => this.step(-1),
    laneAbove: () => this.cross(-1),
    laneBelow: () => this.cross(1),
    clear: () => this.select(undefined),
    copy: () => void this.copy(),
    toggleHelp: () => this.help.toggle(),
  };
  private readonly help = new KeysHelp(this.keys, pictureGestures);
  private selection?: SlicePlace;

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
    this.select(this.selection);
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

  private select(place: SlicePlace | undefined): void {
    const { timeline } = this.layout;
    this.selection = place;
    this.view.select(place);
    this.grid.show([this.layout], this.view.placement, place);
    const slice = place && sliceOf(this.view.placement, place);
    const device = place && this.view.placement.lanes[place.lane]?.lane.device;
    const selected = slice && device !== undefined ? { slice, device } : undefined;
    this.details.replaceChildren(...pageDetails(this.layout, selected), copyButton(selected !== undefined, this.keys.copy));
    if (selected) this.announcer.say(sentenceOf(selected.slice, timeline, selected.device));
  }

  private step(direction: 1 | -1): void {
    const { placement } = this.view;
    this.go(this.selection ? neighbour(placement, this.selection, direction) : neighbour(placement, { lane: 0, row: 0, slice: -1 }, 1));
  }

  private cross(direction: 1 | -1): void {
    if (!this.selection) return this.step(1);
    this.go(acrossLanes(this.view.placement, this.selection, direction));
  }

  private go(place: SlicePlace | undefined): void {
    if (!place) return;
    this.select(place);
    this.view.reveal(place);
  }

  private describe(place: SlicePlace): readonly string[] {
    const { timeline, source } = this.layout;
    const slice = sliceOf(this.view.placement, place);
    const device = this.view.placement.lanes[place.lane]?.lane.device;
    if (!slice || device === undefined) return [];
    const operation = slice.index === undefined ? undefined : timeline.operations[slice.index];
    const shown = new Set(["Micro-batch", "Component", "Samples", "Layers", "Duration", "Serves", "Bytes"]);
    const facts = factsOf(slice, timeline, device, source).filter(({ label }) => shown.has(label));
    return [operation ? operationTitle(operation.op) : "Idle (bubble)", ...facts.map(({ label, value }) => `${label}: ${value}`)];
  }

  private async copy(): Promise<void> {
    try {
      await navigator.clipboard.writeText(figuresText([this.layout], this.view.placement, this.selection));
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
