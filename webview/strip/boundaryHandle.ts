/** The handle between two stages: a slider whose values are the layers that the later stage may begin with. */
import { drag, select, type D3DragEvent } from "d3";
import { boundaryAt, boundaryLimits, type Strip } from "../../src/timeline/layout/strip";
import { element, setAttribute } from "../dom";

export interface BoundaryEvents {
  /** The boundary after `stage` is tried at `layer`. */
  tried(stage: number, layer: number): void;
  /** What was tried last is to be kept. */
  kept(stage: number, layer: number): void;
  /** What was tried is taken back. */
  calledOff(stage: number): void;
  /** The planner is to keep the boundary, or no longer. */
  pinned(stage: number, pinned: boolean): void;
}

export class BoundaryHandle {
  readonly element: HTMLElement;
  private strip?: Strip;
  /** The strip when the present drag or key press began: its limits and places hold until it ends. */
  private origin?: Strip;
  private layer = 0;
  private readOnly = false;
  private pinned = false;

  constructor(private readonly stage: number, private readonly track: HTMLElement, private readonly events: BoundaryEvents) {
    this.element = element("div", { class: "boundary", role: "slider", tabindex: 0, "aria-orientation": "horizontal", "aria-label": `Boundary between stage ${stage} and stage ${stage + 1}` }, element("span", { class: "boundary-grip" }));
    select<HTMLElement, unknown>(this.element).call(
      drag<HTMLElement, unknown>()
        .container(() => this.track)
        .filter((event: MouseEvent) => !this.readOnly && !event.button && !event.ctrlKey)
        .on("start", () => this.begin())
        .on("drag", (event: D3DragEvent<HTMLElement, unknown, unknown>) => this.pointed(event.x))
        .on("end", () => this.keep()),
    );
    this.element.addEventListener("keydown", (event) => this.key(event));
    this.element.addEventListener("blur", () => this.keep());
    this.element.addEventListener("dblclick", () => this.togglePin());
  }

  show(strip: Strip, readOnly: boolean, pinned: boolean): void {
    this.strip = strip;
    this.readOnly = readOnly;
    this.pinned = pinned;
    this.element.classList.toggle("pinned", pinned);
    const layer = strip.stages[this.stage + 1].from;
    const [least, most] = boundaryLimits(strip, this.stage);
    const values = { "aria-valuemin": least, "aria-valuemax": most, "aria-valuenow": layer, "aria-valuetext": `before layer ${layer}, ${strip.layers[layer].name}${pinned ? ", pinned" : ""}`, "aria-disabled": readOnly ? "true" : undefined };
    for (const [name, value] of Object.entries(values)) setAttribute(this.element, name, value);
    this.element.style.left = `${strip.layers[layer].from * 100}%`;
    if (!this.origin) this.layer = layer;
  }

  private begin(): void {
    this.origin ??= this.strip;
    this.element.classList.add("held");
  }

  private pointed(x: number): void {
    if (this.origin) this.tryLayer(boundaryAt(this.origin, this.stage, x / this.track.clientWidth));
  }

  private key(event: KeyboardEvent): void {
    const [least, most] = this.strip ? boundaryLimits(this.origin ?? this.strip, this.stage) : [0, 0];
    const steps: Readonly<Record<string, number>> = { ArrowLeft: this.layer - 1, ArrowDown: this.layer - 1, ArrowRight: this.layer + 1, ArrowUp: this.layer + 1, Home: least, End: most, PageUp: this.layer + 5, PageDown: this.layer - 5 };
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    if (event.key in steps && !this.readOnly) {
      this.begin();
      this.tryLayer(Math.max(least, Math.min(most, steps[event.key])));
    } else if (event.key === "Enter") this.keep();
    else if (event.key === "Escape" && this.origin) this.callOff();
    else if (event.key.toLowerCase() === "p") this.togglePin();
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  private togglePin(): void {
    if (!this.readOnly) this.events.pinned(this.stage, !this.pinned);
  }

  private tryLayer(layer: number): void {
    if (layer === this.layer) return;
    this.layer = layer;
    this.events.tried(this.stage, layer);
  }

  private keep(): void {
    const { origin } = this;
    if (!origin) return;
    this.end();
    if (origin.stages[this.stage + 1].from === this.layer) this.events.calledOff(this.stage);
    else this.events.kept(this.stage, this.layer);
  }

  /** Back to where the boundary was. Also for Esc while the pointer still holds it. */
  callOff(): void {
    if (!this.origin) return;
    this.layer = this.origin.stages[this.stage + 1].from;
    this.end();
    this.events.calledOff(this.stage);
  }

  private end(): void {
    this.origin = undefined;
    this.element.classList.remove("held");
  }
}
