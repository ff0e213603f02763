/** Use-case: a class that has no description of its own, traced by the user's Python. */
import { createHash } from "node:crypto";
import { resolve } from "node:path";
import { decodeUtf8 } from "../formats/document";
import { Cancelled, messageOf, UserError } from "../model/errors";
import type { Model } from "../model/model";
import type { Bindings } from "../model/profile";
import { maxConfigBytes, parseConfig } from "../parse/config";
import type { RoleChoice } from "../model/choice";
import { tracedComponent } from "../parse/trace/component";
import { maxTraceBytes, parseTrace, withPrinted, type TraceDocument } from "../parse/trace/document";
import { tracedGraphs } from "../parse/trace/graphs";
import { tracedModel } from "../parse/trace/model";
import type { TraceClass } from "../parse/pipelines";
import type { Files } from "../platform/files";
import type { Processes, ProcessResult } from "../platform/process";
import type { Interpreter } from "./interpreter";

export interface TraceServices {
  readonly files: Files;
  readonly processes: Processes;
  /** Folder that holds the Python package `diffusionpipe_tracer`. */
  readonly tracerFolder: string;
}

export interface TraceRequest {
  /** "module:Class", e.g. "diffusers:UNet1DModel" or "models.unet:MyUNet". */
  readonly class: string;
  readonly config: Readonly<Record<string, unknown>>;
  /** Where the module is imported from, and where it runs. */
  readonly folder?: string;
  /** Arguments of the forward pass that cannot be derived; see diffusionpipe_tracer/arguments.py. */
  readonly inputs?: Readonly<Record<string, unknown>>;
  /** In the module's own units; its configuration's where left out. */
  readonly sizes?: Partial<Pick<Bindings, "height" | "width" | "sequenceLength" | "frames">>;
  /** How fine the layers are; see diffusionpipe_tracer/layers.py. */
  readonly options?: { readonly maxLayers?: number; readonly maxDepth?: number; readonly maxShare?: number };
}

export interface TraceCall {
  readonly python: Interpreter;
  /** The workspace is trusted: tracing runs code that it names. */
  readonly trusted: boolean;
  readonly timeoutMs?: number;
  /** Layers are exported as ONNX graphs too, so that onnxruntime can time them. */
  readonly exports?: boolean;
  readonly signal?: AbortSignal;
}

const defaultTimeoutMs = 5 * 60_000;
/** Of standard error, in a message. */
const shownCharacters = 3000;
/** The tracer's exit code where its document says what is wrong. */
const problemCode = 3;

/**
 * Builds the module without memory for its weights and follows one training pass through it, in a process of its own.
 * @throws UserError where the workspace is not trusted (nothing is started then), where the interpreter is missing or lacks torch, with
 * the file, the line and the end of the traceback where the traced code fails, and where it takes longer than the limit.
 * Cancelled when `signal` fired; the process is ended.
 */
export async function traceModule(services: TraceServices, request: TraceRequest, call: TraceCall): Promise<TraceDocument> {
  if (!call.trusted) throw new UserError("Tracing runs Python code that the workspace names, so it waits until the workspace is trusted.", { file: request.class });
  const { python, timeoutMs = defaultTimeoutMs } = call;
  let errorTail = "";
  const decoder = new TextDecoder();
  let result: ProcessResult;
  try {
    result = await services.processes.run({
      argv: [python.program, "-m", "diffusionpipe_tracer"],
      folder: services.tracerFolder,
      // Configurations are enough: nothing is fetched. No device is needed, and none is woken.
      environment: { ...process.env, HF_HUB_OFFLINE: "1", CUDA_VISIBLE_DEVICES: "", PYTHONDONTWRITEBYTECODE: "1", PYTHONIOENCODING: "utf-8" },
      input: JSON.stringify({ ...request, ...(call.exports && { exports: true }) }),
      maxOutputBytes: maxTraceBytes,
      timeoutMs,
      signal: call.signal,
      onErrorOutput: (chunk) => (errorTail = (errorTail + decoder.decode(chunk, { stream: true })).slice(-shownCharacters)),
    });
  } catch (error) {
    if (error instanceof Cancelled) throw error;
    const hint = error instanceof UserError ? `That is the Python ${python.from}; name another in the setting diffusionpipe.python.` : undefined;
    throw new UserError(withPrinted(`Tracing failed: ${messageOf(error)}`, errorTail), { file: request.class, hint });
  }
  const answer = decodeUtf8(result.output, request.class);
  if ((result.code !== 0 && result.code !== problemCode) || answer === "") {
    const how = result.endedBy ? `was ended by ${result.endedBy}` : `ended with exit code ${result.code}`;
    throw new UserError(withPrinted(`${python.program} (${python.from}) ${how} before the trace was done.`, errorTail), { file: request.class });
  }
  return parseTrace(answer, request.class, errorTail);
}

/**
 * The traced class as a model of one component, which is called as the class is.
 * @param configPath The JSON file with the settings that the class is built from.
 * @throws UserError as `traceModule`, and for a configuration that is not a JSON object.
 */
export async function traceModel(services: TraceServices, configPath: string, request: Omit<TraceRequest, "config">, call: TraceCall, choice: RoleChoice = {}): Promise<Model> {
  const path = resolve(configPath);
  const bytes = await services.files.read(path, maxConfigBytes);
  const document = await traceModule(services, { ...request, config: parseConfig(bytes, path) }, call);
  const { graphs: _graphs, ...traced } = document;
  const sha256 = createHash("sha256").update(bytes).update(JSON.stringify(traced)).digest("hex");
  return tracedModel(tracedComponent(document, await tracedGraphs(document)), request.class.split(/[:.]/).at(-1) ?? request.class, { path, sha256 }, choice);
}

/** Traces components of a pipeline's folder one by one, each at the sizes of its configuration. */
export function traceClass(services: TraceServices, call: TraceCall): TraceClass {
  return async (library, className, { file, json }) => {
    if (!/^[A-Za-z_]\w*(\.[A-Za-z_]\w*)*$/.test(library)) throw new UserError(`"${library.slice(0, 100)}" is no name of a Python module.`, { file });
    const document = await traceModule(services, { class: `${library}:${className}`, config: json }, call);
    return tracedComponent(document, await tracedGraphs(document));
  };
}
