/** Use-cases on runs that were launched from here: list, observe, follow, cancel, fetch. Every one of them works after a restart. */
import { join } from "node:path";
import { maxDocumentBytes } from "../formats/document";
import { UserError } from "../model/errors";
import type { Files } from "../platform/files";
import type { Processes } from "../platform/process";
import { followRun, type FollowOptions } from "../remote/runs/follow";
import { runStore, type RunRecord } from "../remote/runs/record";
import { openTarget } from "../remote/targets/open";
import type { CallOptions, LaunchTarget, Progress, RunStatus } from "../remote/targets/target";

export interface RunServices {
  readonly files: Files;
  readonly processes: Processes;
  /** Folder of the records, one for the user: both the editor and the command line see the same runs. */
  readonly runsFolder: string;
}

/** In a run's record, written before the run starts; and in its fetched results. */
export const predictionFile = "predicted.timeline.json";

export interface RunEntry {
  readonly record: RunRecord;
  /** Absent where the target could not be asked; `problem` then says why. */
  readonly status?: RunStatus;
  readonly problem?: string;
}

async function withTarget<T>(services: RunServices, id: string, use: (target: LaunchTarget, record: RunRecord) => Promise<T>): Promise<T> {
  const record = await runStore(services.files, services.runsFolder).read(id);
  const target = openTarget(services.processes, record.place);
  try {
    return await use(target, record);
  } finally {
    await target.close();
  }
}

async function saveState(services: RunServices, record: RunRecord, status: RunStatus): Promise<void> {
  if (record.lastState !== status.state) await runStore(services.files, services.runsFolder).save({ ...record, lastState: status.state });
}

/** The recorded runs, newest first, as last seen; nothing is asked. */
export function recordedRuns(services: RunServices): Promise<readonly RunRecord[]> {
  return runStore(services.files, services.runsFolder).list();
}

/** The recorded runs, newest first, each target asked about those that have not ended. */
export async function listRuns(services: RunServices, options: CallOptions = {}): Promise<readonly RunEntry[]> {
  return Promise.all((await recordedRuns(services)).map(async (record): Promise<RunEntry> => {
    if (record.lastState !== "running" && record.lastState !== "launching") return { record };
    try {
      return { record, status: await runStatus(services, record.id, options) };
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      return { record, problem: error.message };
    }
  }));
}

export async function runStatus(services: RunServices, id: string, options: CallOptions = {}): Promise<RunStatus> {
  return withTarget(services, id, async (target, record) => {
    const { status } = await target.observe(id, 0, 0, options);
    await saveState(services, record, status);
    return status;
  });
}

export interface FollowRequest {
  /** "start": the whole log. "shown": from where the last follower of this run ended. */
  readonly from: "start" | "shown";
  readonly onLine?: (line: string) => void;
  readonly onProgress?: (progress: Progress) => void;
  readonly onDisconnect?: (why: string) => void;
  readonly pollMs?: number;
  readonly signal?: AbortSignal;
}

/** Until the run has ended. How far the log was shown is kept after the lines were handed over, so that "shown" never repeats or skips one. */
export async function follow(services: RunServices, id: string, request: FollowRequest): Promise<RunStatus> {
  const store = runStore(services.files, services.runsFolder);
  return withTarget(services, id, async (target, record) => {
    const already = await store.shownBytes(id);
    let lastStep: number | undefined;
    const options: FollowOptions = {
      fromByte: request.from === "shown" ? already : 0,
      onLines: async (lines, nextByte) => {
        for (const line of lines) request.onLine?.(line);
        if (nextByte > already) await store.saveShownBytes(id, nextByte);
      },
      onStatus: ({ progress }) => {
        if (progress && progress.step !== lastStep) request.onProgress?.(progress);
        lastStep = progress?.step;
      },
      onDisconnect: request.onDisconnect,
      pollMs: request.pollMs,
      signal: request.signal,
    };
    const status = await followRun(target, id, options);
    await saveState(services, record, status);
    return status;
  });
}

/** The log as it is now, to `write`, in pieces. */
export async function printLog(services: RunServices, id: string, write: (bytes: Uint8Array) => void, options: CallOptions = {}): Promise<void> {
  await withTarget(services, id, async (target) => {
    const pieceBytes = 4 * 1024 * 1024;
    let at = 0;
    for (;;) {
      const { log } = await target.observe(id, at, pieceBytes, options);
      write(log);
      at += log.length;
      if (log.length < pieceBytes) return;
    }
  });
}

/** Resolves when all processes of the run are gone. */
export async function cancelRun(services: RunServices, id: string, options: CallOptions = {}): Promise<RunStatus> {
  return withTarget(services, id, async (target, record) => {
    await target.cancel(id, options);
    const { status } = await target.observe(id, 0, 0, options);
    await saveState(services, record, status);
    return status;
  });
}

/**
 * Brings the results (output folder, metrics, measured timeline, log) and the prediction that was made before the start into `into`.
 * @throws UserError where `into` exists or the run has left nothing.
 */
export async function fetchRun(services: RunServices, id: string, into: string, options: CallOptions = {}): Promise<{ readonly files: number; readonly bytes: number }> {
  const predicted = join(runStore(services.files, services.runsFolder).folderOf(id), predictionFile);
  return withTarget(services, id, async (target) =>
    target.fetch(id, into, { ...options, extra: { [predictionFile]: await services.files.read(predicted, maxDocumentBytes) } }));
}

/** Goes on with a run that was cancelled, failed or was lost. @throws UserError where it still runs, is complete or left no checkpoint. */
export async function resumeRun(services: RunServices, id: string, options: CallOptions = {}): Promise<RunRecord> {
  return withTarget(services, id, async (target, record) => {
    const resumed: RunRecord = { ...record, started: await target.resume(id, options), lastState: "running" };
    await runStore(services.files, services.runsFolder).save(resumed);
    return resumed;
  });
}
