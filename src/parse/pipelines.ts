/** A pipeline from the configurations of its components, wherever they come from. */
import { z } from "zod";
import { UserError } from "../model/errors";
import type { Model } from "../model/model";
import { checkConfig } from "./config";
import type { Family } from "./families/family";
import { families } from "./families/registry";
import { makeModel } from "./model";
import type { Pipeline } from "./pipeline";
import type { ModelChoice } from "../model/choice";
import type { ConfigFile, ConfigSource, ModelIndex } from "./source";
import { tracedPart } from "./trace/part";
import type { TracedComponent } from "./trace/component";
import { familyPart, unknownPart, type Part } from "./wiring/parts";
import { wirePipeline } from "./wiring/wire";

/** Classes of parts that training runs no layers of. */
const withoutLayers = /(?:Scheduler|Tokenizer|TokenizerFast|Processor|ProcessorFast|FeatureExtractor|SafetyChecker|Watermarker|ImageEncoderV2|Tokenizer\w*)$/;

const schedulerSchema = z.object({ prediction_type: z.enum(["epsilon", "v_prediction", "sample", "flow_prediction"]).optional() });

/** Traces a component of a class that no family describes. @param library The module that has the class. @throws UserError, Cancelled. */
export type TraceClass = (library: string, className: string, config: ConfigFile) => Promise<TracedComponent>;

/**
 * @param path What the model is known by: absolute.
 * @param trace Without it, classes that no family describes are refused.
 * @throws UserError naming file and field.
 */
export async function readPipeline(source: ConfigSource, path: string, choice: ModelChoice = {}, trace?: TraceClass): Promise<Model> {
  const index = await source.index();
  const parts: Part[] = [];
  for (const [name, className] of index.components) {
    if (withoutLayers.test(className)) continue;
    if (families.has(className)) {
      const config = await source.read(name);
      parts.push(familyPart(name, config.file, parseFamily(className, config)));
      continue;
    }
    const library = index.libraries?.get(name);
    if (!trace || library === undefined) throw unknownClass(index, name, className);
    const config = await source.read(name);
    parts.push(unknownPart(name, config.file, tracedPart(await trace(library, className, config))));
  }
  if (parts.length === 0) throw new UserError("The pipeline has no component with layers.", { file: index.file });
  const predictionType = await predictionTypeOf(source, index);
  return makeModel(path, source.fingerprint(), wirePipeline({ class: index.class, file: index.file, predictionType, parts }), choice);
}

/** One component that stands alone. */
export function componentModel(name: string, className: string, config: ConfigFile, path: string, sha256: string, choice: ModelChoice): Model {
  const index = { file: config.file, class: className, components: new Map([[name, className]]) };
  if (!families.has(className)) throw unknownClass(index, name, className);
  const parts = [familyPart(name, config.file, parseFamily(className, config))];
  return makeModel(path, sha256, wirePipeline({ class: className, file: config.file, predictionType: "epsilon", parts }), choice);
}

function parseFamily(className: string, { file, json }: ConfigFile): Family {
  const parse = families.get(className);
  if (!parse) throw new Error(`No family is called ${className}.`);
  try {
    return parse(json, file);
  } catch (error) {
    if (!(error instanceof UserError) || error.field !== undefined) throw error;
    throw new UserError(error.reason, { file: error.file, field: largestSetting(json), hint: error.hint });
  }
}

/** What is wrong with a model as a whole comes from too large a number somewhere. */
function largestSetting(json: Readonly<Record<string, unknown>>): string | undefined {
  const size = (value: unknown): number => (typeof value === "number" ? value : Array.isArray(value) ? Math.max(0, ...value.slice(0, 100).map(size)) : 0);
  return Object.entries(json).reduce<readonly [string | undefined, number]>((largest, [name, value]) => (size(value) > largest[1] ? [name, size(value)] : largest), [undefined, 0])[0];
}

function unknownClass(index: ModelIndex, name: string, className: string): UserError {
  return new UserError(`The class "${className.slice(0, 100)}" is not among those whose layers are known.`, {
    file: index.file,
    field: name.slice(0, 100),
    hint: "A Python with PyTorch can trace it: inspect MODULE:CLASS --config FILE.",
  });
}

/** Flow matching says so by its class; other schedulers by their configuration, noise being the default. */
async function predictionTypeOf(source: ConfigSource, index: ModelIndex): Promise<Pipeline["predictionType"]> {
  const className = index.components.get("scheduler");
  if (className === undefined) return "epsilon";
  const { json, file } = await source.read("scheduler");
  return checkConfig(schedulerSchema, json, file).prediction_type ?? (/Flow/.test(className) ? "flow_prediction" : "epsilon");
}
