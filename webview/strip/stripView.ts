/** The layer strip: a bar per layer as wide as its time, stages above, and boundaries to take hold of between them. */
import { formatMs } from "../../src/timeline/layout/format";
import { rangeText } from "../../src/timeline/layout/kinds";
import type { Strip, StripLayer, StripStage } from "../../src/timeline/layout/strip";
import { element, patchChildren, setAttribute } from "../dom";
import { BoundaryHandle, type BoundaryEvents } from "./boundaryHandle";

export class StripView {
  private readonly name = element("h2", { class: "strip-name" });
  private readonly stages = element("div", { class: "strip-stages" });
  private readonly layers = element("div", { class: "strip-layers" });
  private readonly handles = element("div", { class: "strip-handles" });
  private readonly caption = element("p", { class: "strip-caption" });
  private readonly track = element("div", { class: "strip-track" }, this.stages, this.layers, this.handles);
  readonly element = element("section", { class: "strip", "aria-label": "Layers and stages" }, element("div", { class: "strip-head" }, this.name, this.caption), this.track);
  private grips: readonly BoundaryHandle[] = [];
  private strip?: Strip;

  constructor(private readonly events: BoundaryEvents) {
    this.layers.addEventListener("pointermove", (event) => this.describe(event));
    this.layers.addEventListener("pointerleave", () => this.isHeld || this.say(undefined));
  }

  private get isHeld(): boolean {
    return this.track.querySelector(".held") !== null;
  }

  /** Handles are kept while the number of stages is, so that one being dragged or focused is not lost. */
  show(strip: Strip, readOnly: boolean, isPinned: (stage: number) => boolean): void {
    this.strip = strip;
    this.name.textContent = strip.chain;
    const slowest = Math.max(...strip.stages.map((stage) => stage.forwardMs + stage.backwardMs));
    patchChildren(this.stages, strip.stages.map((stage, index) => this.stageBlock(strip, stage, index, slowest)));
    patchChildren(this.layers, strip.layers.map((layer, index) => layerBar(strip, layer, index)));
    if (this.grips.length !== strip.stages.length - 1) {
      this.grips = strip.stages.slice(1).map((_, stage) => new BoundaryHandle(stage, this.track, this.events));
      this.handles.replaceChildren(...this.grips.map((grip) => grip.element));
    }
    for (const [stage, grip] of this.grips.entries()) grip.show(strip, readOnly, isPinned(stage));
    if (!this.said) this.say(undefined);
  }

  private said = false;

  /** A line about what is pointed at or tried out; otherwise what the strip is. */
  say(text: string | undefined): void {
    this.said = text !== undefined;
    this.caption.classList.toggle("active", this.said);
    const count = this.strip?.layers.length ?? 0;
    this.caption.textContent = text ?? `${count} layers, as wide as their time for one micro-batch: forward above, backward below. Drag a boundary to move layers between stages, double-click it to pin it.`;
  }

  private stageBlock(strip: Strip, stage: StripStage, index: number, slowest: number): HTMLElement {
    const total = stage.forwardMs + stage.backwardMs;
    const isSlowest = strip.stages.length > 1 && total === slowest;
    const devices = stage.devices.length > 1 ? `devices ${stage.devices.join(", ")}` : `device ${stage.devices[0]}`;
    const node = element("div", { class: `stage${isSlowest ? " stage-slowest" : ""}`, title: `Stage ${index} on ${devices}: layers ${rangeText([stage.from, stage.to])}, forward ${formatMs(stage.forwardMs)}, backward ${formatMs(stage.backwardMs)}` },
      element("span", { class: "stage-title" }, `Stage ${index}`),
      element("span", { class: "stage-time" }, formatMs(total), isSlowest ? element("span", { class: "stage-mark" }, " slowest") : undefined),
      element("span", { class: "stage-more" }, `${devices} · ${stage.to - stage.from} layers`),
    );
    spread(node, strip.layers[stage.from].from, strip.layers[stage.to - 1].to);
    return node;
  }

  private describe(event: PointerEvent): void {
    if (this.isHeld) return;
    const bar = event.target instanceof HTMLElement ? event.target.closest<HTMLElement>(".layer") : null;
    const layer = bar?.dataset.index === undefined ? undefined : this.strip?.layers[Number(bar.dataset.index)];
    this.say(layer && `Layer ${bar?.dataset.index}, ${layer.component}/${layer.name}: forward ${formatMs(layer.forwardMs)}, backward ${formatMs(layer.backwardMs)}${layer.estimate ? " (estimate)" : " (measured)"}`);
  }
}

function layerBar(strip: Strip, layer: StripLayer, index: number): HTMLElement {
  const stage = strip.stages.findIndex(({ from, to }) => index >= from && index < to);
  const node = element("div", { class: `layer${stage % 2 ? " layer-odd" : ""}`, "data-index": index });
  const total = layer.forwardMs + layer.backwardMs;
  node.style.setProperty("--forward", `${total > 0 ? (layer.forwardMs / total) * 100 : 50}%`);
  spread(node, layer.from, layer.to);
  return node;
}

/** From one share of the track to another. */
function spread(node: HTMLElement, from: number, to: number): void {
  node.style.left = `${from * 100}%`;
  node.style.width = `${(to - from) * 100}%`;
  setAttribute(node, "data-narrow", to - from < 0.12);
}
