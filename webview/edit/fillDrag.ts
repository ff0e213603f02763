/** A piece of frozen work taken hold of and let go in another bubble. */
import { drag, select, type D3DragEvent } from "d3";
import type { PlanEdit } from "../../src/plan/edits";
import { isSameAnchor } from "../../src/plan/fillEdits";
import { placeAt, type FillPlace } from "../../src/timeline/layout/fillPlaces";
import { element } from "../dom";
import type { ChosenFill } from "./fillActions";

/** Where the pointer is in the picture. */
export interface Point {
  readonly device?: number;
  readonly ms: number;
}

export interface FillDragEvents {
  /** The fill under the pointer that may be moved. */
  fillAt(event: MouseEvent): ChosenFill | undefined;
  pointAt(event: MouseEvent): Point;
  /** @returns What the change would do, in words. */
  tried(edit: PlanEdit, place: FillPlace): string;
  kept(edit: PlanEdit): void;
  calledOff(): void;
}

/** A press that moves less than this many pixels is a click. */
const leastMove = 4;

export class FillDrag {
  private held?: { readonly fill: ChosenFill; readonly x: number; readonly y: number; edit?: PlanEdit };
  private readonly note = element("div", { class: "drag-note", hidden: true });

  constructor(private readonly plot: HTMLElement, private readonly events: FillDragEvents) {
    plot.append(this.note);
    select<HTMLElement, unknown>(plot).call(
      drag<HTMLElement, unknown>()
        .clickDistance(leastMove)
        .filter((event: MouseEvent) => !event.button && !event.shiftKey && !event.ctrlKey && events.fillAt(event) !== undefined)
        .on("start", ({ x, y, sourceEvent }: D3DragEvent<HTMLElement, unknown, unknown>) => {
          const fill = events.fillAt(sourceEvent as MouseEvent);
          if (fill) this.held = { fill, x, y };
        })
        .on("drag", ({ x, y, sourceEvent }: D3DragEvent<HTMLElement, unknown, unknown>) => this.moved(x, y, sourceEvent as MouseEvent))
        .on("end", () => this.end(true)),
    );
  }

  get isHeld(): boolean {
    return this.held !== undefined;
  }

  /** Puts it back, also while the pointer still holds it. */
  callOff(): void {
    this.end(false);
  }

  private moved(x: number, y: number, event: MouseEvent): void {
    const { held } = this;
    if (!held || (this.note.hidden && Math.hypot(x - held.x, y - held.y) < leastMove)) return;
    this.plot.classList.add("dragging");
    const { device, ms } = this.events.pointAt(event);
    const { plan, timeline, fill } = held.fill;
    const place = device === undefined ? undefined : placeAt(timeline, device, ms);
    const own = plan.fills[fill];
    const isSame = place && own.device === device && isSameAnchor(own.before, place.anchor);
    const edit: PlanEdit | undefined = place && device !== undefined && !isSame ? { kind: "moveFill", fill, device, before: place.anchor } : undefined;
    if (JSON.stringify(edit) !== JSON.stringify(held.edit) || this.note.hidden) {
      held.edit = edit;
      if (edit && place) this.note.textContent = this.events.tried(edit, place);
      else {
        this.events.calledOff();
        this.note.textContent = "Drop it in a bubble; Esc leaves it where it is.";
      }
    }
    this.note.hidden = false;
    const room = this.plot.clientWidth - this.note.offsetWidth - 4;
    this.note.style.left = `${Math.max(4, Math.min(room, x + 14))}px`;
    this.note.style.top = `${Math.max(0, Math.min(this.plot.clientHeight - this.note.offsetHeight, y + 16))}px`;
  }

  private end(keep: boolean): void {
    const { held } = this;
    this.held = undefined;
    const wasMoved = !this.note.hidden;
    this.note.hidden = true;
    this.plot.classList.remove("dragging");
    if (!held || !wasMoved) return;
    if (keep && held.edit) this.events.kept(held.edit);
    else this.events.calledOff();
  }
}
