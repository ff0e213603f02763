/** How a profile stands to the model as it is now, and what measures again only what changed. */
import { dirname, resolve } from "node:path";
import type { ModelChoice } from "../model/choice";
import { isOfEstimates } from "../model/measured";
import type { Inspection } from "../model/inspection";
import { isUsable, type Bindings, type LayerRef, type LayerTime, type Profile } from "../model/profile";
import { providers, type Provider } from "../profile/messages";
import { askedPatienceMs, defaultPatienceMs } from "./profile";
import { differences } from "./profileFits";

export interface ProfileStand {
  /** Layers of the model as it is now that do work of which the profile has no times. */
  readonly changed: readonly LayerRef[];
  /** Layers of the profile whose work the model has no more. */
  readonly gone: readonly LayerRef[];
  /** What is different, in words; empty where nothing is. */
  readonly differences: readonly string[];
}

/** @param inspection The model with the profile's choice, at the profile's size. */
export function standOf(profile: Profile, inspection: Inspection): ProfileStand {
  return {
    changed: layersWhere(inspection.components, isNewTo(profile.components)),
    gone: layersWhere(profile.components, isUnknownTo(inspection.components)),
    differences: differences(profile, inspection),
  };
}

type Layer = { readonly name: string; readonly signature?: string; readonly needsInputGrad: boolean; readonly needsWeightGrad: boolean };
type Components = readonly { readonly name: string; readonly layers: readonly Layer[] }[];

function layersWhere(components: Components, holds: (layer: Layer) => boolean): readonly LayerRef[] {
  return components.flatMap(({ name, layers }) => layers.filter(holds).map((layer) => ({ component: name, layer: layer.name })));
}

/** Whether no layer of the same signature has all the passes of a layer. Where no signatures are known there is nothing to compare with. */
function isNewTo(components: Components): (layer: Layer) => boolean {
  const known = bySignature(components);
  return (layer) => known.size > 0 && layer.signature !== undefined && !known.get(layer.signature)?.some((other) => (other.needsInputGrad || !layer.needsInputGrad) && (other.needsWeightGrad || !layer.needsWeightGrad));
}

function isUnknownTo(components: Components): (layer: Layer) => boolean {
  const known = bySignature(components);
  return ({ signature }) => signature !== undefined && !known.has(signature);
}

function bySignature(components: Components): ReadonlyMap<string, readonly Layer[]> {
  const found = new Map<string, Layer[]>();
  for (const layer of components.flatMap(({ layers }) => layers)) {
    if (layer.signature !== undefined) found.set(layer.signature, [...(found.get(layer.signature) ?? []), layer]);
  }
  return found;
}

/** Absolute path of the model that a profile was made of. @param file Of the profile. */
export function modelPathOf(profile: Profile, file: string): string {
  return resolve(dirname(file), profile.model.path);
}

/** Options of the command that profiles. */
export interface MeasureAgain extends Partial<Bindings> {
  readonly model: string;
  readonly output: string;
  readonly choice: ModelChoice;
  readonly provider: Provider;
  readonly precision: "fp32" | "fp16";
  readonly threads?: number;
  readonly busyCores?: number;
  readonly batches: readonly number[];
  readonly patienceMs: number;
}

/**
 * Profiles again as it was: with these options all that was measured on this machine before is found in the cache, so that
 * only what is new is measured.
 * @param file Absolute path of the profile. @returns Why it cannot be, in words, where the times do not come from here.
 */
export function measureAgain(profile: Profile, file: string): MeasureAgain | { readonly refused: string } {
  const { provider: name, threads, busyCores } = profile.device;
  const provider = providers.find((known) => known === name);
  if (isOfEstimates(profile)) return { refused: "The times are estimates for another device; there is nothing to measure here." };
  if (!provider) return { refused: `The times come from ${name}, not from this editor. “diffusionpipe profile --on TARGET” measures them again.` };
  return {
    model: modelPathOf(profile, file), output: file, choice: profile.choice ?? {}, ...profile.bindings, provider,
    precision: profile.device.precision === "float16" ? "fp16" : "fp32",
    ...(threads !== undefined && { threads }), ...(busyCores !== undefined && { busyCores }),
    batches: batchesTried(profile), patienceMs: patienceOf(profile),
  };
}

/** Ascending. The batch size of an estimate in place of a time was not tried. */
function batchesTried({ components }: Profile): readonly number[] {
  return [...new Set(components.flatMap(({ layers }) => layers.flatMap(({ times }) => times.filter(({ source }) => source === "measured").map(({ batch }) => batch))))].sort((a, b) => a - b);
}

/**
 * How long a layer was waited for. With the usual patience a layer is left out at larger batch sizes once it would take longer
 * than that in proportion: where one was timed all the same, the patience was that for batch sizes that were asked for.
 */
function patienceOf({ components }: Profile): number {
  const layers = components.flatMap((component) => component.layers);
  const wasAwaited = layers.some(({ times }) => {
    const measured = times.filter((time) => isUsable(time) && time.source === "measured");
    const longest = ({ forwardMs, inputGradMs, weightGradMs }: LayerTime) => Math.max(forwardMs, inputGradMs, weightGradMs);
    return measured.some((time) => times.some((larger) => larger.batch > time.batch && larger.source === "measured" && (longest(time) * larger.batch) / time.batch > defaultPatienceMs));
  });
  return wasAwaited ? askedPatienceMs : defaultPatienceMs;
}
