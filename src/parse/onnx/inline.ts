/** Replaces calls of a file's own functions by the functions' nodes. */
import { UserError } from "../../model/errors";
import type { Attributes, FileNode, OnnxFile } from "./types";

/** What functions that call each other may grow to. */
const mostNodes = 500_000;
const deepest = 32;

/** @returns The file's nodes, none of them a call of one of its functions. @throws UserError for functions without end. */
export function inlinedNodes(file: OnnxFile): readonly FileNode[] {
  const functions = new Map(file.functions.map((found) => [`${found.domain}:${found.name}`, found]));
  if (functions.size === 0) return file.nodes;
  const nodes: FileNode[] = [];
  let calls = 0;
  const add = (node: FileNode, depth: number) => {
    const called = functions.get(`${node.domain}:${node.op}`);
    if (nodes.length >= mostNodes || depth > deepest) throw new UserError("The file's functions call each other without end, or grow too large.", { file: file.path, field: node.op });
    if (!called) {
      nodes.push(node);
      return;
    }
    const prefix = `${node.name || called.name}#${calls++}/`;
    const names = new Map<string, string>([["", ""]]);
    for (const [index, name] of called.inputs.entries()) names.set(name, node.inputs[index] ?? "");
    for (const [index, name] of called.outputs.entries()) names.set(name, node.outputs[index] || `${prefix}${name}`);
    const rename = (name: string) => names.get(name) ?? `${prefix}${name}`;
    const given = new Map([...called.defaults, ...node.attributes]);
    for (const inner of called.nodes) {
      add({ ...inner, name: `${prefix}${inner.name}`, inputs: inner.inputs.map(rename), outputs: inner.outputs.map(rename), attributes: resolved(inner.attributes, given), scope: inner.scope ?? node.scope }, depth + 1);
    }
  };
  for (const node of file.nodes) add(node, 0);
  return nodes;
}

/** References to the function's attributes replaced by what the call gives; those it does not give are left out. */
function resolved(attributes: Attributes, given: Attributes): Attributes {
  return new Map([...attributes].flatMap(([name, value]) => {
    if (value.kind !== "reference") return [[name, value] as const];
    const found = given.get(value.value);
    return found ? [[name, found] as const] : [];
  }));
}
