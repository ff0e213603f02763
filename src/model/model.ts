/** A parsed model: what `src/parse` makes of a workspace folder, before any shape is known, and after shapes are bound. */
import type { ModelChoice } from "./choice";
import type { BackwardGraphs, LoweringOptions, OnnxGraph } from "./onnx";
import type { OperatorCost } from "./operatorCost";
import type { Bindings, Chain, FileRef, Tensor } from "./profile";

export type Role = "trained" | "frozen";

/** A layer as `inspect` prints it: exact counts, no shapes yet. */
export interface ModelLayer {
  readonly name: string;
  /** What sort of layer it is, e.g. "resnet_block_2d"; layers of one kind share a description. */
  readonly kind: string;
  /** Module paths inside the component whose parameters this layer holds, in order of execution. */
  readonly modules: readonly string[];
  readonly parameters: number;
  /** Those of `parameters` that get gradients where the layer needs a weight gradient; all of them where left out. */
  readonly trainableParameters?: number;
  readonly needsInputGrad: boolean;
  readonly needsWeightGrad: boolean;
}

export interface ModelComponent {
  readonly name: string;
  readonly class: string;
  readonly role: Role;
  readonly parameters: number;
  readonly after: readonly string[];
  readonly layers: readonly ModelLayer[];
}

export interface Model {
  /** Absolute path of the folder. */
  readonly path: string;
  readonly sha256: string;
  readonly class: string;
  readonly components: readonly ModelComponent[];
  readonly chains: readonly Chain[];
  /** What the configuration suggests: its sample size in pixels and its text length. */
  readonly defaultBindings: Bindings;
  readonly predictionType: "epsilon" | "v_prediction" | "sample" | "flow_prediction";
  /** @throws UserError when the bindings do not fit the model (not a multiple of its down-sampling, too long a text). */
  bind(bindings: Bindings): BoundModel;
}

export interface BoundLayer extends ModelLayer {
  readonly signature: string;
  readonly flopsPerSample: number;
  /** FLOPs of I and W, 0 where the layer's flags say there is no such work; the ratio to `flopsPerSample` is the estimate of their times. */
  readonly inputGradFlopsPerSample: number;
  readonly weightGradFlopsPerSample: number;
  /** Bytes read and written by a forward pass without cache reuse across operators: activations per sample. */
  readonly trafficBytesPerSample: number;
  /** Disjoint: an activation that both I and W need is in `untilWeightGrad`. */
  readonly savedBytesPerSample: { readonly untilInputGrad: number; readonly untilWeightGrad: number };
  readonly cutBytesPerSample: { readonly forward: number; readonly backward: number };
  /** Where the layer is described by operators: what each of them costs. */
  readonly operators?: readonly OperatorCost[];
  /** The forward graph at a batch size, float32. @throws UserError where the layer has none (traced, and not exported). */
  graph(batch: number, options?: LoweringOptions): OnnxGraph;
  /** The graphs of its gradients. Left out where the layer is not described by operators: nodes of a file are not differentiated. @throws UserError naming an operator that has no gradient. */
  backward?(batch: number): BackwardGraphs;
}

export interface BoundModel {
  readonly model: FileRef;
  /** What was chosen about it, where anything was. */
  readonly choice?: ModelChoice;
  readonly bindings: Bindings;
  readonly components: readonly (Omit<ModelComponent, "layers"> & { readonly layers: readonly BoundLayer[] })[];
  readonly chains: readonly Chain[];
  readonly tensors: readonly Tensor[];
}
