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

/** The trainer's status file, as far as it is understood. It may be anything: another version may have written it. */
export function readProgress(text: string): Progress | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof value !== "object" || value === null) return undefined;
  const fields = value as Readonly<Record<string, unknown>>;
  const finite = (key: string) => (typeof fields[key] === "number" && Number.isFinite(fields[key]) ? fields[key] : undefined);
  const progress = { step: finite("step"), steps: finite("steps"), loss: finite("loss") };
  return Object.values(progress).some((entry) => entry !== undefined) ? progress : undefined;
}

export function readObservation(answer: Uint8Array): Observation {
  const bytes = Buffer.from(answer.buffer, answer.byteOffset, answer.byteLength);
  const end = bytes.indexOf("\n\n");
  const values = keyValues(bytes.subarray(0, end < 0 ? bytes.length : end).toString("utf8"));
  const number = (key: string) => (values.get(key) === undefined ? undefined : Number(values.get(key)));
  const exitCode = number("exit");
  const seen: Seen = { gone: values.get("gone") !== undefined, processes: number("processes") ?? 0, exitCode, cancelled: values.get("cancelled") !== undefined };
  const progress = readProgress(Buffer.from(values.get("status") ?? "", "base64").toString("utf8"));
  return {
    status: {
      state: deriveState(seen),
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
