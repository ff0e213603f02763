/** A layer of nodes as a graph of its own at known shapes: what is known is written as constants, weights are parameters. */
import { UserError } from "../../model/errors";
import type { OnnxAttribute, OnnxConstant, OnnxGraph, OnnxNode, OnnxType, OnnxValue } from "../../model/onnx";
import { nodeLabel, type NodeGraph } from "./graph";
import type { Infos } from "./infer";
import { elementType, isFloat, typeNumber, type AttributeValue, type ElementType, type FileNode, type TensorInfo } from "./types";
import { isFolded, isKnown } from "./values";

const largestFloat = 3.4028234663852886e38;
/** Attributes that hold a type. */
const typeAttributes = new Set(["to", "dtype", "output_dtype", "output_datatype", "stash_type"]);

/**
 * Every float is float32, the precision that layers are described in.
 * @param layer Indices of the nodes, in order.
 * @throws UserError naming the node for types and operators that are not written.
 */
export function extractLayer(name: string, { file, nodes, consumers }: NodeGraph, layer: readonly number[], infos: Infos): OnnxGraph {
  const inLayer = new Set(layer);
  const running = layer.filter((index) => !isFolded(infos, nodes[index].outputs));
  const made = new Set(running.flatMap((index) => nodes[index].outputs));
  const used = new Map(running.flatMap((index) => nodes[index].inputs.filter((value) => value !== "" && !made.has(value)).map((value) => [value, nodes[index]] as const)));
  const results = new Set(file.outputs.map((output) => output.name));
  const write = (node: FileNode, value: string) => onnxValue(value, infos.get(value), node, file.path);
  const limits = indexLimits(running.map((index) => nodes[index]), infos);
  const withLimit = (value: OnnxValue): OnnxValue => (limits.has(value.name) && value.type.startsWith("int") ? { ...value, below: limits.get(value.name) } : value);
  const open = [...used].filter(([value]) => !isKnown(infos, value));
  const outputs = running.flatMap((index) =>
    nodes[index].outputs.filter((value) => value !== "" && !isKnown(infos, value) && (results.has(value) || (consumers.get(value) ?? []).some((user) => !inLayer.has(user)))).map((value) => write(nodes[index], value)),
  );
  const opset = file.operatorSets.get("") ?? 1;
  return {
    name,
    opset,
    inputs: open.filter(([value]) => !file.initializers.has(value)).map(([value, node]) => withLimit(write(node, value))),
    parameters: open.filter(([value]) => file.initializers.has(value)).map(([value, node]) => withLimit(write(node, value))),
    constants: [
      ...[...used].filter(([value]) => isKnown(infos, value)).map(([value, node]) => constant(write(node, value), infos.get(value)!)),
      ...running.flatMap((index) => (nodes[index].op === "ConstantOfShape" ? [fillValue(nodes[index], write(nodes[index], nodes[index].outputs[0]))] : [])),
    ],
    nodes: running.map((index) => onnxNode(nodes[index], infos, file.path)),
    outputs,
  };
}

const directTypes: readonly OnnxType[] = ["int64", "int32", "bool"];

function onnxValue(name: string, info: TensorInfo | undefined, node: FileNode, file: string): OnnxValue {
  const type = info && (isFloat(info.type) ? "float32" : directTypes.find((direct) => direct === info.type));
  if (!type) throw new UserError(`${node.op} works on ${info?.type ?? "an unknown type"}; layers with such values are not measured.`, { file, field: nodeLabel(node) });
  return { name, type, shape: info.shape };
}

/** Requests are sent as JSON, which has no infinities: the largest numbers do the same in a mask. */
function finite(value: number): number {
  return Number.isNaN(value) ? 0 : Math.min(largestFloat, Math.max(-largestFloat, value));
}

function constant(value: OnnxValue, info: TensorInfo): OnnxConstant {
  return { ...value, data: (info.value ?? []).map((one) => (value.type === "float32" ? finite(one) : value.type === "int32" ? Math.max(-(2 ** 31), Math.min(2 ** 31 - 1, one)) : one)) };
}

function onnxNode(node: FileNode, infos: Infos, file: string): OnnxNode {
  if (node.domain !== "") throw new UserError(`The operator ${node.domain}.${node.op} is not ONNX's own; layers with such operators are not measured.`, { file, field: nodeLabel(node) });
  // Its value is a tensor in an attribute; here it is a constant like any other.
  if (node.op === "ConstantOfShape") return { op: "Expand", inputs: [fillName(node), ...node.inputs], outputs: node.outputs };
  const attributes = [...node.attributes].map(([name, value]) => [name, onnxAttribute(name, value, node, file)] as const);
  for (const output of node.outputs) if (output !== "") onnxValue(output, infos.get(output), node, file);
  return { op: node.op, inputs: node.inputs, outputs: node.outputs, ...(attributes.length > 0 && { attributes: Object.fromEntries(attributes) }) };
}

function fillName(node: FileNode): string {
  return `${node.outputs[0]}.value`;
}

function fillValue(node: FileNode, { type }: OnnxValue): OnnxConstant {
  const value = node.attributes.get("value");
  return { name: fillName(node), type, shape: [], data: [finite((value?.kind === "tensor" ? value.value.value?.[0] : undefined) ?? 0)] };
}

function onnxAttribute(name: string, attribute: AttributeValue, node: FileNode, file: string): OnnxAttribute {
  switch (attribute.kind) {
    case "int": return typeAttributes.has(name) ? floatsAsFloat32(attribute.value) : attribute.value;
    case "float": return { float: finite(attribute.value) };
    case "text": return attribute.value;
    case "ints": return attribute.value;
    case "floats": return { floats: attribute.value.map(finite) };
    default: throw new UserError(`${node.op} has the attribute "${name}" of a kind that is not written; its layer is not measured.`, { file, field: nodeLabel(node) });
  }
}

function floatsAsFloat32(number: number): number {
  const type: ElementType | undefined = elementType(number);
  return type && isFloat(type) ? typeNumber("float32") : number;
}

const indexMoves = new Set(["Cast", "Reshape", "Unsqueeze", "Squeeze", "Flatten", "Identity", "Expand", "Slice"]);

/** Integers that pick rows of a table are below its size: followed back from each gathering to where they come from. */
function indexLimits(nodes: readonly FileNode[], infos: Infos): ReadonlyMap<string, number> {
  const limits = new Map<string, number>();
  for (const node of [...nodes].reverse()) {
    const lower = (name: string, limit: number) => limits.set(name, Math.min(limit, limits.get(name) ?? Infinity));
    if (node.op === "Gather" || node.op === "GatherElements") {
      const shape = infos.get(node.inputs[0])?.shape ?? [];
      const axis = node.attributes.get("axis");
      const size = shape.at(axis?.kind === "int" ? axis.value : 0);
      if (size !== undefined && size > 0) lower(node.inputs[1], size);
    } else if (indexMoves.has(node.op) && limits.has(node.outputs[0])) lower(node.inputs[0], limits.get(node.outputs[0])!);
  }
  return limits;
}
