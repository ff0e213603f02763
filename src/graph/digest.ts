/** A fingerprint of what a graph computes, whatever its values are called. */
import { createHash } from "node:crypto";
import type { OnnxGraph, OnnxValue } from "../model/onnx";

/** SHA-256 over the graph with its values renamed in order of first appearance. Equal for equal work in any model. */
export function graphDigest(graph: OnnxGraph): string {
  const numbers = new Map<string, number>();
  const number = (name: string) => {
    if (name === "") return -1;
    const known = numbers.get(name) ?? numbers.size;
    numbers.set(name, known);
    return known;
  };
  const value = ({ name, type, shape, below }: OnnxValue) => [number(name), type, shape, below ?? null];
  const canonical = [
    graph.inputs.map(value),
    graph.parameters.map(value),
    graph.constants.map((constant) => [...value(constant), constant.data]),
    graph.nodes.map((node) => [node.domain ? `${node.domain}.${node.op}` : node.op, node.inputs.map(number), node.outputs.map(number), Object.entries(node.attributes ?? {}).sort(([a], [b]) => (a < b ? -1 : 1))]),
    graph.outputs.map(value),
    ...(graph.opset === undefined ? [] : [graph.opset]),
  ];
  return createHash("sha256").update(JSON.stringify(canonical)).digest("hex");
}
