/** Measures each distinct layer at each batch size: from the cache where it can, in the measuring process where it must. */
import { Cancelled, UserError } from "../model/errors";
import type { BoundLayer } from "../model/model";
import type { OnnxGraph } from "../model/onnx";
import type { MeasurementCache, MeasurementKey } from "./cache";
import { graphDigest } from "../graph/digest";
import type { Failure } from "./failure";
import type { MeasuringProcess } from "./measuringProcess";
import type { Measurement } from "./messages";
import { shuffled } from "./statistics";

export interface MeasureSettings {
  /** Ascending. */
  readonly batches: readonly number[];
  /** A layer that would take longer than this for one pass at the next batch size is not measured there. */
  readonly patienceMs: number;
  readonly budgetMs: number;
  /** Of the order of layers. */
  readonly seed: number;
  /** Where and how: the same for all layers. */
  readonly place: Omit<MeasurementKey, "signature" | "graph" | "batch" | "budgetMs">;
}

export interface Progress {
  readonly done: number;
  readonly total: number;
  /** What is measured now, e.g. "unet down.0.resnet.1, batch 4". */
  readonly what: string;
  /** An estimate from the work done so far; undefined before there is any. */
  readonly remainingMs?: number;
}

export type Outcome = ({ readonly status: "ok" } & Measurement) | Failure;

/** By signature, then by batch. */
export type Outcomes = ReadonlyMap<string, ReadonlyMap<number, Outcome>>;

export interface Distinct {
  readonly signature: string;
  /** The first layer with this signature, for people. */
  readonly label: string;
  readonly layer: BoundLayer;
}

export function distinctLayers(components: readonly { readonly name: string; readonly layers: readonly BoundLayer[] }[]): readonly Distinct[] {
  const found = new Map<string, Distinct>();
  for (const component of components) {
    for (const layer of component.layers) {
      if (!found.has(layer.signature)) found.set(layer.signature, { signature: layer.signature, label: `${component.name} ${layer.name}`, layer });
    }
  }
  return [...found.values()];
}

/** A stuck driver must not hold up the rest: the longest that one measurement may take. */
function timeoutMs(settings: MeasureSettings): number {
  return Math.min(30 * 60_000, 60_000 + 30 * settings.patienceMs + 4 * settings.budgetMs);
}

/** Expected cost of measuring, in arbitrary units: a start plus the layer's work. */
function weight(layer: BoundLayer, batch: number): number {
  return 1 + (layer.flopsPerSample * batch) / 1e9;
}

/**
 * Batch sizes ascend; within one the layers are shuffled. After a layer ran out of memory or patience its larger batches are left out.
 * @throws Cancelled when `signal` fired; what was measured is in the cache.
 */
export async function measureLayers(
  layers: readonly Distinct[],
  process: Pick<MeasuringProcess, "request">,
  cache: MeasurementCache,
  settings: MeasureSettings,
  { signal, onProgress = () => {}, now }: { signal?: AbortSignal; onProgress?: (progress: Progress) => void; now: () => number },
): Promise<Outcomes> {
  const outcomes = new Map(layers.map(({ signature }) => [signature, new Map<number, Outcome>()]));
  const tasks = settings.batches.flatMap((batch, index) => shuffled(layers, settings.seed + index).map((distinct) => ({ ...distinct, batch })));
  let remaining = tasks.reduce((sum, { layer, batch }) => sum + weight(layer, batch), 0);
  let spent = { ms: 0, weight: 0 };
  for (const [done, { signature, label, layer, batch }] of tasks.entries()) {
    const known = outcomes.get(signature)!;
    const remainingMs = spent.weight > 0 ? (spent.ms / spent.weight) * remaining : undefined;
    onProgress({ done, total: tasks.length, what: `${label}, batch ${batch}`, ...(remainingMs !== undefined && { remainingMs }) });
    remaining -= weight(layer, batch);
    if (isHopeless(known, batch, settings.patienceMs)) continue;
    const graph = graphOf(layer, batch);
    if ("problem" in graph) {
      known.set(batch, { status: "crashed", message: graph.problem });
      continue;
    }
    const key: MeasurementKey = { ...settings.place, signature, graph: graphDigest(graph), batch, budgetMs: settings.budgetMs };
    const cached = await cache.read(key);
    if (signal?.aborted) throw new Cancelled();
    if (cached) {
      known.set(batch, { status: "ok", ...cached });
      continue;
    }
    const start = now();
    const answer = await process.request(
      { kind: "measure", provider: settings.place.provider, threads: settings.place.threads, precision: settings.place.precision, graph, budgetMs: settings.budgetMs },
      { signal, timeoutMs: timeoutMs(settings) },
    );
    spent = { ms: spent.ms + now() - start, weight: spent.weight + weight(layer, batch) };
    if (answer.kind === "measured") {
      known.set(batch, { status: "ok", ...answer.measurement });
      await cache.write(key, answer.measurement);
    } else if (answer.kind === "failed") {
      known.set(batch, { status: answer.status, message: answer.message });
    }
  }
  onProgress({ done: tasks.length, total: tasks.length, what: "done", remainingMs: 0 });
  return outcomes;
}

/** A layer that has no graph (traced, and not exported) cannot be timed here: its outcome, not the end. */
function graphOf(layer: BoundLayer, batch: number): OnnxGraph | { readonly problem: string } {
  try {
    return layer.graph(batch);
  } catch (error) {
    if (error instanceof UserError) return { problem: error.message };
    throw error;
  }
}

function isHopeless(known: ReadonlyMap<number, Outcome>, batch: number, patienceMs: number): boolean {
  for (const [smaller, outcome] of known) {
    if (outcome.status === "oom") return true;
    if (outcome.status === "ok" && outcome.medianMs * (batch / smaller) > patienceMs) return true;
  }
  return false;
}
