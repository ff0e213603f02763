/** Which values a gradient flows back through. */
import type { ComponentNodes, Reference } from "./layers";
import { isFloat } from "./types";
import { isKnown } from "./values";

/** Values that depend on a trained parameter through floats: those that need a gradient. Parameters themselves are not among them. */
export function gradientValues({ graph: { nodes }, infos, parameters }: Reference, components: readonly ComponentNodes[], trained: ReadonlySet<string>): ReadonlySet<string> {
  const learns = new Uint8Array(nodes.length);
  for (const { name, layers } of components) if (trained.has(name)) for (const layer of layers) for (const index of layer.nodes) learns[index] = 1;
  const found = new Set<string>();
  for (const [index, node] of nodes.entries()) {
    if (!node.inputs.some((name) => found.has(name) || (learns[index] === 1 && parameters.has(name)))) continue;
    for (const name of node.outputs) if (name !== "" && isFloat(infos.get(name)?.type ?? "bool") && !isKnown(infos, name)) found.add(name);
  }
  return found;
}
