/** A file's nodes in an order in which they can run, with who makes and who uses each value. */
import { UserError } from "../../model/errors";
import { inlinedNodes } from "./inline";
import type { FileNode, OnnxFile } from "./types";

export interface NodeGraph {
  readonly file: OnnxFile;
  /** Every node after those it needs; as in the file where that is so. */
  readonly nodes: readonly FileNode[];
  /** Value -> index of the node that makes it. */
  readonly producers: ReadonlyMap<string, number>;
  /** Value -> indices of the nodes that use it, ascending. */
  readonly consumers: ReadonlyMap<string, readonly number[]>;
}

/** What to call a node in a message. */
export function nodeLabel(node: FileNode): string {
  return (node.name || node.outputs.find((name) => name !== "") || node.op).slice(0, 200);
}

/** @throws UserError naming the node for values made twice or never, and for cycles. */
export function nodeGraph(file: OnnxFile): NodeGraph {
  const nodes = inlinedNodes(file);
  const producers = new Map<string, number>();
  const inputs = new Set(file.inputs.map(({ name }) => name));
  for (const [index, node] of nodes.entries()) {
    if (node.op === "") throw new UserError("The node has no operator.", { file: file.path, field: nodeLabel(node) });
    for (const output of node.outputs) {
      if (output === "") continue;
      if (producers.has(output) || inputs.has(output) || file.initializers.has(output)) throw new UserError(`The value "${output.slice(0, 200)}" is made twice.`, { file: file.path, field: nodeLabel(node) });
      producers.set(output, index);
    }
  }
  for (const node of nodes) {
    const missing = node.inputs.find((name) => name !== "" && !producers.has(name) && !inputs.has(name) && !file.initializers.has(name));
    if (missing !== undefined) throw new UserError(`${node.op} needs the value "${missing.slice(0, 200)}", which nothing makes.`, { file: file.path, field: nodeLabel(node) });
  }
  const sorted = inOrder(file, nodes, producers).map((index) => nodes[index]);
  return {
    file,
    nodes: sorted,
    producers: new Map(sorted.flatMap((node, index) => node.outputs.filter((name) => name !== "").map((name) => [name, index] as const))),
    consumers: consumersOf(sorted),
  };
}

function consumersOf(nodes: readonly FileNode[]): ReadonlyMap<string, readonly number[]> {
  const consumers = new Map<string, number[]>();
  for (const [index, node] of nodes.entries()) {
    for (const input of new Set(node.inputs)) {
      if (input === "") continue;
      const list = consumers.get(input);
      if (list) list.push(index);
      else consumers.set(input, [index]);
    }
  }
  return consumers;
}

/** Depth first from each node in file order: a node that stands after all it needs stays where it is. Without recursion, since graphs may be deep. */
function inOrder(file: OnnxFile, nodes: readonly FileNode[], producers: ReadonlyMap<string, number>): readonly number[] {
  const state = new Uint8Array(nodes.length);
  const order: number[] = [];
  for (const start of nodes.keys()) {
    const stack = [start];
    while (stack.length > 0) {
      const index = stack.at(-1)!;
      if (state[index] === 2) {
        stack.pop();
        continue;
      }
      const waiting = nodes[index].inputs.map((name) => producers.get(name)).filter((needed) => needed !== undefined && state[needed] !== 2);
      state[index] = 1;
      if (waiting.some((needed) => state[needed!] === 1)) throw new UserError("The node needs its own result: the graph has a cycle.", { file: file.path, field: nodeLabel(nodes[index]) });
      if (waiting.length === 0) {
        state[index] = 2;
        order.push(index);
        stack.pop();
      } else for (const needed of waiting) stack.push(needed!);
    }
  }
  return order;
}
