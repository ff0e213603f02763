/** Reading configuration files of models. They come from anywhere, so size, encoding, syntax, types and magnitudes are checked before anything is built from them. */
import { z } from "zod";
import { decodeUtf8, fieldPath } from "../formats/document";
import { UserError } from "../model/errors";

import { countParameters } from "../graph/layer";
import type { OperatorList } from "../model/operator";
import type { ComponentDescription } from "./component";

export const maxConfigBytes = 1024 * 1024;
export const maxLayers = 5_000;

/** Magnitudes beyond any model; what is larger is a mistake or an attack. */
export const channels = z.int().min(1).max(1_000_000);
export const count = z.int().min(1).max(maxLayers);
export const epsilon = z.number().positive().max(1);
/** Python's truth of a setting that is a bool or null. */
export const flag = z.boolean().nullable().transform((value) => value === true);

/** A setting that is read only to be refused unless it is one of the values that change nothing. */
export function only<T extends z.core.util.Literal>(values: readonly T[], why = "This setting is not supported yet"): z.ZodType<T> {
  const list = values.map((value) => JSON.stringify(value)).join(" or ");
  return z.literal([...values], { error: (issue) => `${why}: expected ${list}, found ${shorten(issue.input)}` });
}

/** `value`, or a list with one per level. */
export function perLevel<T extends z.ZodType>(value: T) {
  return z.union([value, z.array(value).min(1).max(64)], { error: (issue) => `Expected one value, or a list with one per block, found ${shorten(issue.input)}` });
}

/** @param blocks As many as `down_block_types` has. @throws UserError where a list of `length` values does not have one for each. */
export function expectOnePerBlock(field: string, length: number, blocks: number, file: string): void {
  if (length !== blocks) throw new UserError(`${length} values for ${blocks} blocks of down_block_types.`, { file, field });
}

function shorten(value: unknown): string {
  const text = JSON.stringify(value) ?? "nothing";
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}

/** @throws UserError for bytes that are not UTF-8 or not a JSON object. */
export function parseConfig(bytes: Uint8Array, file: string): Readonly<Record<string, unknown>> {
  const text = decodeUtf8(bytes, file);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new UserError(`This is not JSON: ${(error as Error).message}.`, { file });
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw new UserError("Expected a JSON object.", { file });
  return value as Readonly<Record<string, unknown>>;
}

/** @throws UserError naming the first field that does not fit. */
export function checkConfig<T>(schema: z.ZodType<T>, config: unknown, file: string): T {
  const result = schema.safeParse(config);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  throw new UserError(`${issue.message.replace(/\.$/, "")}.`, { file, field: fieldPath(issue.path) });
}

/**
 * What every family's description must satisfy, whatever its configuration.
 * @param groupsField The setting that group normalisations come from.
 * @throws UserError
 */
export function checkDescription(description: ComponentDescription, file: string, groupsField: string): ComponentDescription {
  let parameters = 0;
  const shared = new SharedLists();
  const layers = description.layers.map((layer) => {
    const { list, parameters: own, isNew } = shared.of(layer.body);
    parameters += own;
    for (const operator of isNew ? list.operators : []) {
      if (operator.op === "groupNorm" && operator.channels % operator.groups !== 0) {
        throw new UserError(`${operator.channels} channels of "${layer.name}" cannot be divided into ${operator.groups} groups.`, { file, field: groupsField });
      }
    }
    return list === layer.body ? layer : { ...layer, body: list };
  });
  if (description.layers.length > maxLayers) throw new UserError(`The model has ${description.layers.length} layers; at most ${maxLayers} are supported.`, { file });
  if (!Number.isSafeInteger(parameters)) throw new UserError("The model has more parameters than can be counted exactly.", { file });
  return { ...description, layers };
}

/** Equal operator lists become one, so that what follows from them is found once. */
class SharedLists {
  private readonly byText = new Map<string, { readonly list: OperatorList; readonly parameters: number }>();
  private readonly known = new Map<OperatorList, { readonly list: OperatorList; readonly parameters: number }>();

  of(list: OperatorList): { readonly list: OperatorList; readonly parameters: number; readonly isNew: boolean } {
    const seen = this.known.get(list);
    if (seen) return { ...seen, isNew: false };
    const text = JSON.stringify(list);
    const equal = this.byText.get(text);
    const found = equal ?? { list, parameters: countParameters(list) };
    this.known.set(list, found);
    this.byText.set(text, found);
    return { ...found, isNew: equal === undefined };
  }
}
