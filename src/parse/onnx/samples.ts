/** What is known of a graph's values at one sample and at two: what grows with the batch, and what does not. */
import { UserError } from "../../model/errors";
import type { Bindings } from "../../model/profile";
import type { NodeGraph } from "./graph";
import { inferGraph, type Infos } from "./infer";
import { bytesOf } from "./layers";
import type { Sizes } from "./symbols";
import { isKnown } from "./values";

export interface Samples {
  readonly one: Infos;
  readonly two: Infos;
  /** Samples in `one` and `two`: 1 and 2, or the same number twice where the file fixes the batch and no other would fit. */
  readonly counts: readonly [number, number];
}

/** @throws UserError where shapes cannot be told. */
export function samplesOf(graph: NodeGraph, sizes: Sizes, bindings: Bindings): Samples {
  const at = (batch: number) => inferGraph(graph, sizes, bindings, batch);
  if (!sizes.fixedBatch) return { one: at(1), two: at(sizes.batch.size > 0 ? 2 : 1), counts: [1, sizes.batch.size > 0 ? 2 : 1] };
  const { size } = sizes.fixedBatch;
  try {
    const [one, two] = [at(1), at(2)];
    if (graph.file.outputs.every(({ name }) => grows(one, two, name))) return { one, two, counts: [1, 2] };
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
  }
  const fixed = at(size);
  return { one: fixed, two: fixed, counts: [size, size] };
}

/** The batch of an output is its first dimension still: it was not folded into another on the way. */
function grows(one: Infos, two: Infos, name: string): boolean {
  const [small, large] = [one.get(name)?.shape ?? [], two.get(name)?.shape ?? []];
  return small.length === 0 || (small[0] === 1 && large[0] === 2 && small.slice(1).every((size, axis) => size === large[axis + 1]));
}

/** Bytes of a value for each sample, and those that are the same for any number of them. */
export function bytesPerSample({ one, two, counts: [few, many] }: Samples, name: string): { readonly bytesPerSample: number; readonly bytesFixed?: number } {
  const [small, large] = [bytesOf(one.get(name)), bytesOf(two.get(name))];
  if (few === many) return { bytesPerSample: small / few };
  const perSample = (large - small) / (many - few);
  const fixed = small - few * perSample;
  return { bytesPerSample: perSample, ...(fixed > 0 && { bytesFixed: fixed }) };
}

export function isKnownAlways({ one, two }: Samples, name: string): boolean {
  return isKnown(one, name) && isKnown(two, name);
}

/** The graph's values at a batch size. @throws UserError where the file fixes another one. */
export function infosAt(graph: NodeGraph, sizes: Sizes, bindings: Bindings, samples: Samples, batch: number): Infos {
  const [few, many] = samples.counts;
  if (batch === few) return samples.one;
  if (batch === many) return samples.two;
  if (few === many) {
    throw new UserError(`The file fixes the batch size at ${few}; a batch of ${batch} does not fit.`, { file: graph.file.path, field: "batch", hint: "Export the model with the batch dimension left open." });
  }
  return inferGraph(graph, sizes, bindings, batch);
}
