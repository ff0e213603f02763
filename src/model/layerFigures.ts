/** What a profile says of a layer at one batch size, and of layers together. */
import { layerCost, timeAt } from "./costs";
import { isUsable, type LayerTime, type Profile, type ProfileLayer } from "./profile";

/** Where a time comes from; those that are computed lie between or beyond the batch sizes that were profiled. */
export type Origin = LayerTime["source"] | "interpolated" | "extrapolated";

export interface PassTimes {
  readonly forward: number;
  /** Undefined where the layer has no such work. */
  readonly inputGrad?: number;
  readonly weightGrad?: number;
  readonly total: number;
}

export interface LayerFigures {
  /** In ms. Undefined where the layer failed at this batch size. */
  readonly ms?: PassTimes;
  readonly spreadMs?: number;
  /** Of the forward time. */
  readonly origin: Origin;
  /** Of the gradients; undefined where the layer has none. */
  readonly gradOrigin?: Origin;
  /** Reached by the forward pass. */
  readonly flopsPerSecond?: number;
  /** The layer could not be run at this batch size. */
  readonly failure?: { readonly status: "oom" | "crashed"; readonly message?: string };
  /** What was noted of a time that is there. */
  readonly note?: string;
}

/** Every batch size at which some layer was timed or failed, ascending. */
export function batchesOf({ components }: Profile): readonly number[] {
  return [...new Set(components.flatMap(({ layers }) => layers.flatMap(({ times }) => times.map(({ batch }) => batch))))].sort((a, b) => a - b);
}

/** As the profile has it where it has that batch size, else as the planner takes it: see `timeAt`. */
export function figuresAt(layer: ProfileLayer, batch: number): LayerFigures {
  const here = layer.times.filter((time) => time.batch === batch);
  const point = here.find(isUsable);
  const failed = here.find((time) => !isUsable(time));
  const failure = failed && { status: failed.status === "oom" ? ("oom" as const) : ("crashed" as const), ...(failed.message !== undefined && { message: failed.message }) };
  const hasGradients = layer.needsInputGrad || layer.needsWeightGrad;
  if (!point && failure) return { origin: failed.source, failure };
  const origin = point?.source ?? (isBetween(layer, batch) ? "interpolated" : "extrapolated");
  const ms = point ? passTimes(layer, point.forwardMs, point.inputGradMs, point.weightGradMs) : computedTimes(layer, batch);
  return {
    ms, origin,
    ...(hasGradients && { gradOrigin: point?.gradSource ?? origin }),
    ...(point?.spreadMs !== undefined && { spreadMs: point.spreadMs }),
    ...(layer.flopsPerSample !== undefined && ms.forward > 0 && { flopsPerSecond: (layer.flopsPerSample * batch * 1000) / ms.forward }),
    ...(failure && { failure }),
    ...(point?.message !== undefined && { note: point.message }),
  };
}

function isBetween(layer: ProfileLayer, batch: number): boolean {
  const batches = layer.times.filter(isUsable).map((time) => time.batch);
  return batches.some((other) => other < batch) && batches.some((other) => other > batch);
}

function computedTimes(layer: ProfileLayer, batch: number): PassTimes {
  const { forward, inputGrad, weightGrad } = layerCost(layer);
  return passTimes(layer, timeAt(forward, batch), timeAt(inputGrad, batch), timeAt(weightGrad, batch));
}

function passTimes(layer: ProfileLayer, forward: number, inputGrad: number, weightGrad: number): PassTimes {
  const [input, weight] = [layer.needsInputGrad ? inputGrad : undefined, layer.needsWeightGrad ? weightGrad : undefined];
  return { forward, inputGrad: input, weightGrad: weight, total: forward + (input ?? 0) + (weight ?? 0) };
}

/** Sums over the layers that did not fail. */
export function sumOfTimes(all: readonly (PassTimes | undefined)[]): PassTimes {
  const add = (a: number | undefined, b: number | undefined) => (a === undefined ? b : b === undefined ? a : a + b);
  return all.reduce<PassTimes>((sum, ms) => (ms ? { forward: sum.forward + ms.forward, inputGrad: add(sum.inputGrad, ms.inputGrad), weightGrad: add(sum.weightGrad, ms.weightGrad), total: sum.total + ms.total } : sum), { forward: 0, total: 0 });
}
