/** Everything that changes the plan: tried out in the view first, kept as one edit of the text, or refused with its reason. */
import type { Replan, RoleEdit } from "../../src/protocol/messages";
import type { TimelineOperation } from "../../src/model/timeline";
import { messageOf } from "../../src/model/errors";
import { editedPlan, type PlanEdit } from "../../src/plan/edits";
import { fillAt } from "../../src/plan/fillEdits";
import { fillOf } from "../../src/plan/fillOrder";
import { boundaryPin, isPinned } from "../../src/plan/pins";
import { formatChange, formatMs } from "../../src/timeline/layout/format";
import { sliceOf, type SlicePlace } from "../../src/timeline/layout/geometry";
import { placeText } from "../../src/timeline/layout/fillPlaces";
import type { TimelineView } from "../canvas/timelineView";
import { element } from "../dom";
import type { Host } from "../host";
import type { Picture, Session } from "../session";
import { StripView } from "../strip/stripView";
import { button } from "../ui";
import { Decisions } from "./decisions";
import { fillActions, type ChosenFill, type FillAction } from "./fillActions";
import { FillDrag } from "./fillDrag";

export interface EditorEvents {
  /** An edit was refused, for this reason; undefined takes the last refusal back. */
  refused(reason: string | undefined): void;
  /** The planner is at work, or no longer. */
  busy(): void;
  /** What is selected is this operation once the edit is made. */
  renamed(operation: TimelineOperation): void;
  say(text: string): void;
}

export class PlanEditor {
  readonly decisions: Decisions;
  readonly strip: StripView;
  private readonly drag: FillDrag;
  private busy = false;

  constructor(private readonly session: Session, private readonly host: Host, private readonly view: TimelineView, private readonly events: EditorEvents) {
    this.decisions = new Decisions({
      changed: (change) => void this.work({ kind: "change", change }),
      pinned: (pin, pinned) => void this.keep({ kind: "pin", pin, pinned }),
      refilled: () => void this.work({ kind: "refill" }),
      improved: () => void this.work({ kind: "improve" }),
      components: {
        precision: (component, precision) => void this.keep({ kind: "frozenPrecision", component, precision }),
        role: (component, trains) => void this.work({ kind: "role", component, trains }),
        selfConditioning: (chain, probability) => void this.keep({ kind: "selfConditioning", chain, probability }),
      },
    });
    this.strip = new StripView({
      tried: (stage, layer) => this.tryBoundary(stage, layer),
      kept: (stage, layer) => {
        this.strip.say(undefined);
        this.withChain((chain) => void this.keep({ kind: "moveBoundary", chain, stage, layer }));
      },
      calledOff: () => this.callOff(),
      pinned: (stage, pinned) => this.withChain((chain) => void this.keep({ kind: "pin", pin: boundaryPin(chain, stage), pinned })),
    });
    this.drag = new FillDrag(view.plot, {
      fillAt: (event) => this.chosen(view.placeAt(event)),
      pointAt: (event) => view.pointAt(event),
      tried: (edit, { anchor }) => {
        const { result } = this.attempt(edit);
        return `${placeText(anchor)}: ${result}`;
      },
      kept: (edit) => void this.keep(edit),
      calledOff: () => this.session.preview(undefined),
    });
  }

  show(picture: Picture, readOnly: boolean): void {
    // While a boundary or a fill is tried, which follows the pointer, the decisions above it stay as they are.
    if (!this.session.current.preview) this.decisions.show(picture, readOnly, this.busy);
    this.strip.show(picture.strip, readOnly, (stage) => isPinned(picture.plan, boundaryPin(picture.strip.chain, stage)));
  }

  /** Takes back what is being dragged. @returns whether anything was. */
  callOffDrag(): boolean {
    const wasHeld = this.drag.isHeld;
    if (wasHeld) this.drag.callOff();
    return wasHeld;
  }

  /** What can be done with the selection; nothing where it is no fill of a plan that can be changed. */
  actionsFor(place: SlicePlace | undefined): readonly HTMLElement[] {
    const chosen = this.chosen(place);
    if (!chosen) return [];
    const { pinned = false } = fillAt(chosen.plan, chosen.fill);
    const buttons = fillActions.map((action) => {
      const node = button({ label: action.label, title: `${action.what} (${action.shown})`, onClick: () => this.act(action, chosen) });
      node.toggleAttribute("disabled", this.busy || action.edit(chosen) === undefined);
      return node;
    });
    const pin = button({ label: pinned ? "Unpin" : "Pin", title: `${pinned ? "Let the planner move the fill" : "Hold the fill where it is when the planner fills again"} (P)`, onClick: () => this.pin(chosen) });
    return [element("div", { class: "fill-actions", role: "group", "aria-label": "Change this fill" }, pin, ...buttons)];
  }

  /** @returns whether the key was one of an edit that could be made. */
  key(key: string, place: SlicePlace | undefined): boolean {
    const chosen = this.chosen(place);
    if (!chosen || this.busy) return false;
    if (key === "p") {
      this.pin(chosen);
      return true;
    }
    const action = fillActions.find((other) => other.key === key);
    if (action) this.act(action, chosen);
    return action !== undefined;
  }

  private act(action: FillAction, chosen: ChosenFill): void {
    const edit = action.edit(chosen);
    if (!edit) return this.events.say(`${action.what}: there is nothing to do.`);
    const { result, refusal } = this.attempt(edit);
    if (refusal !== undefined) {
      this.session.preview(undefined);
      this.events.say(refusal);
      return this.events.refused(refusal);
    }
    this.events.say(`${action.label}: ${result}`);
    void this.keep(edit);
  }

  private pin({ plan, fill }: ChosenFill): void {
    const { pinned = false } = fillAt(plan, fill);
    this.events.say(pinned ? "The fill is free." : "The fill is pinned.");
    void this.keep({ kind: "pinFill", fill, pinned: !pinned });
  }

  private chosen(place: SlicePlace | undefined): ChosenFill | undefined {
    const { picture, problem } = this.session.current;
    const slice = place && sliceOf(this.view.placement, place);
    const placed = place && this.view.placement.lanes[place.lane];
    if (!picture || picture.readOnly || problem || slice?.index === undefined || placed?.layout !== 0) return undefined;
    const operation = (this.session.current.preview ?? picture).predicted.operations[slice.index];
    const fill = operation.op === "FILL" ? fillOf(picture.plan.fills, operation.device, operation) : -1;
    return fill < 0 ? undefined : { plan: picture.plan, timeline: picture.predicted, fill, operation };
  }

  /** Shows the plan with the edit made; says what it does to the period, or why it cannot be. */
  private attempt(edit: PlanEdit): { readonly result: string; readonly refusal?: string } {
    const { picture } = this.session.current;
    if (!picture) return { result: "" };
    try {
      this.session.preview(editedPlan(picture.plan, edit, picture.context.workload));
    } catch (error) {
      const refusal = messageOf(error);
      this.session.preview(undefined);
      return { result: refusal, refusal };
    }
    const periodMs = this.session.current.preview?.predicted.periodMs ?? picture.predicted.periodMs;
    return { result: `period ${formatMs(periodMs)} (${formatChange(periodMs / picture.predicted.periodMs - 1)})` };
  }

  /** Has an edit made in the text. */
  private async keep(edit: PlanEdit): Promise<void> {
    const { picture } = this.session.current;
    if (!picture) return;
    this.rename(edit, picture);
    await this.ask({ ...edit, version: picture.version });
  }

  /** Has done what takes a while. */
  private async work(request: Replan | RoleEdit): Promise<void> {
    const { picture } = this.session.current;
    if (!picture || this.busy) return;
    const focused = document.activeElement;
    this.busy = true;
    this.events.busy();
    this.events.say("The planner is at work.");
    await this.ask({ ...request, version: picture.version });
    this.busy = false;
    this.events.busy();
    // A control loses the focus while it can't be used.
    if (document.activeElement === document.body && focused instanceof HTMLElement) focused.focus();
  }

  private async ask(edit: Parameters<Host["edit"]>[0]): Promise<void> {
    this.events.refused(undefined);
    try {
      await this.host.edit(edit);
    } catch (error) {
      this.session.preview(undefined);
      this.events.refused(messageOf(error));
    }
  }

  /** A fill that moves stays selected where it comes to. */
  private rename(edit: PlanEdit, picture: Picture): void {
    if (!("fill" in edit) || edit.kind === "pinFill") return;
    const fill = fillAt(picture.plan, edit.fill);
    const preview = this.session.current.preview;
    const device = edit.kind === "moveFill" ? edit.device : fill.device;
    const operation = preview?.predicted.operations.find((other) => other.op === "FILL" && other.device === device && other.component === fill.component && other.layers?.[0] === fill.from && other.samples?.[0] === fill.samples[0]);
    if (operation) this.events.renamed(operation);
  }

  private withChain(then: (chain: string) => void): void {
    const { picture } = this.session.current;
    if (picture) then(picture.strip.chain);
  }

  private tryBoundary(stage: number, layer: number): void {
    this.withChain((chain) => {
      const { result, refusal } = this.attempt({ kind: "moveBoundary", chain, stage, layer });
      const name = this.session.current.picture?.strip.layers[layer].name;
      const text = refusal ?? `Boundary ${stage} | ${stage + 1} before layer ${layer}, ${name}: ${result}.`;
      this.strip.say(refusal ? text : `${text} Release or press Enter to apply, Esc to leave it.`);
      this.events.say(text);
    });
  }

  private callOff(): void {
    this.strip.say(undefined);
    this.session.preview(undefined);
  }
}
