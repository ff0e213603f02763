/** Measures each pass of each distinct layer at each batch size: from the cache where it can, in the measuring process where it must. */
import { Cancelled } from "../model/errors";
import type { BoundLayer } from "../model/model";
import type { OnnxGraph } from "../model/onnx";
import { graphDigest } from "../graph/digest";
import type { MeasurementCache, MeasurementKey } from "./cache";
import type { Failure } from "./failure";
import type { MeasuringProcess } from "./measuringProcess";
import type { Measurement } from "./messages";
import { passesOf, passFlops, passGraph, passNames, workKey, type Pass } from "./passes";
import { referenceGraph } from "./reference";
import { shuffled } from "./statistics";

export interface MeasureSettings {
  /** Ascending. */
  readonly batches: readonly number[];
  /** A layer of which a pass would take longer than this at the next batch size is not measured there. */
  readonly patienceMs: number;
  readonly budgetMs: number;
  /** Of the order of layers and passes. */
  readonly seed: number;
  /** Rows and columns of the reference product. */
  readonly referenceSize: number;
  /** Where and how: the same for all layers. */
  readonly place: Omit<MeasurementKey, "graph" | "batch" | "budgetMs">;
}

export interface Progress {
  readonly done: number;
  readonly total: number;
  /** What is measured now, e.g. "unet down.0.resnet.1 F, batch 4". */
  readonly what: string;
  /** An estimate from the work done so far; undefined before there is any. */
  readonly remainingMs?: number;
}

export type Outcome = ({ readonly status: "ok" } & Measurement) | Failure;
export type PassOutcomes = Partial<Record<Pass, Outcome>>;

/** By `workKey`, then by batch. */
export type Outcomes = ReadonlyMap<string, ReadonlyMap<number, PassOutcomes>>;

export interface Measured {
  readonly outcomes: Outcomes;
  /** False where measuring was called off: what was not measured is missing. */
  readonly complete: boolean;
  /** Times that were taken now, and that were in the cache. */
  readonly counts: { readonly measured: number; readonly cached: number };
  /** Times of the reference product, in order; the first may be from the cache. Empty where it failed. */
  readonly referenceMs: readonly number[];
}

export interface Distinct {
  readonly key: string;
  /** The first layer with this work, for people. */
  readonly label: string;
  readonly layer: BoundLayer;
}

export function distinctLayers(components: readonly { readonly name: string; readonly layers: readonly BoundLayer[] }[]): readonly Distinct[] {
  const found = new Map<string, Distinct>();
  for (const component of components) {
    for (const layer of component.layers) {
      const key = workKey(layer);
      if (!found.has(key)) found.set(key, { key, label: `${component.name} ${layer.name}`, layer });
    }
  }
  return [...found.values()];
}

/** The reference product is timed again after so many measurements. */
const referenceEvery = 20;

/** A stuck driver must not hold up the rest: the longest that one measurement may take. */
function timeoutMs(settings: MeasureSettings): number {
  return Math.min(30 * 60_000, 60_000 + 30 * settings.patienceMs + 4 * settings.budgetMs);
}

/** Expected cost of measuring, in arbitrary units: a start plus the pass's work. */
function weight(flopsPerSample: number, batch: number): number {
  return 1 + (flopsPerSample * batch) / 1e9;
}

interface Hooks {
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: Progress) => void;
  /** A clock in ms. */
  now(): number;
}

/**
 * Batch sizes ascend; within one layers and passes are shuffled. After a layer ran out of memory or patience its larger batches are
 * left out. Where `signal` fires, what was measured until then is returned, and is in the cache.
 */
export async function measureLayers(layers: readonly Distinct[], process: Pick<MeasuringProcess, "request">, cache: MeasurementCache, settings: MeasureSettings, hooks: Hooks): Promise<Measured> {
  const { signal, onProgress = () => {}, now } = hooks;
  const outcomes = new Map(layers.map(({ key }) => [key, new Map<number, PassOutcomes>()]));
  const steps = layers.flatMap((distinct) => passesOf(distinct.layer).map((pass) => ({ ...distinct, pass, flops: passFlops(distinct.layer, pass) })));
  const tasks = settings.batches.flatMap((batch, index) => shuffled(steps, settings.seed + index).map((step) => ({ ...step, batch })));
  let remaining = tasks.reduce((sum, { flops, batch }) => sum + weight(flops, batch), 0);
  const spent = { ms: 0, weight: 0 };
  const counts = { measured: 0, cached: 0 };
  const referenceMs: number[] = [];

  const measure = async (graph: OnnxGraph, batch: number, isReference = false): Promise<Outcome> => {
    const place: MeasurementKey = { ...settings.place, graph: graphDigest(graph), batch, budgetMs: settings.budgetMs };
    const known = isReference && counts.measured > 0 ? undefined : await cache.read(place);
    if (signal?.aborted) throw new Cancelled();
    if (known) {
      if (!isReference) counts.cached += 1;
      return { status: "ok", ...known };
    }
    const { provider, precision, threads } = settings.place;
    const answer = await process.request({ kind: "measure", provider, precision, threads, graph, budgetMs: settings.budgetMs }, { signal, timeoutMs: timeoutMs(settings) });
    if (answer.kind === "failed") return { status: answer.status, message: answer.message };
    if (answer.kind !== "measured") throw new Error("The measuring process gave an answer to another question.");
    if (!isReference) counts.measured += 1;
    // Of the reference the fastest is kept: what the device can do.
    if (!isReference || referenceMs.every((ms) => ms >= answer.measurement.medianMs)) await cache.write(place, answer.measurement);
    return { status: "ok", ...answer.measurement };
  };
  const reference = referenceGraph(settings.referenceSize);
  const lookAtReference = async () => {
    const outcome = await measure(reference, 1, true);
    if (outcome.status === "ok") referenceMs.push(outcome.medianMs);
  };

  try {
    await lookAtReference();
    let looked = 0;
    for (const [done, { key, label, layer, pass, flops, batch }] of tasks.entries()) {
      const known = outcomes.get(key)!;
      const remainingMs = spent.weight > 0 ? (spent.ms / spent.weight) * remaining : undefined;
      onProgress({ done, total: tasks.length, what: `${label} ${passNames[pass]}, batch ${batch}`, ...(remainingMs !== undefined && { remainingMs }) });
      remaining -= weight(flops, batch);
      if (isHopeless(known, batch, settings.patienceMs)) continue;
      const graph = passGraph(layer, pass, batch, { fusedAttention: settings.place.provider !== "coreml" });
      if (graph === undefined) continue;
      const [start, before] = [now(), counts.measured];
      const outcome: Outcome = "problem" in graph ? { status: "crashed", message: graph.problem } : await measure(graph, batch);
      known.set(batch, { ...known.get(batch), [pass]: outcome });
      if (counts.measured > before) {
        spent.ms += now() - start;
        spent.weight += weight(flops, batch);
      }
      if (counts.measured - looked >= referenceEvery) {
        looked = counts.measured;
        await lookAtReference();
      }
    }
    onProgress({ done: tasks.length, total: tasks.length, what: "done", remainingMs: 0 });
    return { outcomes, complete: true, counts, referenceMs };
  } catch (error) {
    if (error instanceof Cancelled) return { outcomes, complete: false, counts, referenceMs };
    throw error;
  }
}

/** A layer is left out as a whole, so that its passes are known at the same batch sizes. */
function isHopeless(known: ReadonlyMap<number, PassOutcomes>, batch: number, patienceMs: number): boolean {
  for (const [smaller, found] of known) {
    if (smaller >= batch) continue;
    for (const outcome of Object.values(found)) {
      if (outcome.status === "oom" || (outcome.status === "ok" && outcome.medianMs * (batch / smaller) > patienceMs)) return true;
    }
  }
  return false;
}
