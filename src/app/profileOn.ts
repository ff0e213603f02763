/** Use-case: a bound model to its profile, with every layer's F, I and W measured by the trainer's own PyTorch on a target. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, dirname, join, resolve } from "node:path";
import { clusterFormat } from "../formats/cluster";
import { decodeUtf8, maxDocumentBytes, parseDocument, readDocument, type Format } from "../formats/document";
import { profileFormat } from "../formats/profile";
import { devicesOf } from "../model/cluster";
import { UserError } from "../model/errors";
import type { BoundLayer, BoundModel } from "../model/model";
import type { LayerTime, Profile } from "../model/profile";
import type { Target } from "../model/target";
import type { Files } from "../platform/files";
import type { Progress } from "../profile/measureLayers";
import { recordTimes } from "../profile/record";
import { profileSkeleton } from "../profile/skeleton";
import { followRun } from "../remote/runs/follow";
import { configurationFiles } from "../remote/sync/select";
import { scanTree } from "../remote/sync/tree";
import { launchDocument } from "../remote/targets/document";
import { openTarget } from "../remote/targets/open";
import { targetLabel, type CallOptions, type LaunchDocument, type LaunchTarget, type RunStatus } from "../remote/targets/target";
import { profileResult, profilingWork } from "../remote/targets/work";
import { checkedBatches, type ProfileHooks } from "./profile";
import { readTarget, trainerPackage, type LaunchServices } from "./targetParts";

export interface ProfileOnOptions {
  /** Batch sizes to measure; 1, 2 and 4 by default. */
  readonly batches?: readonly number[];
  /** Other cores to keep busy meanwhile. By default, where ranks are pinned to cores, as many as the target's cluster has other devices. */
  readonly busyCores?: number;
  readonly pollMs?: number;
}

const defaultBatches = [1, 2, 4];
/** Of the log, in an error. */
const lastLines = 12;

/** What comes back may hold layers that could not be measured at all; `recordTimes` gives those an estimate. */
const measuredFormat: Format<Profile> = { ...profileFormat, check: undefined };

/** Everything that will be sent and run; the target is not asked. Only configurations of the model are sent: weights do not change times. */
export async function profilingDocument(services: LaunchServices, bound: BoundModel, targetPath: string, options: ProfileOnOptions = {}, call: CallOptions = {}): Promise<LaunchDocument> {
  const batches = checkedBatches(options.batches ?? defaultBatches);
  const { target, runId } = await readTarget(services, targetPath, `profile-${basename(bound.model.path)}`);
  const busyCores = options.busyCores ?? (target.pinCores ? (await devicesOfTarget(services, target, targetPath)) - 1 : 0);
  call.onStep?.("Reading model and trainer");
  const { trainer, requirements } = await trainerPackage(services, call.signal);
  const model = await scanTree(bound.model.path, configurationFiles, { signal: call.signal });
  const skeleton = profileSkeleton(bound, { precision: "fp32" });
  return launchDocument({
    runId, target, targetPath, trees: { trainer, model }, requirements, localPython: services.localPython,
    work: profilingWork(target, skeleton, batches, busyCores),
  });
}

async function devicesOfTarget(services: LaunchServices, target: Target, targetPath: string): Promise<number> {
  return devicesOf(await readDocument(clusterFormat, services.files, resolve(dirname(targetPath), target.cluster))).length;
}

/**
 * @param targetPath Absolute.
 * @returns A profile whose paths are those of `bound`; `relativeTo` makes them fit the file that it is written to.
 * @throws UserError where the target refuses, Error with the last lines of the log where measuring failed there,
 * Cancelled when the signal fired. However it ends, nothing goes on on the target.
 */
export async function profileOn(services: LaunchServices, bound: BoundModel, targetPath: string, options: ProfileOnOptions = {}, hooks: Omit<ProfileHooks, "onStart"> = {}): Promise<Profile> {
  const { signal, onNotice = () => {} } = hooks;
  const call = { signal, onStep: onNotice };
  const document = await profilingDocument(services, bound, targetPath, options, call);
  const target = openTarget(services.processes, document.place);
  try {
    await target.stage(document, call);
    await measureThere(target, document, options.pollMs, call, hooks.onProgress);
    const measured = await fetchProfile(services.files, target, document, call);
    const recorded = recordTimes(bound, timesByLayer(bound, measured, target.label), {
      runtimeVersion: measured.runtimeVersion ?? "torch",
      device: { ...measured.device, name: `${measured.device.name} of ${targetLabel(document)}` },
    });
    return withOptimizer(recorded, measured);
  } finally {
    await target.close();
  }
}

async function measureThere(target: LaunchTarget, document: LaunchDocument, pollMs: number | undefined, { signal, onStep }: CallOptions, onProgress?: (progress: Progress) => void): Promise<void> {
  const { runId } = document.place;
  const log: string[] = [];
  let status: RunStatus | undefined;
  try {
    await target.start(document, { signal, onStep });
    status = await followRun(target, runId, {
      fromByte: 0,
      pollMs,
      signal,
      onDisconnect: (why) => onStep?.(`${why} Trying again; the profiler goes on.`),
      onLines: (lines) => {
        for (const line of lines) {
          const progress = readProgressLine(line);
          if (progress) onProgress?.(progress);
          else log.splice(0, log.length, ...[...log, line].slice(-lastLines));
        }
      },
    });
  } finally {
    // Cancelled, or something failed here. A start whose answer was lost may have happened: the target knows no run otherwise, and says so.
    if (!status) await target.cancel(runId).catch(() => undefined);
  }
  if (status.state !== "completed") {
    throw new Error(`Profiling on ${target.label} ended as ${status.state}${status.exitCode === undefined ? "" : ` with exit code ${status.exitCode}`}. Its log is ${document.place.folder}/${runId}/log and ends with:\n${log.join("\n")}`);
  }
}

/** What the trainer's profiler says as it goes: "N/M what". */
export function readProgressLine(line: string): Progress | undefined {
  const found = /^(\d{1,9})\/(\d{1,9}) (.+)$/.exec(line);
  return found ? { done: Number(found[1]), total: Number(found[2]), what: found[3] } : undefined;
}

async function fetchProfile(files: Files, target: LaunchTarget, { place }: LaunchDocument, call: CallOptions): Promise<Profile> {
  const scratch = await mkdtemp(join(tmpdir(), "diffusionpipe-profile-"));
  try {
    const folder = join(scratch, "results");
    await target.fetch(place.runId, folder, call);
    const file = join(folder, profileResult);
    return parseDocument(measuredFormat, decodeUtf8(await files.read(file, maxDocumentBytes), file), `${target.label}: ${profileResult}`);
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

/** The optimizer's steps as measured; both documents have the same layers. */
function withOptimizer(profile: Profile, measured: Profile): Profile {
  const stepOf = (c: number, l: number) => {
    const { optimizerMs } = measured.components[c].layers[l];
    return optimizerMs === undefined ? {} : { optimizerMs };
  };
  return { ...profile, components: profile.components.map((component, c) => ({ ...component, layers: component.layers.map((layer, l) => ({ ...layer, ...stepOf(c, l) })) })) };
}

/** Only times are taken from what came back. @throws UserError where it has other layers than were asked for. */
export function timesByLayer(bound: BoundModel, measured: Profile, label: string): ReadonlyMap<BoundLayer, readonly LayerTime[]> {
  return new Map(bound.components.flatMap((component, c) => component.layers.map((layer, l) => {
    const found = measured.components[c]?.layers[l];
    if (found?.name !== layer.name) throw new UserError(`The profile that came back has no times for ${component.name} ${layer.name}.`, { file: `${label}: ${profileResult}`, field: `components[${c}].layers[${l}]` });
    return [layer, found.times] as const;
  })));
}
