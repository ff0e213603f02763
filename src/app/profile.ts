/** Use-case: a bound model to its profile, with every distinct layer's forward pass measured on this machine. */
import { availableParallelism } from "node:os";
import { dirname, join, relative, sep } from "node:path";
import { UserError } from "../model/errors";
import type { BoundModel } from "../model/model";
import type { FileRef, Profile } from "../model/profile";
import type { Files } from "../platform/files";
import type { ScriptCommand } from "../platform/nodeScript";
import type { Processes } from "../platform/process";
import { besideBusyCores } from "../profile/busyCores";
import { MeasurementCache } from "../profile/cache";
import { chooseProvider } from "../profile/choose";
import { distinctLayers, measureLayers, type Progress } from "../profile/measureLayers";
import { MeasuringProcess } from "../profile/measuringProcess";
import { providers, type Provider } from "../profile/messages";
import { measurementNotices } from "../profile/notices";
import { profileDocument } from "../profile/record";

export type { Progress } from "../profile/measureLayers";

export interface ProfileServices {
  readonly files: Files;
  readonly processes: Processes;
  /** This user's folder for measurements; see `measurementFolder`. */
  readonly cacheFolder: string;
  /** How to start the measuring process (dist/measure.js) and the helper that keeps a core busy (dist/busy.js). */
  readonly measure: ScriptCommand;
  readonly busy: ScriptCommand;
  /** A clock in ms. */
  now(): number;
}

export interface ProfileOptions {
  /** Batch sizes to measure. By default 1, 2, 4 … 64, each layer until memory or patience ends. */
  readonly batches?: readonly number[];
  /** By default the first that works of CUDA, DirectML, Core ML, WebGPU, CPU. */
  readonly provider?: Provider;
  /** Threads per operator on the CPU. By default one for each core. */
  readonly threads?: number;
  /** Other cores to keep busy while measuring on the CPU. */
  readonly busyCores?: number;
  /** A layer that would take longer than this for a pass at the next batch size is not measured there. By default longer for batch sizes that were asked for. */
  readonly patienceMs?: number;
  /** How long to repeat one layer at one batch size. */
  readonly budgetMs?: number;
  readonly seed?: number;
}

export interface ProfileHooks {
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: Progress) => void;
  /** What a person should know: the device chosen, providers passed over, layers that failed. */
  readonly onNotice?: (text: string) => void;
  /** The measuring process started; its process id. */
  readonly onStart?: (pid: number) => void;
}

const defaultBatches = [1, 2, 4, 8, 16, 32, 64];
/** Enough for a stable median of layers of up to some 10 ms; slower ones get their least number of rounds whatever it is. */
const defaultBudgetMs = 150;
export const defaultPatienceMs = 2_000;
/** Batch sizes that were asked for are given more time. */
export const askedPatienceMs = 60_000;
const mostBatch = 4096;

export function measurementFolder(userCache: string): string {
  return join(userCache, "profile");
}

/** @throws UserError where there is no provider of this name. */
export function providerNamed(name: string | undefined): Provider | undefined {
  if (name === undefined) return undefined;
  const found = providers.find((provider) => provider === name);
  if (!found) throw new UserError(`There is no provider "${name}". Providers: ${providers.join(", ")}.`);
  return found;
}

/** Ascending, each once. @throws UserError for sizes that cannot be measured. */
export function checkedBatches(batches: readonly number[]): number[] {
  const sorted = [...new Set(batches)].sort((a, b) => a - b);
  const wrong = sorted.find((batch) => !Number.isInteger(batch) || batch < 1 || batch > mostBatch);
  if (wrong !== undefined || sorted.length === 0) throw new UserError(`Batch sizes are whole numbers from 1 to ${mostBatch}, found ${wrong ?? "none"}.`);
  return sorted;
}

/**
 * @returns A profile whose paths are those of `bound`; `relativeTo` makes them fit the file that it is written to.
 * @throws UserError when a forced provider does not work; Cancelled when the signal fired: what was measured stays in the cache.
 */
export async function profileModel(services: ProfileServices, bound: BoundModel, options: ProfileOptions = {}, hooks: ProfileHooks = {}): Promise<Profile> {
  const { signal, onProgress, onNotice = () => {} } = hooks;
  const batches = checkedBatches(options.batches ?? defaultBatches);
  const choice = await chooseProvider(services.processes, services.measure, { forced: options.provider, platform: process.platform, signal });
  const onCpu = choice.provider === "cpu";
  const threads = onCpu ? (options.threads ?? availableParallelism()) : 1;
  const busyCores = onCpu ? (options.busyCores ?? 0) : 0;
  for (const { provider, reason } of choice.passedOver) onNotice(`${provider} is not used: ${reason}`);
  onNotice(`Measuring with ${choice.provider} on ${choice.device.name}, float32${onCpu ? `, ${threads} thread${threads === 1 ? "" : "s"}` : ""}${busyCores > 0 ? `, ${busyCores} other cores kept busy` : ""}.`);

  const cache = new MeasurementCache(services.files, services.cacheFolder);
  const measuring = new MeasuringProcess(services.processes, services.measure, hooks.onStart);
  const layers = distinctLayers(bound.components);
  const settings = {
    batches,
    patienceMs: options.patienceMs ?? (options.batches ? askedPatienceMs : defaultPatienceMs),
    budgetMs: options.budgetMs ?? defaultBudgetMs,
    seed: options.seed ?? 0,
    place: { provider: choice.provider, device: choice.device.name, precision: "float32", threads, busyCores, runtimeVersion: choice.runtimeVersion },
  };
  try {
    const outcomes = await besideBusyCores(services.processes, services.busy, busyCores, () => measureLayers(layers, measuring, cache, settings, { signal, onProgress, now: services.now }));
    measurementNotices(layers, outcomes, choice.provider, services.cacheFolder).forEach(onNotice);
    return profileDocument(bound, outcomes, {
      runtimeVersion: `onnxruntime ${choice.runtimeVersion}`,
      device: { name: choice.device.name, provider: choice.provider, precision: "float32", memoryBytes: choice.device.memoryBytes, ...(onCpu && { threads }), ...(busyCores > 0 && { busyCores }) },
    });
  } finally {
    await measuring.close();
    await cache.prune();
  }
}

/** A reference as it is written into the document at `file`: relative, with forward slashes. */
export function relativeTo(file: string, reference: FileRef): FileRef {
  return { ...reference, path: relative(dirname(file), reference.path).split(sep).join("/") || "." };
}
