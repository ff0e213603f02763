/** What the names in PyTorch's traces mean: the annotations of its pipeline schedules, its optimizers, its communication. */
import type { Channel, OperationName } from "../../model/program";

/** What a stretch of time was spent on, as far as its name says. */
export interface Meaning {
  readonly op: OperationName;
  /** Schedules with one stage a rank do not name it. */
  readonly stage?: number;
  readonly microbatch?: number;
  readonly channel?: Channel;
  /** Of frozen work. */
  readonly component?: string;
}

const typesOfActions: Readonly<Record<string, Pick<Meaning, "op" | "channel">>> = {
  F: { op: "F" }, I: { op: "I" }, W: { op: "W" }, B: { op: "B" },
  SEND_F: { op: "SEND", channel: "forward" }, RECV_F: { op: "RECV", channel: "forward" },
  SEND_B: { op: "SEND", channel: "backward" }, RECV_B: { op: "RECV", channel: "backward" },
  UNSHARD: { op: "UNSHARD" }, REDUCE_GRAD: { op: "REDUCE" },
};

/**
 * Of an annotation; undefined where the name says nothing that a timeline has a word for. "Forward 3" and "Backward 3" come from
 * schedules with one stage a rank, "PP:1F3" and "PP:(0F3;1B2)OVERLAP_F_B" from the runtime for several.
 * @param components Names that stand for frozen work.
 */
export function meaningOf(name: string, components: ReadonlySet<string> = new Set()): Meaning | undefined {
  const single = /^(Forward|Backward) (\d{1,6})$/.exec(name);
  if (single) return { op: single[1] === "Forward" ? "F" : "B", microbatch: Number(single[2]) };
  if (name.startsWith("PP:")) return actionOf(name.slice(3));
  if (/^Optimizer\.step#/.test(name)) return { op: "OPTIM" };
  return components.has(name) ? { op: "FILL", component: name } : undefined;
}

function actionOf(text: string): Meaning | undefined {
  const both = /^\((\d{1,6}[A-Z_]+\d{1,6})(?:;[^)]*)?\)OVERLAP_F_B$/.exec(text);
  if (both) {
    const first = actionOf(both[1]);
    return first && { op: "OVERLAP_F_B", stage: first.stage, microbatch: first.microbatch };
  }
  const action = /^(\d{1,6})([A-Z_]+)(\d{0,6})$/.exec(text);
  const type = action && Object.hasOwn(typesOfActions, action[2]) ? typesOfActions[action[2]] : undefined;
  return action && type ? { ...type, stage: Number(action[1]), ...(action[3] !== "" && { microbatch: Number(action[3]) }) } : undefined;
}

/** N of "ProfilerStep#N". */
export function stepOf(name: string): number | undefined {
  const step = /^ProfilerStep#(\d{1,12})$/.exec(name);
  return step ? Number(step[1]) : undefined;
}

/** Work of a library that moves data between ranks: operators of c10d, what its backends annotate, NCCL's kernels. */
export function isCommunication(name: string): boolean {
  return /^(c10d|gloo|nccl|mpi|ucc|xccl):|^nccl(Dev)?Kernel|^record_param_comms$/i.test(name);
}

/** Which way a communication goes, where its name says it. */
export function communicationOf(name: string): "SEND" | "RECV" | "REDUCE" | "UNSHARD" | undefined {
  if (!isCommunication(name)) return undefined;
  if (/recv/i.test(name) && !/send_?recv/i.test(name)) return "RECV";
  if (/send/i.test(name) && !/send_?recv/i.test(name)) return "SEND";
  if (/all_?reduce|reduce_?scatter/i.test(name)) return "REDUCE";
  return /all_?gather/i.test(name) ? "UNSHARD" : undefined;
}
