/** What a user may choose about a model beyond its files. The choice is kept in the profile. */

export interface RoleChoice {
  readonly train?: readonly string[];
  readonly freeze?: readonly string[];
}

/** Low-rank adapters on a component: peft's settings of the same names. */
export interface LoraChoice {
  readonly rank: number;
  /** The adapters' output is scaled by alpha / rank; the rank where left out. */
  readonly alpha?: number;
  /** Names of modules, or the ends of their paths. */
  readonly targetModules: readonly string[];
}

/** How an ONNX graph becomes components and layers; what is left out is usual. */
export interface CutChoice {
  /** The least share of a component's work that a layer has, in (0, 1]. */
  readonly minShare?: number;
  /** Of a component, at most so many. */
  readonly maxLayers?: number;
  /** First parts of the names of nodes and parameters that are components of their own. */
  readonly components?: readonly string[];
}

export interface ModelChoice extends RoleChoice {
  /** By component, which then trains its adapters only. */
  readonly lora?: Readonly<Record<string, LoraChoice>>;
  /** The share of steps that first predict once without gradients and feed the prediction back. */
  readonly selfConditioning?: number;
  /** Of an ONNX file. */
  readonly cut?: CutChoice;
  /** Of a training script: what it leaves open, by the name of the command line argument or setting. */
  readonly answers?: Readonly<Record<string, string>>;
}
