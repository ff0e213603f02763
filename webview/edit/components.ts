/** Decisions about single components and chains, folded away: the precision of what is frozen, and self-conditioning. */
import { frozenPrecisions, type FrozenPrecision } from "../../src/model/plan";
import { isFrozen, precisionsOf } from "../../src/plan/overrides";
import { element } from "../dom";
import type { Picture } from "../session";
import { checkbox, choice } from "../ui";

export interface ComponentEvents {
  precision(component: string, precision: FrozenPrecision): void;
  /** The component is to train, or to be frozen. */
  role(component: string, trains: boolean): void;
  selfConditioning(chain: string, probability: number): void;
}

export class Components {
  private readonly body = element("div", { class: "components-body" });
  readonly element = element("details", { class: "components" }, element("summary", { title: "Precision of frozen components, self-conditioning" }, "Components"), this.body);

  constructor(private readonly events: ComponentEvents) {
    this.element.addEventListener("keydown", (event) => {
      if (event.key !== "Escape" || !this.element.open) return;
      this.element.open = false;
      this.element.querySelector("summary")?.focus();
      event.stopPropagation();
    });
  }

  show({ plan, context: { workload, cluster } }: Picture): void {
    const { profile, chains } = workload;
    const precisions = precisionsOf(profile, cluster).map((value) => ({ value, label: value }));
    const frozen = profile.components.filter(({ name }) => isFrozen(profile, name)).map(({ name }) => {
      const select = choice(name, true, `What ${name} runs in. Times in another precision than the profile's are estimates`, (value) => {
        const precision = frozenPrecisions.find((known) => known === value);
        if (precision) this.events.precision(name, precision);
      });
      select.show(precisions, plan.frozenPrecision?.[name] ?? precisions[0].value);
      return select.element;
    });
    const conditioned = chains.map(({ chain: { id, selfConditioning } }) => {
      const percent = Math.round((selfConditioning?.probability ?? 0) * 100);
      const field = element("input", { class: "choice percent", type: "number", min: 0, max: 100, step: 5, value: percent, title: "Share of the iterations that make a forward pass more, whose result is fed back" });
      field.addEventListener("change", () => {
        const probability = Number(field.value) / 100;
        if (probability >= 0 && probability <= 1) this.events.selfConditioning(id, probability);
        else field.value = String(percent);
      });
      return element("label", { class: "labelled" }, `${id}, self-conditioning`, field, "%");
    });
    const roles = profile.components.map(({ name }) => checkbox(`${name} trains`, !isFrozen(profile, name), (trains) => this.events.role(name, trains)));
    // What is being typed into is left alone.
    if (!this.body.contains(document.activeElement)) this.body.replaceChildren(...frozen, ...conditioned, element("p", { class: "hint" }, "Another role is another profile: layers are timed anew as far as they have not been."), ...roles);
  }
}
