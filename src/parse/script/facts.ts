/** What a training script says of its models and of how it trains them, each fact with its line. */

export interface Fact<T> {
  readonly value: T;
  /** From 1. */
  readonly line: number;
}

/** Where a component's configuration comes from. */
export type Origin =
  /** `from_pretrained`: a folder, or an id of the Hugging Face Hub. `id` is undefined while the script leaves it open. */
  | { readonly kind: "pretrained"; readonly id?: string; readonly subfolder?: string; readonly revision?: string }
  /** `from_single_file`. */
  | { readonly kind: "singleFile"; readonly path?: string }
  /** Settings in the code; those that are not known are left out. */
  | { readonly kind: "settings"; readonly settings: Readonly<Record<string, unknown>> }
  /** Made from another component: the same configuration, or a ControlNet's from its UNet. */
  | { readonly kind: "copy"; readonly of: string }
  | { readonly kind: "controlNetOf"; readonly of: string; readonly settings: Readonly<Record<string, unknown>> }
  /** A class of the script's own. */
  | { readonly kind: "own" };

export interface LoraFact {
  readonly rank?: number;
  readonly alpha?: number;
  readonly targetModules: readonly string[];
  readonly line: number;
}

export interface ScriptComponent {
  /** As a pipeline calls it: "unet", "text_encoder_2". */
  readonly name: string;
  /** Where the script says it; a function that looks it up in a configuration does not. */
  readonly class?: string;
  readonly origin: Origin;
  readonly line: number;
  /** Where `requires_grad_(False)` was last called on the whole of it; `.eval()` does not freeze. */
  readonly frozen?: { readonly line: number };
  /** Where an optimizer was given its parameters. */
  readonly trained?: { readonly line: number; /** Only some of them get gradients, counted whole. */ readonly partly: boolean };
  readonly lora?: LoraFact;
}

export interface OpenQuestion {
  /** What the answer is kept under: the name of a command line argument, or a component's setting such as "unet.block_out_channels". */
  readonly what: string;
  readonly kind: "model" | "setting" | "precision";
  readonly line: number;
  /** What the script's own text suggests. */
  readonly suggestion?: string;
  /** The model cannot be built without an answer. */
  readonly needed: boolean;
}

export interface ScriptFacts {
  readonly components: readonly ScriptComponent[];
  /** Pipelines loaded whole; components taken out of one are in `components`. */
  readonly pipelines: readonly { readonly class: string; readonly origin: Origin; readonly line: number; /** Components that the script takes out of it. */ readonly taken: readonly string[] }[];
  readonly optimizers: readonly { readonly class: string; readonly components: readonly string[]; readonly learningRate?: number; readonly line: number }[];
  /** Pixels. */
  readonly resolution?: Fact<{ readonly height: number; readonly width: number }>;
  /** Samples of a device's step. */
  readonly batchSize?: Fact<number>;
  readonly gradientAccumulation?: Fact<number>;
  readonly precision?: Fact<"fp32" | "fp16" | "bf16" | "fp8">;
  readonly predictionType?: Fact<string>;
  readonly ema?: { readonly line: number };
  readonly open: readonly OpenQuestion[];
  readonly notes: readonly { readonly message: string; readonly line: number }[];
}
