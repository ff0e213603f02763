/** The plan's decisions in a row, each to be changed or pinned, and what the planner can do from here. */
import type { PlanChange } from "../../src/plan/planChange";
import { choicesOf, microbatchesText } from "../../src/plan/choices";
import { isPinned, type PinName } from "../../src/plan/pins";
import { scheduleNames } from "../../src/model/plan";
import { element } from "../dom";
import type { Picture } from "../session";
import { button, checkbox, choice, type Choice } from "../ui";
import { Components, type ComponentEvents } from "./components";
import { pinButton, type PinButton } from "./pinButton";

export interface DecisionEvents {
  changed(change: PlanChange): void;
  pinned(pin: PinName, pinned: boolean): void;
  refilled(): void;
  improved(): void;
  /** Of single components and chains. */
  readonly components: ComponentEvents;
}

export class Decisions {
  private readonly schedule = this.choice("Schedule", "In which order each device runs its passes", (value) => ({ schedule: scheduleNames.find((name) => name === value) }));
  private readonly stages = this.choice("Stages", "Parts that the chain of layers is cut into", (value) => ({ stages: Number(value) }));
  private readonly microbatches = this.choice("Micro-batches", "Parts that each replica's share of the batch is cut into", (value) => ({ microbatches: Number(value) }));
  private readonly replicas = this.choice("Replicas", "Data-parallel copies of the pipeline", (value) => ({ dataParallel: Number(value) }));
  private readonly warmup = this.choice("Warm-up", "Forward passes ahead, per stage to come: more hide messages and hold more activations", (value) => ({ warmup: Number(value) }));
  private readonly batch = element("input", { class: "choice batch", type: "number", min: 1, step: 1, "aria-label": "Global batch" });
  private readonly recompute = checkbox("Recompute", false, (recompute) => {
    // It also says so when it was changed from here.
    if (recompute !== this.shown.recompute) this.events.changed({ recompute });
  });
  private readonly pins: Readonly<Record<PinName, PinButton>> = { schedule: this.pin("schedule", "the schedule"), stages: this.pin("stages", "the number of stages"), microbatches: this.pin("microbatches", "the number of micro-batches") };
  private readonly components = new Components({ precision: (...of) => this.events.components.precision(...of), selfConditioning: (...of) => this.events.components.selfConditioning(...of), role: (...of) => this.events.components.role(...of) });
  private readonly improve = button({ label: "Improve", title: "Look for a better plan that keeps what is pinned", appearance: "primary", onClick: () => this.events.improved() });
  private readonly refill = button({ label: "Fill again", title: "Put the frozen work into the bubbles anew, around what is pinned", onClick: () => this.events.refilled() });
  private readonly actions = element("span", { class: "decision-actions" }, this.refill, this.improve);
  private readonly warmupGroup = group(this.warmup.element);
  readonly element = element("section", { class: "decisions", "aria-label": "Decisions" },
    group(this.schedule.element, this.pins.schedule.element), group(this.stages.element, this.pins.stages.element), group(this.microbatches.element, this.pins.microbatches.element),
    this.warmupGroup, group(this.replicas.element), group(element("label", { class: "labelled" }, "Batch", this.batch)), group(this.recompute), this.components.element, this.actions);
  private shown = { batch: 0, recompute: false };

  constructor(private readonly events: DecisionEvents) {
    this.batch.addEventListener("change", () => this.batchChanged());
    this.batch.addEventListener("keydown", (event) => {
      if (event.key === "Escape") this.batch.value = String(this.shown.batch);
    });
  }

  /** @param readOnly Nothing can be changed, as while the planner is `busy`. */
  show(picture: Picture, readOnly: boolean, busy: boolean): void {
    const { plan, context } = picture;
    this.components.show(picture);
    const choices = choicesOf(plan, context);
    const disabled = readOnly || busy;
    const numbers = (values: readonly number[]) => values.map((value) => ({ value: String(value), label: String(value) }));
    this.schedule.show(choices.schedules.map((name) => ({ value: name, label: name })), plan.schedule.name);
    this.stages.show(numbers(choices.stages), String(plan.chains[0].stages.length));
    this.microbatches.show(choices.microbatches.map((count) => ({ value: String(count), label: microbatchesText(plan, count) })), String(plan.batch.microbatches));
    this.replicas.show(numbers(choices.replicas), String(plan.dataParallel));
    this.warmup.show(numbers(choices.warmups), String(plan.schedule.warmup ?? 1));
    this.warmupGroup.hidden = choices.warmups.length === 0;
    for (const [name, pin] of Object.entries(this.pins)) pin.show(isPinned(plan, name), disabled);
    this.shown = { batch: plan.batch.global, recompute: plan.recompute ?? false };
    if (document.activeElement !== this.batch) this.batch.value = String(plan.batch.global);
    this.recompute.checked = this.shown.recompute;
    this.improve.textContent = busy ? "Planning …" : "Improve";
    for (const control of this.element.querySelectorAll("select, input, vscode-button, vscode-checkbox")) control.toggleAttribute("disabled", disabled);
  }

  private choice(label: string, title: string, changeOf: (value: string) => PlanChange): Choice {
    return choice(label, true, title, (value) => this.events.changed(changeOf(value)));
  }

  private pin(name: PinName, what: string): PinButton {
    return pinButton(what, (pinned) => this.events.pinned(name, pinned));
  }

  private batchChanged(): void {
    const batch = Number(this.batch.value);
    if (!Number.isInteger(batch) || batch < 1) this.batch.value = String(this.shown.batch);
    else if (batch !== this.shown.batch) this.events.changed({ batch });
  }
}

function group(...children: readonly HTMLElement[]): HTMLElement {
  return element("span", { class: "decision" }, ...children);
}
