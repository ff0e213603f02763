/** What is laid over the timeline and read off it: dependencies, the critical path, the overview and a range of time. */
import { sliceOf, type Placement, type SlicePlace } from "../../src/timeline/layout/geometry";
import { flowsOf, type Flow } from "../../src/timeline/layout/flows";
import { formatMs } from "../../src/timeline/layout/format";
import type { Layout } from "../../src/timeline/layout/lanes";
import { placesOf } from "../../src/timeline/layout/places";
import { withEnd, type TimeRange } from "../../src/timeline/layout/range";
import type { Brush } from "../canvas/boxes";
import type { Scene } from "../canvas/painter";
import type { Theme } from "../canvas/theme";
import type { TimelineView } from "../canvas/timelineView";
import { element } from "../dom";
import { checkbox } from "../ui";
import { Arrows } from "./arrows";
import { criticalPanel, criticalSentence } from "./criticalPanel";
import { paintCriticalPath } from "./criticalPath";
import { Minimap } from "./minimap";
import { RangeBrush } from "./rangeBrush";
import { rangePanel } from "./rangePanel";
import type { OverlayState } from "./state";

export interface OverlayEvents {
  /** The state changed: it is to be kept. */
  changed(state: OverlayState): void;
  /** Selects a slice and brings it into view. */
  go(place: SlicePlace): void;
  say(text: string): void;
}

export class Overlays {
  private readonly arrows = new Arrows();
  private readonly minimap: Minimap;
  private readonly rangeBrush = new RangeBrush((range, done) => this.setRange(range, done));
  private readonly toggle = checkbox("Critical path", false, (shown) => this.showCritical(shown)) as HTMLElement & { checked: boolean };
  private readonly flowNote = element("p", { class: "hint", hidden: true });
  private readonly critical = element("div");
  private readonly range = element("div");
  private layouts: readonly Layout[] = [];
  private selection?: SlicePlace;
  /** Of the selection in a placement; heights change with the room. */
  private flows?: { readonly of: readonly Flow[]; readonly placement: Placement };
  private rangeIsStale = false;
  private state: OverlayState;

  constructor(private readonly view: TimelineView, { criticalPath, range }: OverlayState, private readonly events: OverlayEvents) {
    this.state = { criticalPath, range };
    this.minimap = new Minimap(view.zoom);
    view.element.prepend(this.minimap.element);
    view.axis.element.append(this.rangeBrush.element);
    view.plot.append(this.rangeBrush.band, this.arrows.element);
    this.toggle.title = "Outline what decides the length (C)";
    this.toggle.checked = criticalPath;
  }

  /** For the toolbar. */
  get controls(): HTMLElement {
    return this.toggle;
  }

  /** For the details pane, below what is selected. */
  get panels(): readonly HTMLElement[] {
    return [this.flowNote, this.critical, this.range];
  }

  /** Takes what the timeline shows now. */
  show(layouts: readonly Layout[], selection: SlicePlace | undefined): void {
    const isNew = layouts.length !== this.layouts.length || layouts.some((layout, index) => layout !== this.layouts[index]);
    this.layouts = layouts;
    this.selection = selection;
    this.flows = undefined;
    if (isNew) this.fillPanels();
  }

  paint(scene: Scene, brush: Brush): void {
    if (this.state.criticalPath) paintCriticalPath(brush, scene);
  }

  draw(scene: Scene, theme: Theme): void {
    if (!this.layouts.length) return;
    const flows = this.flowsIn(scene.placement);
    this.noteFlows(flows, this.arrows.draw(scene, flows));
    this.minimap.draw(this.layouts[0], theme, scene.width);
    this.rangeBrush.draw(scene, this.state.range);
    // A pointer moves more often than frames are drawn.
    if (this.rangeIsStale) this.fillRange();
  }

  toggleCritical(): void {
    this.showCritical(!this.state.criticalPath);
  }

  /** Puts one end of the range at the selected slice. */
  setEnd(end: "from" | "to"): void {
    const slice = this.selection && sliceOf(this.view.placement, this.selection);
    if (!slice) return this.events.say("Select a slice first: the range takes its start or its end.");
    this.setRange(withEnd(this.state.range, end, slice), true);
  }

  /** Takes the range away; false when there was none. */
  clearRange(): boolean {
    if (!this.state.range) return false;
    this.setRange(undefined, true);
    return true;
  }

  private showCritical(criticalPath: boolean): void {
    if (criticalPath === this.state.criticalPath) return;
    this.keep({ ...this.state, criticalPath });
    this.toggle.checked = criticalPath;
    this.fillPanels();
    this.events.say(criticalPath ? criticalSentence(this.layouts) : "The critical path is no longer shown.");
  }

  private setRange(range: TimeRange | undefined, done: boolean): void {
    this.keep({ ...this.state, range });
    this.rangeIsStale = true;
    if (done) this.events.say(range ? `Range of ${formatMs(range[1] - range[0])}, from ${formatMs(range[0])} to ${formatMs(range[1])}.` : "The range is cleared.");
  }

  private keep(state: OverlayState): void {
    this.state = state;
    this.events.changed(state);
    this.view.schedule();
  }

  private fillPanels(): void {
    this.critical.replaceChildren(...(this.state.criticalPath ? [criticalPanel(this.layouts)] : []));
    this.rangeIsStale = true;
    this.view.schedule();
  }

  private fillRange(): void {
    const { range } = this.state;
    this.rangeIsStale = false;
    this.range.replaceChildren(...(range && this.layouts.length ? [rangePanel(this.layouts, this.view.placement, range, {
      clear: () => this.setRange(undefined, true),
      go: (layout, operation) => {
        const place = placesOf(this.view.placement)(layout, operation);
        if (place) this.events.go(place);
      },
    })] : []));
  }

  private flowsIn(placement: Placement): readonly Flow[] {
    if (this.flows?.placement !== placement) {
      this.flows = { placement, of: this.selection ? flowsOf(placement, this.layouts.map(({ timeline }) => timeline), this.selection) : [] };
    }
    return this.flows.of;
  }

  private noteFlows(flows: readonly Flow[], more: number): void {
    const count = (direction: Flow["direction"]) => flows.filter((flow) => flow.direction === direction).length;
    const [into, out] = [count("into"), count("out")];
    const text = flows.length ? `Arrows: ${into} ${into === 1 ? "operation" : "operations"} it waited for (solid), ${out} that waited for it (dashed)${more ? `; ${more} more in view are not drawn` : ""}.` : "";
    this.flowNote.hidden = text === "";
    if (this.flowNote.textContent !== text) this.flowNote.textContent = text;
  }
}
