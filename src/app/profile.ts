/** Use-case: a bound model to its profile, with every distinct layer's passes measured on this machine. */
import { availableParallelism } from "node:os";
import { dirname, join, relative, sep } from "node:path";
import { Cancelled, UserError } from "../model/errors";
import type { BoundModel } from "../model/model";
import type { FileRef, Profile } from "../model/profile";
import type { Files } from "../platform/files";
import type { ScriptCommand } from "../platform/nodeScript";
import type { Processes } from "../platform/process";
import { besideBusyCores } from "../profile/busyCores";
import { MeasurementCache } from "../profile/cache";
import { chooseProvider, type Choice } from "../profile/choose";
import { efficiencies, poorGraphs } from "../profile/efficiency";
import { distinctLayers, measureLayers, type Measured, type Progress } from "../profile/measureLayers";
import { MeasuringProcess } from "../profile/measuringProcess";
import { providers, type Precision, type Provider } from "../profile/messages";
import { measurementNotices } from "../profile/notices";
import { profileDocument } from "../profile/record";
import { referenceFlops, referenceSize } from "../profile/reference";

export type { Progress } from "../profile/measureLayers";

export interface ProfileServices {
  readonly files: Files;
  readonly processes: Processes;
  /** This user's folder for measurements; see `measurementFolder`. */
  readonly cacheFolder: string;
  /** How to start the measuring process (dist/measure.js) and the helper that keeps a core busy (dist/busy.js). */
  readonly measure: ScriptCommand;
  readonly busy: ScriptCommand;
  /** What people call the machine that measures. */
  readonly machine: string;
  /** A clock in ms. */
  now(): number;
}

export interface ProfileOptions {
  /** Batch sizes to measure. By default 1, 2, 4 … 64, each layer until memory or patience ends. */
  readonly batches?: readonly number[];
  /** By default the first that works of CUDA, DirectML, Core ML, WebGPU, CPU. */
  readonly provider?: Provider;
  /** By default float32, which is what the trainer runs. */
  readonly precision?: Precision;
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
  /** What measuring begins with, and what was passed over. */
  readonly onChoice?: (choice: Choice) => void;
  /** The measuring process started; its process id. */
  readonly onStart?: (pid: number) => void;
}

export const defaultBatches: readonly number[] = [1, 2, 4, 8, 16, 32, 64];
/** Enough for a stable median of layers of up to some 5 ms; slower ones get their least number of rounds whatever it is. */
const defaultBudgetMs = 60;
/** Beyond it times grow in proportion to the batch on any device. */
export const defaultPatienceMs = 70;
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

const precisions: Readonly<Record<string, Precision>> = { fp32: "float32", fp16: "float16" };

/** @throws UserError where layers are not measured in a precision of this name. */
export function measuredPrecision(name: string | undefined): Precision | undefined {
  if (name === undefined) return undefined;
  if (!Object.hasOwn(precisions, name)) throw new UserError(`Layers are not measured in the precision "${name}". Precisions: ${Object.keys(precisions).join(", ")}.`);
  return precisions[name];
}

/** Measuring was called off when there were times already: the rest is estimated. */
export class ProfilingStopped extends Cancelled {
  /** @param missing Distinct layers without one measured time. */
  constructor(
    readonly profile: Profile,
    readonly missing: number,
  ) {
    super(`Profiling was stopped; ${missing} distinct layers are not measured.`);
  }
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
 * @throws UserError when a forced provider does not work; Cancelled when the signal fired, ProfilingStopped where there are times by then:
 * what was measured stays in the cache.
 */
export async function profileModel(services: ProfileServices, bound: BoundModel, options: ProfileOptions = {}, hooks: ProfileHooks = {}): Promise<Profile> {
  const { signal, onProgress, onNotice = () => {} } = hooks;
  const batches = checkedBatches(options.batches ?? defaultBatches);
  const precision = options.precision ?? "float32";
  const choice = await chooseProvider(services.processes, services.measure, { forced: options.provider, precision, platform: process.platform, signal });
  const onCpu = choice.provider === "cpu";
  const threads = onCpu ? (options.threads ?? availableParallelism()) : 1;
  const busyCores = onCpu ? (options.busyCores ?? 0) : 0;
  for (const { provider, reason } of choice.passedOver) onNotice(`${provider} is not used: ${reason}`);
  onNotice(`Measuring with ${choice.provider} on ${choice.device.name} of ${services.machine}, ${precision}${onCpu ? `, ${threads} thread${threads === 1 ? "" : "s"}` : ""}${busyCores > 0 ? `, ${busyCores} other cores kept busy` : ""}.`);
  if (precision === "float16") onNotice("Plans from this profile are plans of training in float16, which the trainer does not run.");
  hooks.onChoice?.(choice);

  const cache = new MeasurementCache(services.files, services.cacheFolder);
  const measuring = new MeasuringProcess(services.processes, services.measure, hooks.onStart);
  const layers = distinctLayers(bound.components);
  const size = referenceSize(choice.provider, choice.device.software);
  const settings = {
    batches,
    patienceMs: options.patienceMs ?? (options.batches ? askedPatienceMs : defaultPatienceMs),
    budgetMs: options.budgetMs ?? defaultBudgetMs,
    seed: options.seed ?? 0,
    referenceSize: size,
    place: { provider: choice.provider, device: choice.device.name, precision, threads, busyCores, runtimeVersion: choice.runtimeVersion },
  };
  const productFlops = (referenceMs: readonly number[]) => referenceFlops(size, Math.min(...referenceMs));
  const documentOf = ({ outcomes, referenceMs }: Measured): Profile =>
    profileDocument(bound, outcomes, {
      runtimeVersion: `onnxruntime ${choice.runtimeVersion}`,
      device: {
        name: choice.device.name, provider: choice.provider, precision, memoryBytes: choice.device.memoryBytes,
        ...(onCpu && { threads }), ...(busyCores > 0 && { busyCores }),
        ...(referenceMs.length > 0 && { productTflops: productFlops(referenceMs) / 1e12 }),
      },
    });
  try {
    const measured = await besideBusyCores(services.processes, services.busy, busyCores, () => measureLayers(layers, measuring, cache, settings, { signal, onProgress, now: services.now }));
    const missing = layers.filter(({ key }) => ![...measured.outcomes.get(key)!.values()].some(({ forward }) => forward?.status === "ok")).length;
    if (!measured.complete) throw missing === layers.length ? new Cancelled() : new ProfilingStopped(documentOf(measured), missing);
    measurementNotices(layers, measured, choice.provider, services.cacheFolder).forEach(onNotice);
    if (measured.referenceMs.length > 0) poorGraphs(efficiencies(layers, measured.outcomes, productFlops(measured.referenceMs))).forEach(onNotice);
    return documentOf(measured);
  } finally {
    await measuring.close();
    await cache.prune();
  }
}

/** A reference as it is written into the document at `file`: relative, with forward slashes. */
export function relativeTo(file: string, reference: FileRef): FileRef {
  return { ...reference, path: relative(dirname(file), reference.path).split(sep).join("/") || "." };
}
