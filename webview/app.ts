/** Puts the panels together and keeps them in step with the session, the selection and the host. */
import { messageOf } from "../src/model/errors";
import type { HostNews } from "../src/protocol/messages";
import type { TimelineOperation } from "../src/model/timeline";
import { placeOfOperation, type SlicePlace } from "../src/timeline/layout/geometry";
import { unfolded, withDevice, withGroup } from "../src/timeline/layout/folds";
import { Announcer } from "./a11y/announce";
import { PeriodVoice } from "./a11y/periodVoice";
import { periodMarks } from "./canvas/periodMarks";
import { TimelineView } from "./canvas/timelineView";
import { element, setAttribute } from "./dom";
import { answerDrawing, sceneOf } from "./drawing";
import { listenToEditKeys } from "./edit/editKeys";
import { PlanEditor } from "./edit/planEditor";
import { connect } from "./host";
import { listenToCopy } from "./input/copy";
import { listenToKeys, type KeyActions } from "./input/keys";
import type { Domain } from "./input/zoom";
import { Judge } from "./judging/judge";
import { PreviewBound } from "./judging/previewBound";
import { Overlays } from "./overlays/overlays";
import { figuresText } from "./panels/copyFigures";
import { KeysHelp } from "./panels/keysHelp";
import { LaneControls } from "./panels/laneControls";
import type { LaneState } from "./laneState";
import { legendPanel } from "./panels/legend";
import { noticeBars, placeholder } from "./panels/notices";
import { Panels } from "./panels/panels";
import type { JumpActions } from "./panels/sliceDetails";
import { toolbarItems } from "./panels/toolbar";
import { tooltipLines } from "./panels/tooltip";
import { TimelineSearch } from "./search/timelineSearch";
import { keyOf, operationNamed, SliceSelection } from "./selection";
import { Session, type Picture, type Snapshot } from "./session";
import { restoredState, type ViewState } from "./state";

export class App {
  private readonly notices = element("div", { class: "region-notices" });
  private readonly legend = element("div", { class: "region-legend" });
  private readonly toolbar = element("div", { class: "toolbar", role: "toolbar", "aria-label": "View" });
  private readonly stand = element("div", { class: "stand" });
  private readonly help = new KeysHelp();
  private readonly announcer = new Announcer();
  private readonly voice = new PeriodVoice((text) => this.announcer.say(text));
  private readonly search: TimelineSearch = new TimelineSearch({
    scene: () => this.shownPicture && { placement: this.view.placement, layouts: this.layoutsOf(this.shownPicture), profile: this.shownPicture.context.workload.profile, selected: this.selection.place },
    searched: (query) => this.searched(query),
    go: (place) => this.selection.go(place),
    unfold: () => this.changeLanes({ ...this.state.lanes, folds: unfolded(this.state.lanes.folds) }),
    left: () => this.view.plot.focus(),
  });
  private readonly session = new Session((snapshot) => this.show(snapshot));
  private readonly view: TimelineView = new TimelineView({
    selected: (place) => this.selection.select(place),
    moved: (domain) => this.moved(domain),
    describe: (place) => tooltipLines(this.shownPicture?.layouts ?? [], this.view.placement, place, this.shownPicture?.context.workload.profile),
    found: () => this.search.found,
    drawing: (scene, theme) => this.overlays.draw(scene, theme),
    painted: (scene, brush) => this.overlays.paint(scene, brush),
    rethemed: (theme, patterns, colouring) => this.legend.replaceChildren(legendPanel(theme, patterns, colouring)),
    deviceFolded: (device, isUnfolded) => this.changeLanes({ ...this.state.lanes, folds: withDevice(this.state.lanes.folds, device, isUnfolded) }),
    groupFolded: (first, isFolded) => this.changeLanes({ ...this.state.lanes, folds: withGroup(this.state.lanes.folds, first, isFolded) }),
  });
  private readonly selection: SliceSelection = new SliceSelection(this.view, {
    layouts: () => this.shownPicture?.layouts ?? [],
    selected: (key, place) => {
      this.remember({ selected: key });
      this.showSelection(place);
    },
    say: (text) => this.announcer.say(text),
  });
  private readonly panels: Panels = new Panels(this.view.plot, () => ({
    snapshot: this.session.current, picture: this.shownPicture, layouts: this.shownPicture ? this.layoutsOf(this.shownPicture) : [], placement: this.view.placement, place: this.selection.place, jumps: this.jumps,
    actions: this.editor.actionsFor(this.selection.place), more: this.overlays.panels,
  }), () => this.copy());
  private readonly lanes = new LaneControls(() => this.state.lanes, (lanes) => this.changeLanes(lanes));
  private readonly host = connect((message) => this.receive(message));
  private readonly editor = new PlanEditor(this.session, this.host, this.view, {
    refused: (reason) => this.showRefusal(reason),
    busy: () => this.show(this.session.current),
    renamed: (operation) => this.remember({ selected: keyOf(0, operation) }),
    say: (text) => this.announcer.say(text),
  });
  private readonly judge = new Judge({
    host: () => this.host,
    reveal: (key) => this.revealPredicted(key),
    compareWith: (other) => this.session.compareWith(other),
    say: (text) => this.announcer.say(text),
  });
  private readonly previewBound = new PreviewBound(this.host.ask, (preview, boundMs) => this.session.boundPreview(preview, boundMs));
  private readonly main = element("main", { class: "main" }, this.editor.decisions.element, this.editor.strip.element, element("div", { class: "bench" }, element("div", { class: "timeline-column" }, this.toolbar, this.search.element, this.view.element), element("div", { class: "side" }, this.judge.element, this.panels.details)));
  private state: ViewState = restoredState(this.host.state.get());
  private readonly overlays = new Overlays(this.view, this.state, {
    changed: (state) => this.remember(state),
    go: (place) => this.selection.go(place),
    say: (text) => this.announcer.say(text),
  });
  private refusal?: string;
  /** The host asked for a search before there was anything to search. */
  private goesToFirst = false;
  private restored = false;

  constructor(root: HTMLElement) {
    root.append(element("div", { class: "page" }, this.panels.figures, element("section", { "aria-label": "Questions about the plan" }, this.judge.bar), this.notices, this.stand, this.main), this.help.element, this.announcer.element);
    listenToKeys(this.keys);
    listenToEditKeys((key) => this.editor.key(key, this.selection.place));
    listenToCopy(this.keys.copy);
    this.session.showIterations(this.state.lanes.iterations);
    this.fillToolbar();
    if (this.state.search !== undefined) this.search.restore(this.state.search);
    this.show(this.session.current);
  }

  private readonly keys: KeyActions = {
    zoomIn: () => this.view.zoom.zoomBy(1.6, this.view.pointerX),
    zoomOut: () => this.view.zoom.zoomBy(1 / 1.6, this.view.pointerX),
    panLeft: () => this.view.zoom.panBy(-0.2),
    panRight: () => this.view.zoom.panBy(0.2),
    fit: () => this.view.fitSlice(this.selection.place),
    next: () => this.selection.step(1),
    previous: () => this.selection.step(-1),
    laneAbove: () => this.selection.cross(-1),
    laneBelow: () => this.selection.cross(1),
    clear: () => this.editor.callOffDrag() || this.search.close() || this.overlays.clearRange() || (this.selection.place ? this.selection.select(undefined) : this.judge.escape()),
    search: () => this.search.open(),
    copy: () => this.copy(),
    toggleHelp: () => this.help.toggle(),
    toggleCritical: () => this.overlays.toggleCritical(),
    rangeFrom: () => this.overlays.setEnd("from"),
    rangeTo: () => this.overlays.setEnd("to"),
  };

  private receive(message: HostNews): void {
    if (message.type === "search") return this.searchFor(message.query);
    if (message.type === "draw") return void answerDrawing(message.id, this.still, this.host.post);
    if (message.type === "plan") this.refusal = undefined;
    this.session.receive(message);
    if (message.type === "measured") this.fillToolbar();
  }

  private show(snapshot: Snapshot): void {
    const picture = this.shownPicture;
    this.judge.show(snapshot);
    this.previewBound.show(snapshot.preview);
    this.notices.replaceChildren(...noticeBars(snapshot, this.refusal, this.noticeActions));
    const stand = placeholder(snapshot, this.noticeActions);
    this.stand.replaceChildren(...(stand ? [stand] : []));
    this.main.hidden = !picture;
    setAttribute(this.stand, "role", picture ? undefined : "main");
    document.body.classList.toggle("outdated", snapshot.problem !== undefined && picture !== undefined);
    if (!picture) return this.panels.show(false);
    const key = this.state.selected;
    const layouts = this.layoutsOf(picture);
    const committed = snapshot.picture ?? picture;
    // The axis holds still while a change is tried, so that a shorter period is seen as one.
    const ends = [...layouts, ...this.layoutsOf(committed)].map((layout) => layout.endMs);
    this.editor.show(picture, picture.readOnly || snapshot.problem !== undefined);
    this.view.arrange(this.lanes.show(picture, layouts));
    this.view.show(layouts, periodMarks(picture, this.state.showMeasured), [Math.min(0, ...layouts.map((layout) => layout.startMs)), Math.max(...ends)]);
    if (!this.restored && this.state.domain) this.view.zoom.jump(this.state.domain);
    this.restored = true;
    this.selectIn(picture, key === undefined ? undefined : this.selection.placeOfKey(key));
    this.panels.show(snapshot.preview !== undefined);
    this.voice.heard(picture.predicted.periodMs);
    if (this.goesToFirst) this.toFirst();
  }

  private get shownPicture(): Picture | undefined {
    return this.session.current.preview ?? this.session.current.picture;
  }

  private layoutsOf(picture: Picture) {
    return picture.measured && !this.state.showMeasured ? picture.layouts.slice(0, -1) : picture.layouts;
  }

  private readonly noticeActions = {
    showText: (field: string | undefined) => this.host.post({ type: "showText", ...(field !== undefined && { field }) }),
    dismiss: () => this.showRefusal(undefined),
  };

  private showRefusal(reason: string | undefined): void {
    if (reason === this.refusal) return;
    this.refusal = reason;
    this.show(this.session.current);
  }

  private showSelection(place: SlicePlace | undefined): void {
    const picture = this.shownPicture;
    if (!picture) return;
    this.selectIn(picture, place);
    this.panels.show(false);
  }

  private selectIn(picture: Picture, place: SlicePlace | undefined): void {
    this.selection.place = place;
    this.view.select(place);
    this.overlays.show(this.layoutsOf(picture), place);
    this.search.show();
  }

  private copy(): void {
    const picture = this.shownPicture;
    if (!picture) return;
    this.host.post({ type: "copy", text: figuresText(this.layoutsOf(picture), this.view.placement, this.selection.place) });
    this.announcer.say("The figures are on the clipboard.");
  }

  private get still() {
    const picture = this.shownPicture;
    return picture && sceneOf(picture, this.layoutsOf(picture), periodMarks(picture, this.state.showMeasured), this.lanes.show(picture, this.layoutsOf(picture)));
  }

  private readonly jumps: JumpActions = {
    select: (layout, operation) => {
      this.selection.go(placeOfOperation(this.view.placement, layout, operation));
      // The button pressed is gone with what it belonged to.
      this.panels.details.querySelector<HTMLElement>(".details-title")?.focus();
    },
    showInModel: (component, layer) => void this.jump("model", component, layer),
    openConfiguration: (component, layer) => void this.jump("configuration", component, layer),
  };

  private async jump(to: "model" | "configuration", component: string, layer: string | undefined): Promise<void> {
    try {
      await this.host.jump(to, component, layer);
    } catch (error) {
      this.showRefusal(messageOf(error));
    }
  }

  private searched(query: string | undefined): void {
    this.remember({ search: query });
    this.search.show();
    this.view.redraw();
  }

  private searchFor(query: string): void {
    this.search.open(query);
    if (this.shownPicture) this.toFirst();
    else this.goesToFirst = true;
  }

  private toFirst(): void {
    this.goesToFirst = false;
    this.selection.place = undefined;
    this.search.step(1);
  }

  private revealPredicted(key: string): void {
    const operation = operationNamed(this.shownPicture?.predicted.operations ?? [], key);
    if (!operation) return;
    const shown = keyOf(0, operation);
    if (!this.selection.placeOfKey(shown)) this.unfold(operation);
    this.selection.go(this.selection.placeOfKey(shown));
  }

  /** Shows the lane that an operation is drawn in. */
  private unfold({ device, stream }: TimelineOperation): void {
    const group = this.view.placement.devices.find((placed) => placed.group?.devices.includes(device))?.group;
    const { folds } = this.state.lanes;
    const opened = group ? withGroup(folds, group.devices[0], false) : folds;
    this.changeLanes({ ...this.state.lanes, folds: stream === "communication" ? withDevice(opened, device, true) : opened });
  }

  private fillToolbar(): void {
    this.toolbar.replaceChildren(...toolbarItems({
      zoom: this.view.zoom, measured: this.session.current.picture?.measured, showsMeasured: this.state.showMeasured, lanes: this.lanes.element, overlays: this.overlays.controls, legend: this.legend,
      toggleHelp: () => this.help.toggle(),
      measuredShown: (showMeasured) => {
        this.remember({ showMeasured });
        this.show(this.session.current);
      },
    }));
  }

  /** What the first layout does to the zoom is not the user's: the state that is to come back outlasts it. */
  private moved(domain: Domain | undefined): void {
    if (this.restored) this.remember({ domain });
  }

  private changeLanes(lanes: LaneState): void {
    this.remember({ lanes });
    this.session.showIterations(lanes.iterations);
    this.show(this.session.current);
  }

  private remember(change: Partial<ViewState>): void {
    this.state = { ...this.state, ...change };
    this.host.state.set(this.state);
  }
}
