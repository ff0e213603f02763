/** What the user chose of the lanes: part of the view's state, checked when it comes back. */
import { colourModes, type ColourMode } from "../src/timeline/layout/colours";
import { restoredFolds, type Folds } from "../src/timeline/layout/folds";
import { iterationChoices, type ShownIterations } from "../src/timeline/layout/iterations";

export interface LaneState {
  readonly folds: Folds;
  readonly colourBy: ColourMode;
  readonly iterations: ShownIterations;
}

export function restoredLanes(value: unknown): LaneState {
  const { folds, colourBy, iterations } = (typeof value === "object" && value !== null ? value : {}) as Readonly<Record<string, unknown>>;
  return {
    folds: restoredFolds(folds),
    colourBy: colourModes.find((mode) => mode === colourBy) ?? "operation",
    iterations: iterationChoices.find((count) => count === iterations) ?? 2,
  };
}
