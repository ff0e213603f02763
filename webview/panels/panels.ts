/** What is read beside the picture: the figures above it, the details and the grid of a screen reader. */
import type { Placement, SlicePlace } from "../../src/timeline/layout/geometry";
import type { Layout } from "../../src/timeline/layout/lanes";
import { LaneGrid } from "../a11y/grid";
import { element, patchChildren } from "../dom";
import { Paced } from "../paced";
import type { Picture, Snapshot } from "../session";
import { CopyButton } from "./copyFigures";
import { figurePanel } from "./figures";
import { overview } from "./overview";
import { sliceDetails, type JumpActions } from "./sliceDetails";

export interface PanelScene {
  readonly snapshot: Snapshot;
  /** The one that is drawn. */
  readonly picture?: Picture;
  readonly layouts: readonly Layout[];
  readonly placement: Placement;
  /** The selection. */
  readonly place?: SlicePlace;
  readonly jumps: JumpActions;
  /** What can be done with the selection. */
  readonly actions: readonly HTMLElement[];
  /** What else the details pane holds. */
  readonly more: readonly HTMLElement[];
}

/** Figures that change more often cannot be read. */
const readableMs = 100;

export class Panels {
  readonly figures = element("div", { class: "region-figures" });
  readonly details = element("section", { class: "details", "aria-label": "Details" });
  private readonly overview = element("div");
  private readonly copyButton: CopyButton;
  private readonly grid: LaneGrid;
  private readonly paced = new Paced(() => this.draw(), readableMs);

  /** @param plot Where the grid of a screen reader lies. @param scene What is there to be shown. */
  constructor(plot: HTMLElement, private readonly scene: () => PanelScene, copy: () => void) {
    this.copyButton = new CopyButton(copy);
    this.grid = new LaneGrid(plot);
  }

  /** At once; while a change is dragged, as often as can be read, so that the picture keeps up with the pointer. */
  show(isDragged: boolean): void {
    if (isDragged) this.paced.soon();
    else this.paced.now();
  }

  private draw(): void {
    const scene = this.scene();
    const { snapshot, picture, layouts, placement, place } = scene;
    patchChildren(this.figures, [figurePanel(snapshot)]);
    if (!picture) return;
    this.grid.show(layouts, placement, place, snapshot.preview !== undefined);
    this.drawDetails(picture, scene);
  }

  /** Without a selection what is there is kept: all of it changes with every step of a drag. */
  private drawDetails(picture: Picture, { placement, place, jumps, actions, more }: PanelScene): void {
    const always = [this.copyButton.element, ...more];
    this.copyButton.show(place !== undefined);
    if (place) {
      const [title, facts, ...rest] = sliceDetails(picture, placement, place, jumps);
      this.details.replaceChildren(title, facts, ...actions, ...rest, ...always);
      return;
    }
    patchChildren(this.overview, overview(picture));
    if (this.details.firstChild !== this.overview) this.details.replaceChildren(this.overview, ...always);
  }
}
