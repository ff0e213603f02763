/** What the tracer writes. The traced code ran in the process that wrote it, so nothing in it is taken on trust. */
import { z } from "zod";
import { fieldPath } from "../../formats/document";
import { amount, count, name, positive } from "../../formats/parts";
import { UserError } from "../../model/errors";
import { maxLayers } from "../config";

export const traceFormat = "diffusionpipe.trace/1";
/** More than this from the tracer ends it. */
export const maxTraceBytes = 64 * 1024 * 1024;
const maxTensors = 100_000;

/** An amount for b samples: perSample * b + fixed. */
const split = z.object({ perSample: amount, fixed: amount });
const gradients = z.object({ inputGradFlops: split, weightGradFlops: split, savedUntilInputGradBytes: split, savedUntilWeightGradBytes: split });
const path = z.string().max(512);

const layer = z.object({
  name,
  class: name,
  modules: z.array(path).max(maxLayers),
  /** Each of the model's parameters counts in one layer, the first that uses it. */
  parameters: count,
  trainableParameters: count,
  /** Parameters that an earlier layer holds and this one uses too. */
  shared: z.array(z.object({ parameter: name, layer: count })).max(maxTensors),
  /** It uses parameters that get gradients. */
  learns: z.boolean(),
  signature: z.string().regex(/^[0-9a-f]{64}$/),
  forwardFlops: split,
  trafficBytes: split,
  /** By who gets gradients: the parameters; parameters and inputs; inputs alone. */
  backward: z.object({ trained: gradients, trainedThroughout: gradients, passedThrough: gradients }),
});

const tensor = z.object({
  producer: z.union([z.object({ input: name }), z.object({ layer: count })]),
  /** Indices of layers, ascending. */
  consumers: z.array(count).max(maxLayers),
  shape: z.array(z.union([count, z.string().max(64)])).max(64),
  bytes: split,
  /** A gradient flows back through it where something before it learns. */
  differentiable: z.boolean(),
  /** The module returns it. */
  output: z.boolean(),
});

const schema = z.object({
  format: z.literal(traceFormat),
  class: name,
  versions: z.record(z.string().max(64), z.string().max(128)),
  sizes: z.object({ height: positive, width: positive, sequenceLength: positive, frames: positive.optional() }),
  parameters: count,
  layers: z.array(layer).min(1).max(maxLayers),
  tensors: z.array(tensor).max(maxTensors),
  /** By signature: the layer's ONNX graph in base64, its weights left out, or why there is none. Left out where none was asked for. */
  graphs: z.record(z.string().regex(/^[0-9a-f]{64}$/), z.union([z.object({ onnx: z.base64() }), z.object({ reason: z.string().max(1024) })])).optional(),
  /** What a person should know: parameters that nothing reads, parameters that never train. */
  notes: z.array(z.string().max(4096)).max(64),
});

const problemSchema = z.object({
  format: z.literal(traceFormat),
  error: z.object({ kind: z.string().max(64), message: z.string().max(8192), file: z.string().max(4096).optional(), line: z.int().min(0).optional(), traceback: z.string().max(16_384).optional() }),
});

export type TraceDocument = z.infer<typeof schema>;
export type TracedLayer = TraceDocument["layers"][number];
export type TracedTensor = TraceDocument["tensors"][number];
export type Gradients = TracedLayer["backward"]["trained"];

/**
 * @param source For messages: the class that was traced.
 * @param printed What the traced code wrote to standard error; it is shown where it could not be traced.
 * @throws UserError with the tracer's own message, and the file and line that it names, where it could not trace; and for what is no trace.
 */
export function parseTrace(text: string, source: string, printed = ""): TraceDocument {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new UserError(`What the tracer wrote is not JSON: ${(error as Error).message.slice(0, 200)}.`, { file: source });
  }
  const problem = problemSchema.safeParse(value);
  if (problem.success) throw problemOf(problem.data.error, source, printed);
  const result = schema.safeParse(value);
  if (!result.success) {
    const [issue] = result.error.issues;
    throw new UserError(`What the tracer wrote does not fit: ${issue.message}.`, { file: source, field: fieldPath(issue.path) });
  }
  checkReferences(result.data, source);
  return result.data;
}

function problemOf({ message, file, line, traceback }: z.infer<typeof problemSchema>["error"], source: string, printed: string): UserError {
  const place = file === undefined ? source : `${file}${line === undefined ? "" : `:${line}`}`;
  return new UserError(withPrinted([message, ...(traceback === undefined ? [] : [traceback])].join("\n"), printed), { file: place });
}

export function withPrinted(message: string, printed: string): string {
  const text = printed.trim();
  return text === "" ? message : `${message}\nIt wrote:\n${text}`;
}

/** Layers are named once and hold all parameters; tensors go forward, to layers that are there. */
function checkReferences({ layers, tensors, parameters }: TraceDocument, file: string): void {
  const refuse = (message: string, field: string) => {
    throw new UserError(`What the tracer wrote does not fit: ${message}.`, { file, field });
  };
  if (new Set(layers.map((each) => each.name)).size !== layers.length) refuse("two layers have one name", "layers");
  if (layers.reduce((sum, each) => sum + each.parameters, 0) !== parameters) refuse("its layers hold another number of parameters than the model", "parameters");
  for (const [index, each] of layers.entries()) {
    if (each.trainableParameters > each.parameters) refuse("more parameters train than there are", `layers[${index}].trainableParameters`);
    if (each.shared.some((shared) => shared.layer >= index)) refuse("a parameter is shared with a layer that is not before", `layers[${index}].shared`);
  }
  for (const [index, { producer, consumers }] of tensors.entries()) {
    let last = "layer" in producer ? producer.layer : -1;
    if (last >= layers.length) refuse("there is no such layer", `tensors[${index}].producer`);
    for (const consumer of consumers) {
      if (consumer <= last || consumer >= layers.length) refuse("consumers are not later layers in order", `tensors[${index}].consumers`);
      last = consumer;
    }
  }
}
