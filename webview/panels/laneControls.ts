/** What the toolbar offers of the lanes: their colours, how many iterations, which sub-lanes, replicas in one. */
import { replicaGroups } from "../../src/plan/replicas";
import { unlikeDevices } from "../../src/timeline/layout/alike";
import { colouringOf, type ColourMode } from "../../src/timeline/layout/colours";
import { arrange, foldsReplicas, withReplicas, withSubLane } from "../../src/timeline/layout/folds";
import { iterationChoices, type ShownIterations } from "../../src/timeline/layout/iterations";
import type { LaneOptions } from "../canvas/timelineView";
import { element } from "../dom";
import type { LaneState } from "../laneState";
import type { Picture } from "../session";
import { checkbox, choice } from "../ui";

const modeTitles: Readonly<Record<ColourMode, string>> = { operation: "Operation", microbatch: "Micro-batch", component: "Component" };

export class LaneControls {
  private readonly toggles = element("span", { class: "lane-toggles" });
  private readonly colours = choice("Colour by", true, "What slices are told apart by", (value) => this.change({ colourBy: value as ColourMode }));
  private readonly count = choice("Iterations", true, "How many iterations stand side by side", (value) => this.change({ iterations: Number(value) as ShownIterations }));
  readonly element = element("span", { class: "lane-controls" }, this.colours.element, this.count.element, this.toggles);

  /** @param changed Is told the whole choice after each change. */
  constructor(private readonly current: () => LaneState, private readonly changed: (lanes: LaneState) => void) {}

  /** Shows what is chosen, and says what it comes to for a picture whose `layouts` are seen. */
  show(picture: Picture, layouts: Picture["layouts"]): LaneOptions {
    const { folds, colourBy, iterations } = this.current();
    const { context, plan, predicted } = picture;
    const groups = replicaGroups(plan);
    const limits = context.devices.slice(0, predicted.devices.length).map(({ kind }) => kind.memoryBytes - (context.cluster.reservedBytes ?? 0));
    this.colours.show(Object.entries(modeTitles).map(([value, label]) => ({ value, label })), colourBy);
    this.count.show(iterationChoices.map((value) => ({ value: `${value}`, label: `${value}` })), `${iterations}`);
    this.showToggles([
      ["Communication", folds.communication, (isShown) => this.change({ folds: withSubLane(this.current().folds, "communication", isShown) })],
      ["Memory", folds.memory, (isShown) => this.change({ folds: withSubLane(this.current().folds, "memory", isShown) })],
      ...(groups.length ? [["Fold replicas", foldsReplicas(folds, limits.length), (isFolded: boolean) => this.change({ folds: withReplicas(this.current().folds, isFolded) })] as const] : []),
    ]);
    return {
      arrangement: arrange(folds, groups, limits, (group) => unlikeDevices(predicted, group)),
      colouring: colouringOf(colourBy, layouts, context.workload.profile),
    };
  }

  /** Those that were toggled by hand show it already, and keep the focus. */
  private showToggles(toggles: readonly (readonly [label: string, isChecked: boolean, onChange: (isChecked: boolean) => void])[]): void {
    const there = [...this.toggles.children] as (Element & { readonly checked: boolean })[];
    if (there.length === toggles.length && toggles.every(([label, isChecked], i) => there[i].textContent === label && there[i].checked === isChecked)) return;
    this.toggles.replaceChildren(...toggles.map(([label, isChecked, onChange]) => checkbox(label, isChecked, onChange)));
  }

  private change(change: Partial<LaneState>): void {
    this.changed({ ...this.current(), ...change });
  }
}
