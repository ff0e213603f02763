/** The ONNX graphs that the tracer's exporter made of layers: read like any ONNX file, with their weights known by shape alone. */
import { UserError } from "../../model/errors";
import type { OnnxGraph } from "../../model/onnx";
import type { Bindings } from "../../model/profile";
import type { Files } from "../../platform/files";
import { extractLayer } from "../onnx/extract";
import { nodeGraph, type NodeGraph } from "../onnx/graph";
import { readOnnxFile } from "../onnx/reader";
import { infosAt, samplesOf } from "../onnx/samples";
import { sizesOf } from "../onnx/symbols";
import type { OnnxFile } from "../onnx/types";
import type { TraceDocument } from "./document";

/** By signature: a layer's graph at a batch size, or why it has none. */
export type TracedGraphs = ReadonlyMap<string, ((batch: number) => OnnxGraph) | string>;

/** The exporter calls its inputs so; all other inputs of a graph are weights. */
const inputName = /^input\.\d+$/;

/** What cannot be read is a reason, not an error: such layers are estimated. */
export async function tracedGraphs({ graphs = {}, class: source, sizes }: TraceDocument): Promise<TracedGraphs> {
  const read = new Map<string, ((batch: number) => OnnxGraph) | string>();
  for (const [signature, exported] of Object.entries(graphs)) {
    if ("reason" in exported) {
      read.set(signature, exported.reason);
      continue;
    }
    try {
      const path = `${source} layer ${signature.slice(0, 8)}`;
      const file = await readOnnxFile(inMemory(Buffer.from(exported.onnx, "base64")), path);
      read.set(signature, graphAt(nodeGraph(withWeights(file)), sizes));
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      read.set(signature, error.reason);
    }
  }
  return read;
}

function graphAt(graph: NodeGraph, bindings: Bindings): (batch: number) => OnnxGraph {
  const sizes = sizesOf(graph);
  const samples = samplesOf(graph, sizes, bindings);
  const all = graph.nodes.map((_, index) => index);
  return (batch) => extractLayer(graph.file.path, graph, all, infosAt(graph, sizes, bindings, samples, batch));
}

/** Inputs that are no inputs of the layer are its weights. @throws UserError for a weight without a shape. */
function withWeights(file: OnnxFile): OnnxFile {
  const initializers = new Map(file.initializers);
  for (const { name, type, shape } of file.inputs) {
    if (inputName.test(name)) continue;
    const sides = shape?.filter((side) => typeof side === "number");
    if (!type || !sides || sides.length !== shape?.length) throw new UserError("A weight has no shape.", { file: file.path, field: name.slice(0, 200) });
    initializers.set(name, { type, shape: sides });
  }
  return { ...file, initializers, inputs: file.inputs.filter(({ name }) => inputName.test(name)) };
}

/** One file in memory. Others are not there: what an exported layer refers to beside it is not looked for on a disk. */
function inMemory(bytes: Uint8Array): Files {
  const nothing = (path: string): never => {
    throw new UserError("There is no such file.", { file: path });
  };
  return {
    read: () => Promise.resolve(bytes),
    readRange: (_, offset, length) => Promise.resolve(bytes.subarray(offset, offset + length)),
    stat: () => Promise.resolve({ kind: "file", bytes: bytes.length, modifiedMs: 0 }),
    write: (path) => nothing(path),
    realPath: (path) => nothing(path),
    list: () => Promise.resolve([]),
    remove: (path) => nothing(path),
  };
}
