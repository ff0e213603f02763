/** Puts the panels together and keeps them in step with the session, the selection and the host. */
import type { HostMessage } from "../src/protocol/messages";
import { moveBoundary } from "../src/plan/edits";
import { acrossLanes, neighbour, placeOfOperation, sliceOf, type SlicePlace } from "../src/timeline/layout/geometry";
import { factsOf, sentenceOf } from "../src/timeline/layout/describe";
import { formatChange, formatMs } from "../src/timeline/layout/format";
import { operationKey, operationOfKey, operationTitle } from "../src/timeline/layout/kinds";
import { Announcer } from "./a11y/announce";
import { LaneGrid } from "./a11y/grid";
import { TimelineView } from "./canvas/timelineView";
import { element, patchChildren } from "./dom";
import { connect } from "./host";
import { listenToKeys, type KeyActions } from "./input/keys";
import type { Domain } from "./input/zoom";
import { Overlays } from "./overlays/overlays";
import { detailsPanel } from "./panels/details";
import { figurePanel } from "./panels/figures";
import { KeysHelp } from "./panels/keysHelp";
import { legendPanel } from "./panels/legend";
import { noticeBars, placeholder } from "./panels/notices";
import { Session, type Picture, type Snapshot } from "./session";
import { restoredState, type ViewState } from "./state";
import { StripView } from "./strip/stripView";
import { button, checkbox, divider } from "./ui";

export class App {
  private readonly figures = element("div", { class: "region-figures" });
  private readonly notices = element("div", { class: "region-notices" });
  /** Of the selection or the devices. */
  private readonly facts = element("div");
  private readonly details = element("aside", { class: "details", "aria-label": "Details" }, this.facts);
  private readonly legend = element("div", { class: "region-legend" });
  private readonly toolbar = element("div", { class: "toolbar", role: "toolbar", "aria-label": "View" });
  private readonly stand = element("div", { class: "stand" });
  private readonly help = new KeysHelp();
  private readonly announcer = new Announcer();
  private readonly session = new Session((snapshot) => this.show(snapshot));
  private readonly strip = new StripView({
    tried: (stage, layer) => this.tryBoundary(stage, layer),
    kept: (stage, layer) => void this.keepBoundary(stage, layer),
    calledOff: () => this.callOff(),
  });
  private readonly view = new TimelineView({
    selected: (place) => this.select(place),
    moved: (domain) => this.moved(domain),
    describe: (place) => this.describe(place),
    drawing: (scene, theme) => this.overlays.draw(scene, theme),
    painted: (scene, brush) => this.overlays.paint(scene, brush),
    rethemed: (theme, patterns) => this.legend.replaceChildren(legendPanel(theme, patterns)),
  });
  private readonly grid = new LaneGrid(this.view.scroller);
  private readonly main = element("main", { class: "main" }, this.strip.element, element("div", { class: "bench" }, element("div", { class: "timeline-column" }, this.toolbar, this.view.element), this.details));
  private readonly host = connect((message) => this.receive(message));
  private state: ViewState = restoredState(this.host.state.get());
  private readonly overlays = new Overlays(this.view, this.state, {
    changed: (state) => this.remember(state),
    go: (place) => this.go(place),
    say: (text) => this.announcer.say(text),
  });
  private selection?: SlicePlace;
  private refusal?: string;
  private restored = false;

  constructor(root: HTMLElement) {
    this.details.append(...this.overlays.panels);
    root.append(element("div", { class: "page" }, this.figures, this.notices, this.stand, this.main), this.help.element, this.announcer.element);
    listenToKeys(this.keys);
    this.fillToolbar();
    this.show(this.session.current);
  }

  private readonly keys: KeyActions = {
    zoomIn: () => this.view.zoom.zoomBy(1.6, this.view.pointerX),
    zoomOut: () => this.view.zoom.zoomBy(1 / 1.6, this.view.pointerX),
    panLeft: () => this.view.zoom.panBy(-0.2),
    panRight: () => this.view.zoom.panBy(0.2),
    fit: () => this.view.fitSlice(this.selection),
    next: () => this.step(1),
    previous: () => this.step(-1),
    laneAbove: () => this.cross(-1),
    laneBelow: () => this.cross(1),
    clear: () => this.overlays.clearRange() || this.select(undefined),
    toggleHelp: () => this.help.toggle(),
    toggleCritical: () => this.overlays.toggleCritical(),
    rangeFrom: () => this.overlays.setEnd("from"),
    rangeTo: () => this.overlays.setEnd("to"),
  };

  private receive(message: Exclude<HostMessage, { type: "reply" }>): void {
    if (message.type === "plan") this.refusal = undefined;
    this.session.receive(message);
    if (message.type === "measured") this.fillToolbar();
  }

  private show(snapshot: Snapshot): void {
    const picture = this.shownPicture;
    patchChildren(this.figures, [figurePanel(snapshot)]);
    this.notices.replaceChildren(...noticeBars(snapshot, this.refusal, this.noticeActions));
    const stand = placeholder(snapshot, this.noticeActions);
    this.stand.replaceChildren(...(stand ? [stand] : []));
    this.main.hidden = !picture;
    document.body.classList.toggle("outdated", snapshot.problem !== undefined && picture !== undefined);
    if (!picture) return;
    const key = this.state.selected;
    const layouts = this.layoutsOf(picture);
    const committed = snapshot.picture ?? picture;
    // The axis holds still while a change is tried, so that a shorter period is seen as one.
    const ends = [...layouts, ...this.layoutsOf(committed)].map((layout) => layout.endMs);
    this.strip.show(picture.strip, picture.readOnly || snapshot.problem !== undefined);
    this.view.show(layouts, periodMarks(picture, layouts.length > 1), [Math.min(0, ...layouts.map((layout) => layout.startMs)), Math.max(...ends)]);
    if (!this.restored && this.state.domain) this.view.zoom.jump(this.state.domain);
    this.restored = true;
    this.showSelection(key === undefined ? undefined : this.placeOfKey(picture, key));
  }

  private get shownPicture(): Picture | undefined {
    return this.session.current.preview ?? this.session.current.picture;
  }

  private layoutsOf(picture: Picture) {
    return this.state.showMeasured ? picture.layouts : picture.layouts.slice(0, 1);
  }

  private readonly noticeActions = {
    showText: (field: string | undefined) => this.host.post({ type: "showText", ...(field !== undefined && { field }) }),
    dismiss: () => {
      this.refusal = undefined;
      this.show(this.session.current);
    },
  };

  private select(place: SlicePlace | undefined): void {
    const picture = this.shownPicture;
    const slice = place && sliceOf(this.view.placement, place);
    const placed = place && this.view.placement.lanes[place.lane];
    const operation = slice?.index === undefined || !placed ? undefined : picture?.layouts[placed.layout].timeline.operations[slice.index];
    this.remember({ selected: operation && placed ? `${placed.layout}:${operationKey(operation)}` : undefined });
    this.showSelection(place);
    if (slice && placed && picture) this.announcer.say(sentenceOf(slice, picture.layouts[placed.layout].timeline, placed.lane.device));
  }

  private showSelection(place: SlicePlace | undefined): void {
    const picture = this.shownPicture;
    if (!picture) return;
    this.selection = place;
    this.view.select(place);
    this.grid.show(this.layoutsOf(picture), this.view.placement, place);
    const slice = place && sliceOf(this.view.placement, place);
    const details = detailsPanel(picture, slice && place ? { slice, placed: this.view.placement.lanes[place.lane] } : undefined);
    patchChildren(this.facts, details);
    this.overlays.show(this.layoutsOf(picture), place);
  }

  private placeOfKey(picture: Picture, key: string): SlicePlace | undefined {
    const colon = key.indexOf(":");
    const layout = Number(key.slice(0, colon));
    const operation = operationOfKey(picture.layouts[layout]?.timeline.operations ?? [], key.slice(colon + 1));
    return operation < 0 ? undefined : placeOfOperation(this.view.placement, layout, operation);
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
    const picture = this.shownPicture;
    const slice = sliceOf(this.view.placement, place);
    const placed = this.view.placement.lanes[place.lane];
    if (!picture || !slice || !placed) return [];
    const { timeline, source } = picture.layouts[placed.layout];
    const operation = slice.index === undefined ? undefined : timeline.operations[slice.index];
    const shown = new Set(["Micro-batch", "Component", "Samples", "Layers", "Duration", "Serves", "Bytes"]);
    const facts = factsOf(slice, timeline, placed.lane.device, source, picture.context.workload.profile).filter((fact) => shown.has(fact.label));
    return [operation ? operationTitle(operation.op) : "Idle (bubble)", ...facts.map(({ label, value }) => `${label}: ${value}`)];
  }

  private tryBoundary(stage: number, layer: number): void {
    const { picture } = this.session.current;
    if (!picture) return;
    try {
      this.session.preview(moveBoundary(picture.plan, picture.strip.chain, stage, layer));
    } catch (error) {
      return this.strip.say(error instanceof Error ? error.message : String(error));
    }
    const { predicted } = this.shownPicture ?? picture;
    const text = `Boundary ${stage} | ${stage + 1} before layer ${layer}, ${picture.strip.layers[layer].name}: period ${formatMs(predicted.periodMs)} (${formatChange(predicted.periodMs / picture.predicted.periodMs - 1)}).`;
    this.strip.say(`${text} Release or press Enter to apply, Esc to leave it.`);
    this.announcer.say(text);
  }

  private async keepBoundary(stage: number, layer: number): Promise<void> {
    const { picture } = this.session.current;
    if (!picture) return;
    this.strip.say(undefined);
    try {
      await this.host.edit({ kind: "moveBoundary", version: picture.version, chain: picture.strip.chain, stage, layer });
    } catch (error) {
      this.refusal = error instanceof Error ? error.message : String(error);
      this.session.preview(undefined);
    }
  }

  private callOff(): void {
    this.strip.say(undefined);
    this.session.preview(undefined);
  }

  private fillToolbar(): void {
    const { zoom } = this.view;
    const measured = this.session.current.picture?.measured;
    this.toolbar.replaceChildren(
      button({ label: "−", title: "Zoom out (S)", appearance: "icon", onClick: () => zoom.zoomBy(1 / 1.6) }),
      button({ label: "+", title: "Zoom in (W)", appearance: "icon", onClick: () => zoom.zoomBy(1.6) }),
      button({ label: "Fit", title: "Show everything", appearance: "icon", onClick: () => zoom.show(undefined) }),
      button({ label: "?", title: "Keys and gestures (?)", appearance: "icon", onClick: () => this.help.toggle() }),
      ...(measured ? [divider(), checkbox(`Measured: ${measured.name}, ${measured.count > 1 ? `iterations ${measured.iteration}–${measured.iteration + measured.count - 1}` : `iteration ${measured.iteration}`}`, this.state.showMeasured, (shown) => this.toggleMeasured(shown))] : []),
      divider(),
      this.overlays.controls,
      this.legend,
    );
  }

  /** What the first layout does to the zoom is not the user's: the state that is to come back outlasts it. */
  private moved(domain: Domain | undefined): void {
    if (this.restored) this.remember({ domain });
  }

  private toggleMeasured(showMeasured: boolean): void {
    this.remember({ showMeasured });
    this.show(this.session.current);
  }

  private remember(change: Partial<ViewState>): void {
    this.state = { ...this.state, ...change };
    this.host.state.set(this.state);
  }
}

/** Where each iteration of the prediction gives way to the next, and the same for the measured ones. */
function periodMarks({ predicted, measured }: Picture, showMeasured: boolean) {
  const marks = [{ ms: predicted.periodMs, label: `period ${formatMs(predicted.periodMs)}`, kind: "predicted" as const, after: measured && showMeasured ? undefined : "next iteration" }];
  return measured && showMeasured ? [...marks, { ms: measured.timeline.periodMs, label: `measured ${formatMs(measured.timeline.periodMs)}`, kind: "measured" as const }] : marks;
}
