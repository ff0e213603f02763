/** The form of a model that is a Python class: `module:Class --config FILE`. */
import { messageOf, UserError } from "../../model/errors";
import type { Model } from "../../model/model";
import type { Bindings } from "../../model/profile";
import type { RoleChoice } from "../../model/choice";
import type { TraceClass } from "../../parse/pipelines";
import { chooseInterpreter } from "../interpreter";
import { traceClass, traceModel, type TraceCall } from "../trace";
import { traceServices } from "../traceServices";
import { wholeNumber } from "./command";

export const traceOptions = { trace: { type: "boolean" }, config: { type: "string" }, python: { type: "string" }, inputs: { type: "string" }, "time-limit": { type: "string" } } as const;

export const traceUsage = "[--trace | --config FILE] [--python PATH] [--inputs JSON] [--time-limit SECONDS]";

type Values = { readonly [K in Exclude<keyof typeof traceOptions, "trace">]?: string } & { readonly trace?: boolean };

/** Whoever types the command trusts what it names. */
function callOf(values: Values, signal: AbortSignal): TraceCall {
  const seconds = wholeNumber(values["time-limit"], "time-limit");
  const python = chooseInterpreter({ setting: values.python, environment: process.env.DIFFUSIONPIPE_PYTHON, platform: process.platform });
  return { python, trusted: true, signal, ...(seconds !== undefined && { timeoutMs: seconds * 1000 }) };
}

/**
 * With `--config` a model is a class of Python, imported from this folder.
 * @returns Undefined for a model that is a file or a folder. @throws UserError as `traceModel`.
 */
export async function tracedModelOf(className: string, values: Values, sizes: Partial<Bindings>, choice: RoleChoice, signal: AbortSignal): Promise<Model | undefined> {
  if (values.config === undefined) {
    const lonely = (["python", "inputs", "time-limit"] as const).find((option) => values[option] !== undefined && (option === "inputs" || !values.trace));
    if (lonely !== undefined) throw new UserError(`--${lonely} is for a model that is a Python class: module:Class --config FILE${lonely === "inputs" ? "" : ", or goes with --trace"}.`);
    return undefined;
  }
  const request = { class: className, folder: process.cwd(), sizes, ...(values.inputs !== undefined && { inputs: inputsOf(values.inputs) }) };
  return traceModel(traceServices(), values.config, request, callOf(values, signal), choice);
}

/** With `--trace`, what traces a folder's components of classes that no family describes. */
export function traceClassOf(values: Values, signal: AbortSignal): TraceClass | undefined {
  return values.trace ? traceClass(traceServices(), callOf(values, signal)) : undefined;
}

function inputsOf(text: string): Readonly<Record<string, unknown>> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new UserError(`--inputs is not JSON: ${messageOf(error)}.`);
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw new UserError('--inputs takes an object, e.g. {"sample": {"shape": ["batch", 4, 64, 64], "dtype": "float32"}}.');
  return Object.fromEntries(Object.entries(value));
}
