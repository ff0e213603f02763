/** What a run's folder says about it: a pure reading of what `observeRun` prints. */
import { keyValues } from "../targets/keyValues";
import type { Observation, Progress, RunState } from "../targets/target";

/** What was seen. Processes were counted before the exit code was looked for. */
export interface Seen {
  readonly gone: boolean;
  readonly processes: number;
  readonly exitCode?: number;
  readonly cancelled: boolean;
}

/**
 * The state, never better than the truth: "completed" only with exit code 0, "running" only with a process,
 * "lost" where neither a process nor an exit code is left. A run that completed before its cancel arrived is completed.
 */
export function deriveState(seen: Seen): RunState {
  if (seen.gone) return "gone";
  if (seen.exitCode === 0) return "completed";
  if (seen.processes > 0 && seen.exitCode === undefined) return "running";
  if (seen.cancelled) return "cancelled";
  return seen.exitCode === undefined ? "lost" : "failed";
}

export function hasEnded(state: RunState): boolean {
  return state !== "running";
}

function jsonObject(text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? (value as Readonly<Record<string, unknown>>) : {};
  } catch {
    return {};
  }
}

/** From the trainer's status file and the last line of its metrics, as far as they are understood: another version may have written them. */
export function readProgress(status: string, metrics: string): Progress | undefined {
  const said = jsonObject(status);
  const { loss } = jsonObject(metrics);
  const finite = (value: unknown) => (typeof value === "number" && Number.isFinite(value) ? value : undefined);
  const message = typeof said.message === "string" ? said.message.slice(0, 2000) : undefined;
  const progress: Progress = { step: finite(said.step), steps: finite(said.steps), loss: finite(loss), ...(message === undefined ? {} : { message }) };
  return Object.values(progress).some((entry) => entry !== undefined) ? progress : undefined;
}

/** A run that nobody cancelled from here fails when a process of it dies: the others are then ended, and can say no more than that. */
function explained(state: RunState, progress: Progress | undefined): Progress | undefined {
  return state === "failed" && progress && progress.message === undefined ? { ...progress, message: "One of its processes died or was ended from outside; the log may say why." } : progress;
}

export function readObservation(answer: Uint8Array): Observation {
  const bytes = Buffer.from(answer.buffer, answer.byteOffset, answer.byteLength);
  const end = bytes.indexOf("\n\n");
  const values = keyValues(bytes.subarray(0, end < 0 ? bytes.length : end).toString("utf8"));
  const number = (key: string) => (values.get(key) === undefined ? undefined : Number(values.get(key)));
  const exitCode = number("exit");
  const seen: Seen = { gone: values.get("gone") !== undefined, processes: number("processes") ?? 0, exitCode, cancelled: values.get("cancelled") !== undefined };
  const decoded = (key: string) => Buffer.from(values.get(key) ?? "", "base64").toString("utf8");
  const state = deriveState(seen);
  const progress = explained(state, readProgress(decoded("status"), decoded("metrics")));
  return {
    status: {
      state,
      processes: seen.processes,
      logBytes: number("logBytes") ?? 0,
      ...(exitCode === undefined ? {} : { exitCode }),
      ...(number("started") === undefined ? {} : { startedAt: number("started") }),
      ...(number("ended") === undefined ? {} : { endedAt: number("ended") }),
      ...(progress ? { progress } : {}),
    },
    log: end < 0 ? new Uint8Array() : bytes.subarray(end + 2),
  };
}
