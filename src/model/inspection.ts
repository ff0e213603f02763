/** What `inspect` finds: a model with its figures at one size. Printed by `inspect --json`, shown by the model view. */
import type { BoundLayer, Model, ModelComponent } from "./model";
import type { Bindings, Chain, Tensor } from "./profile";

export type InspectedLayer = Omit<BoundLayer, "graph" | "backward" | "operators">;

export interface InspectedComponent extends Omit<ModelComponent, "layers"> {
  readonly layers: readonly InspectedLayer[];
}

export interface Inspection {
  readonly model: { readonly path: string; readonly sha256: string; readonly class: string };
  readonly components: readonly InspectedComponent[];
  readonly chains: readonly Chain[];
  readonly predictionType: Model["predictionType"];
  /** The size that all figures are given at. */
  readonly bindings: Bindings;
  readonly tensors: readonly Tensor[];
}
