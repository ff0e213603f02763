/** The model that a command names, also a Python class: `module:Class --config FILE`. */
import { messageOf, UserError } from "../../model/errors";
import type { Model } from "../../model/model";
import { nodeFiles } from "../../platform/nodeFiles";
import { inspectModel } from "../inspect";
import { chooseInterpreter } from "../interpreter";
import { traceClass, traceModel, type TraceCall } from "../trace";
import { traceServices } from "../traceServices";
import { wholeNumber } from "./command";
import { choiceOf, sizesOf, type ModelValues } from "./modelOptions";

export const traceOptions = { trace: { type: "boolean" }, config: { type: "string" }, python: { type: "string" }, inputs: { type: "string" }, "time-limit": { type: "string" } } as const;

export const traceUsage = "[--trace | --config FILE] [--python PATH] [--inputs JSON] [--time-limit SECONDS]";

type Values = { readonly [K in Exclude<keyof typeof traceOptions, "trace">]?: string } & { readonly trace?: boolean };

/**
 * The model that a command names: a class of Python with `--config`, imported from this folder; else what `inspectModel` reads,
 * with classes that no family describes traced where `--trace` allows it.
 * @param exports Whether traced layers are exported, to be measured. @throws UserError as `traceModel` and `inspectModel`.
 */
export async function modelNamed(name: string, values: Values & ModelValues, signal: AbortSignal, exports = false): Promise<Model> {
  const choice = choiceOf(values);
  const seconds = wholeNumber(values["time-limit"], "time-limit");
  const python = chooseInterpreter({ setting: values.python, environment: process.env.DIFFUSIONPIPE_PYTHON, platform: process.platform });
  // Whoever types the command trusts what it names.
  const call: TraceCall = { python, trusted: true, signal, exports, ...(seconds !== undefined && { timeoutMs: seconds * 1000 }) };
  if (values.config !== undefined) {
    const request = { class: name, folder: process.cwd(), sizes: sizesOf(values), ...(values.inputs !== undefined && { inputs: inputsOf(values.inputs) }) };
    return traceModel(traceServices(), values.config, request, call, choice);
  }
  const lonely = (["python", "inputs", "time-limit"] as const).find((option) => values[option] !== undefined && (option === "inputs" || !values.trace));
  if (lonely !== undefined) throw new UserError(`--${lonely} is for a model that is a Python class: module:Class --config FILE${lonely === "inputs" ? "" : ", or goes with --trace"}.`);
  return inspectModel(nodeFiles, name, choice, values.trace ? traceClass(traceServices(), call) : undefined);
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
