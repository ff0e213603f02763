/** What kind of value each is: computed from samples, from weights alone, or known before anything runs. */
import type { NodeGraph } from "./graph";
import type { Infos } from "./infer";

/** Values that depend on no input of the graph: initializers and what is made of them alone. */
export function weightSide({ file, nodes }: NodeGraph): ReadonlySet<string> {
  const found = new Set(file.initializers.keys());
  for (const node of nodes) {
    if (node.inputs.every((name) => name === "" || found.has(name))) for (const name of node.outputs) if (name !== "") found.add(name);
  }
  return found;
}

export function isKnown(infos: Infos, name: string): boolean {
  return infos.get(name)?.value !== undefined;
}

/** A node whose results are all known is no work: they are written where they are used. */
export function isFolded(infos: Infos, outputs: readonly string[]): boolean {
  return outputs.every((name) => name === "" || isKnown(infos, name));
}
