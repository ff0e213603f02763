/** What a slice is, for the eye: six kinds, each with a colour, a pattern and a letter, so that no kind depends on colour alone. */
import type { OperationName } from "../../model/program";
import type { TimelineOperation } from "../../model/timeline";

export type SliceKind = "forward" | "backward" | "fill" | "communication" | "optimizer" | "idle";

/** How a kind is told apart without its colour. */
export type Pattern = "plain" | "diagonal" | "dots" | "cross" | "lines" | "hatch";

export interface KindStyle {
  readonly title: string;
  readonly letter: string;
  readonly pattern: Pattern;
}

/** In the order of the legend. */
export const kindStyles: Readonly<Record<SliceKind, KindStyle>> = {
  forward: { title: "Forward", letter: "F", pattern: "plain" },
  backward: { title: "Backward", letter: "B", pattern: "plain" },
  fill: { title: "Fill (frozen work)", letter: "◇", pattern: "diagonal" },
  communication: { title: "Communication", letter: "⇄", pattern: "dots" },
  optimizer: { title: "Optimizer", letter: "Σ", pattern: "cross" },
  idle: { title: "Idle", letter: "", pattern: "hatch" },
};

export const sliceKinds = Object.keys(kindStyles) as readonly SliceKind[];

/** The gradient norm is a barrier: next to nothing to compute, and a device there waits for the slowest one. */
const kindByOperation: Readonly<Record<OperationName, SliceKind>> = {
  F: "forward", R: "forward", SELF_COND: "forward",
  B: "backward", I: "backward", W: "backward", OVERLAP_F_B: "backward",
  FILL: "fill",
  SEND: "communication", RECV: "communication", REDUCE: "communication", REDISTRIBUTE: "communication", UNSHARD: "communication",
  GRAD_NORM: "idle",
  OPTIM: "optimizer", EMA: "optimizer",
};

export function kindOf(op: OperationName): SliceKind {
  return kindByOperation[op];
}

const titles: Readonly<Record<OperationName, string>> = {
  F: "Forward", I: "Input gradient", W: "Weight gradient", B: "Backward", R: "Recompute", FILL: "Frozen work",
  SELF_COND: "Self-conditioning pass", SEND: "Send", RECV: "Receive", REDUCE: "All-reduce of gradients",
  REDISTRIBUTE: "Redistribute encodings", GRAD_NORM: "Gradient norm over all devices", OPTIM: "Optimizer step", EMA: "Moving average",
  OVERLAP_F_B: "Forward and backward, overlapped", UNSHARD: "Gather parameters",
};

/** The operation's name in words. */
export function operationTitle(op: OperationName): string {
  return titles[op];
}

/** "0–4" for the half-open [0, 5), "3" for [3, 4). */
export function rangeText(range: readonly [number, number]): string {
  return range[1] - range[0] <= 1 ? `${range[0]}` : `${range[0]}–${range[1] - 1}`;
}

/** Labels of an operation from the fullest to the shortest; the drawing takes the first that fits. */
export function labelsOf(operation: TimelineOperation, servesNext = false): readonly string[] {
  const { op, microbatch, component, layers, samples, peer } = operation;
  switch (op) {
    case "FILL": {
      const next = servesNext ? "next · " : "";
      const name = component ?? "frozen";
      const run = layers ? ` ${rangeText(layers)}` : "";
      const part = samples ? ` · samples ${rangeText(samples)}` : "";
      return [`${next}${name}${run}${part}`, `${next}${name}${run}`, `${next}${name}`, name, "◇"];
    }
    case "SEND": return [`send → ${peer ?? "?"}`, `→${peer ?? ""}`, "→"];
    case "RECV": return [`receive ← ${peer ?? "?"}`, `←${peer ?? ""}`, "←"];
    case "REDISTRIBUTE": return ["encodings", "enc", "⇄"];
    case "REDUCE": return ["all-reduce", "Σg"];
    case "UNSHARD": return ["gather", "U"];
    case "GRAD_NORM": return ["waits for grad norm", "grad norm", "‖g‖"];
    case "OPTIM": return ["optimizer", "opt", "Σ"];
    case "EMA": return ["EMA", "E"];
    case "SELF_COND": return microbatch === undefined ? ["SC"] : [`SC${microbatch}`, "SC"];
    case "OVERLAP_F_B": return microbatch === undefined ? ["FB"] : [`FB${microbatch}`, "FB"];
    case "F": case "I": case "W": case "B": case "R": return microbatch === undefined ? [op] : [`${op}${microbatch}`];
  }
}

/** Names an operation by what it is rather than by its place in the list, so that it is found again after a simulation. */
export function operationKey(operation: TimelineOperation): string {
  const { device, op, iteration, stage, microbatch, component, layers, samples, channel, peer, chain } = operation;
  return [device, op, iteration, stage, microbatch, component, layers?.join("-"), samples?.join("-"), channel, peer, chain].map((part) => part ?? "").join("|");
}

/** Index of the operation that `key` names, or -1. Keys are only made of those it can be: making them takes longer than looking. */
export function operationOfKey(operations: readonly TimelineOperation[], key: string): number {
  const [device, op, iteration] = key.split("|");
  return operations.findIndex((other) => other.op === op && other.device === Number(device) && other.iteration === Number(iteration) && operationKey(other) === key);
}
