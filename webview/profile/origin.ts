/** Where a layer's times come from, in a word and in a sentence. */
import type { LayerFigures, Origin } from "../../src/model/layerFigures";

const sentences: Readonly<Record<Origin, string>> = {
  measured: "measured",
  estimate: "estimated",
  interpolated: "computed between the batch sizes of the profile",
  extrapolated: "computed beyond the batch sizes of the profile",
};

const failures = { oom: "out of memory", crashed: "crashed" } as const;

/** E.g. "measured", "F measured", "out of memory". */
export function originWord({ ms, origin, gradOrigin = origin, failure }: LayerFigures): string {
  if (failure) return ms ? `${failures[failure.status]}, ${origin}` : failures[failure.status];
  if (origin === gradOrigin) return origin;
  return origin === "measured" ? "F measured" : gradOrigin === "measured" ? "I, W measured" : origin;
}

/** E.g. "F is measured, the gradients are estimated." with what was noted and what went wrong. */
export function originSentence({ ms, origin, gradOrigin, failure, note }: LayerFigures): string {
  return [
    failure && `At this batch size: ${failures[failure.status]}.${failure.message === undefined ? "" : ` ${failure.message}`}`,
    ms && (gradOrigin === undefined ? `F is ${sentences[origin]}.` : origin === gradOrigin ? `F and its gradients are ${sentences[origin]}.` : `F is ${sentences[origin]}, the gradients are ${sentences[gradOrigin]}.`),
    note,
  ].filter((part) => part !== undefined).join(" ");
}

/** Whether a time of that origin is no more than computed. */
export const isComputed = (origin: Origin | undefined): boolean => origin !== undefined && origin !== "measured";
