/**
 * What a plan compiles into: per rank, the ordered operations of one iteration with communication included.
 * The trainer executes it and the simulator times it; neither makes a schedule of its own.
 * File form: `NAME.program.json`.
 */
import type { FileRef, Segment } from "./profile";
import type { Optimizer, Range, Stage, Training } from "./plan";

export type OperationName =
  | "F" | "I" | "W" | "B" | "R" | "FILL" | "SELF_COND"
  | "SEND" | "RECV" | "REDUCE" | "REDISTRIBUTE" | "GRAD_NORM" | "OPTIM" | "EMA"
  | "OVERLAP_F_B" | "UNSHARD";

/**
 * Messages of different channels never share a communicator, so that a pending receive of one cannot block another.
 * forward/backward: between neighbouring stages; selfConditioning: those of SELF_COND passes, and from the last stage to the first;
 * intermediate: frozen activations between fills; encoding: finished encodings.
 */
export const channels = ["forward", "backward", "selfConditioning", "intermediate", "encoding"] as const;

export type Channel = (typeof channels)[number];

/**
 * One operation of a rank. Operations of a rank start in list order.
 * - F, B: `chain`, `stage` (own), `microbatch`, `layers` (of the chain).
 * - FILL: `component`, `layers` (of the component), `samples` (of the global batch), `iteration`.
 * - SEND, RECV (channels forward, backward, intermediate) and REDISTRIBUTE (channel encoding, with `direction`):
 *   `peer`, `tag`, `tensors`, `bytes`; `samples` for intermediate and encoding. A send does not wait; a receive is posted
 *   as early as the runtime can and waited for at its place in the list. Both ends carry one `tag`, unique in
 *   (channel, source, destination, iteration); per (channel, source, destination) both lists have one order.
 * - REDUCE: all-reduce of the stage's gradients over `peers` (data parallelism). GRAD_NORM: barrier over all ranks.
 */
export interface Operation {
  readonly op: OperationName;
  /** Which iteration it serves, relative to the one it stands in: 0, or 1 for the frozen work of the next. */
  readonly iteration: 0 | 1;
  readonly chain?: string;
  readonly stage?: number;
  readonly microbatch?: number;
  readonly component?: string;
  readonly layers?: Range;
  readonly samples?: Range;
  readonly channel?: Channel;
  readonly direction?: "send" | "receive";
  readonly peer?: number;
  readonly peers?: readonly number[];
  readonly tag?: number;
  readonly tensors?: readonly string[];
  readonly bytes?: number;
}

export interface ProgramStage extends Stage {
  /** Tensor ids that arrive from the stage before, in the order they are sent (empty for the first). */
  readonly receives: readonly string[];
  /** Tensor ids that leave for the stage after, in order (empty for the last). */
  readonly sends: readonly string[];
  /** Of `receives`, those that a gradient flows back through. */
  readonly receivesGrad: readonly string[];
}

export interface RankProgram {
  readonly rank: number;
  /** Run once before the first iteration: the frozen work of iteration 0 (its operations have `iteration` 0). */
  readonly prologue: readonly Operation[];
  /** Every iteration. In the last one, operations with `iteration` 1 are left out on all ranks. */
  readonly operations: readonly Operation[];
}

export interface Program {
  readonly format: "diffusionpipe.program/1";
  readonly model: FileRef;
  readonly plan?: FileRef;
  readonly worldSize: number;
  readonly dataParallel: number;
  /** Samples of a micro-batch: global / dataParallel / microbatches. Replica r owns samples [r*g/dp, (r+1)*g/dp). */
  readonly batch: { readonly global: number; readonly microbatches: number };
  readonly optimizer: Optimizer;
  readonly training: Training;
  readonly components: readonly {
    readonly name: string;
    readonly class?: string;
    readonly role: "trained" | "frozen";
    readonly after: readonly string[];
    readonly layers: readonly string[];
  }[];
  readonly chains: readonly {
    readonly id: string;
    readonly segments: readonly Segment[];
    readonly stages: readonly ProgramStage[];
  }[];
  readonly ranks: readonly RankProgram[];
}
