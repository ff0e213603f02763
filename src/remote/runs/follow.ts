/** Follows a run by byte offset: whatever happens to the connection, every line of the log is delivered once and in order. */
import { setTimeout as sleep } from "node:timers/promises";
import { Cancelled } from "../../model/errors";
import { ConnectionLost } from "../targets/shell";
import type { LaunchTarget, Observation, RunStatus } from "../targets/target";
import { hasEnded } from "./state";

const maxLogBytes = 1024 * 1024;
const longestWaitMs = 30_000;

export interface FollowOptions {
  /** Where the lines that were not delivered yet begin. */
  readonly fromByte: number;
  /** `nextByte`: the offset to continue from once these lines are delivered. Awaited before anything else is read. */
  readonly onLines?: (lines: readonly string[], nextByte: number) => void | Promise<void>;
  readonly onStatus?: (status: RunStatus) => void | Promise<void>;
  /** A sentence when the connection is lost; nothing has to be done, it is tried again. */
  readonly onDisconnect?: (why: string) => void;
  readonly pollMs?: number;
  readonly signal?: AbortSignal;
}

/**
 * The whole lines at the beginning of `log`, and how many bytes they take.
 * What follows the last line break is a line only where nothing can be added to it any more (`final`) or where it fills the reading window.
 */
export function takeLines(log: Uint8Array, final: boolean): { readonly lines: readonly string[]; readonly bytes: number } {
  const buffer = Buffer.from(log.buffer, log.byteOffset, log.byteLength);
  const end = buffer.lastIndexOf(0x0a) + 1;
  const bytes = final || end === 0 && buffer.length === maxLogBytes ? buffer.length : end;
  if (bytes === 0) return { lines: [], bytes: 0 };
  const text = buffer.subarray(0, bytes).toString("utf8");
  return { lines: (text.endsWith("\n") ? text.slice(0, -1) : text).split("\n"), bytes };
}

/**
 * Resolves with the last status when the run has ended and its log is delivered.
 * @throws UserError when the target refuses or cannot be reached at first, Cancelled when `signal` fired. The run goes on in both cases.
 */
export async function followRun(target: LaunchTarget, runId: string, options: FollowOptions): Promise<RunStatus> {
  const pollMs = options.pollMs ?? 1000;
  let nextByte = options.fromByte;
  let connected = false;
  let failures = 0;
  for (;;) {
    if (options.signal?.aborted) throw new Cancelled();
    let seen: Observation;
    try {
      seen = await target.observe(runId, nextByte, maxLogBytes, { signal: options.signal });
      connected = true;
      failures = 0;
    } catch (error) {
      if (!connected || !(error instanceof ConnectionLost)) throw error;
      options.onDisconnect?.(error.message);
      await pause(Math.min(pollMs * 2 ** failures++, longestWaitMs), options.signal);
      continue;
    }
    const ended = hasEnded(seen.status.state);
    const whole = seen.log.length < maxLogBytes;
    const { lines, bytes } = takeLines(seen.log, ended && whole);
    if (lines.length) {
      nextByte += bytes;
      await options.onLines?.(lines, nextByte);
    }
    await options.onStatus?.(seen.status);
    if (ended && whole) return seen.status;
    if (whole) await pause(pollMs, options.signal);
  }
}

async function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  try {
    await sleep(ms, undefined, { signal });
  } catch {
    throw new Cancelled();
  }
}
