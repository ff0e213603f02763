/** Type and shape of every value of a graph at bound sizes, and the elements of those that follow from constants and shapes. */
import { UserError } from "../../model/errors";
import type { Bindings } from "../../model/profile";
import { nodeLabel, type NodeGraph } from "./graph";
import { Call, ShapeFailure } from "./shapes/call";
import { inferenceOf } from "./shapes/registry";
import { boundInputs, sizeNamed, type Sizes } from "./symbols";
import type { DeclaredValue, FileNode, TensorInfo } from "./types";

/** Beyond so many known elements only short lists stay known: shapes need no more, and time stays bounded. */
const mostKnownElements = 2_000_000;
const shortList = 64;
const mostDimensions = 64;

/** Value -> what is known of it; initializers and inputs too. */
export type Infos = ReadonlyMap<string, TensorInfo>;

/** @throws UserError naming node, operator and file for the first value whose shape cannot be told. */
export function inferGraph(graph: NodeGraph, sizes: Sizes, bindings: Bindings, batch: number): Infos {
  const { file } = graph;
  const infos = new Map<string, TensorInfo>([...file.initializers, ...boundInputs(sizes, bindings, batch)]);
  const sizeOfName = (name: string) => sizeNamed(sizes, name, bindings, batch);
  let known = 0;
  for (const node of graph.nodes) {
    const inputs = node.inputs.map((name) => limited(infos.get(name), known > mostKnownElements));
    const outputs = outputsOf(node, inputs, graph, sizeOfName);
    for (const [index, name] of node.outputs.entries()) {
      if (name === "") continue;
      const info = outputs[index];
      checkShape(info, node, file.path);
      known += info.value?.length ?? 0;
      infos.set(name, info);
    }
  }
  return infos;
}

function limited(info: TensorInfo | undefined, isLate: boolean): TensorInfo | undefined {
  return isLate && info?.value && info.value.length > shortList ? { type: info.type, shape: info.shape } : info;
}

/** What the operator says, or else the file's own note of the value. */
function outputsOf(node: FileNode, inputs: readonly (TensorInfo | undefined)[], { file }: NodeGraph, sizeOfName: (name: string) => number | undefined): readonly TensorInfo[] {
  const infer = inferenceOf(node);
  let why = `The operator ${node.domain ? `${node.domain}.` : ""}${node.op} is not known, and the file does not give its outputs' shapes.`;
  if (infer) {
    try {
      const outputs = infer(new Call(node, file.operatorSets.get(node.domain) ?? 1, inputs));
      const missing = node.outputs.findIndex((name, index) => name !== "" && !outputs[index]);
      if (missing < 0) return outputs;
      why = `The shape of output ${missing + 1} of ${node.op} is not known.`;
    } catch (error) {
      if (!(error instanceof ShapeFailure)) throw error;
      why = `${node.op}: ${error.message}`;
    }
  }
  const noted = node.outputs.map((name) => (name === "" ? { type: "float32" as const, shape: [] } : notedInfo(file.values.get(name), sizeOfName)));
  if (noted.every((info) => info !== undefined)) return noted;
  throw new UserError(why, { file: file.path, field: nodeLabel(node) });
}

function notedInfo(declared: DeclaredValue | undefined, sizeOfName: (name: string) => number | undefined): TensorInfo | undefined {
  if (!declared?.type || !declared.shape) return undefined;
  const shape = declared.shape.map((size) => (typeof size === "string" ? sizeOfName(size) : size));
  return shape.every((size) => size !== undefined) ? { type: declared.type, shape } : undefined;
}

function checkShape({ shape }: TensorInfo, node: FileNode, path: string): void {
  const elements = shape.reduce((product, size) => product * size, 1);
  if (shape.length > mostDimensions || shape.some((size) => !Number.isSafeInteger(size) || size < 0) || !Number.isSafeInteger(elements * 16)) {
    throw new UserError(`${node.op} would make a tensor of shape [${shape.slice(0, 16).join(", ")}], which cannot be.`, { file: path, field: nodeLabel(node) });
  }
}
