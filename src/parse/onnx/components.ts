/** Parts of a file that are models of their own, told by the first part of the names of nodes and parameters. */
import { UserError } from "../../model/errors";
import type { NodeGraph } from "./graph";
import type { FileNode } from "./types";

/** What pipelines call their parts; the backbones, which train by default, apart. */
const backbones = ["unet", "transformer", "controlnet", "prior", "denoiser", "dit", "backbone"];
const others = ["text_encoder", "text_encoder_2", "text_encoder_3", "text_model", "image_encoder", "vision_model", "vae", "vae_encoder", "vae_decoder", "autoencoder", "first_stage_model", "cond_stage_model", "safety_checker"];

/** Parts that do not train by themselves. */
export function isFrozenPart(component: string): boolean {
  return others.includes(component);
}

export function isBackbone(component: string): boolean {
  return backbones.includes(component);
}

export interface Parts {
  /** In order of execution. */
  readonly names: readonly string[];
  /** Of each node, the index of its part; never less than that of a node it needs. */
  readonly ofNode: readonly number[];
}

/**
 * @param given Names that tell parts; usual names of a diffusion pipeline's parts where left out.
 * A node without such a name goes with the next part that needs it, or with the last one before it.
 * @returns One part with the name `whole` where names tell fewer than two, or where they run in turns.
 * @throws UserError where the given names tell no order.
 */
export function partsOf(graph: NodeGraph, parameters: ReadonlySet<string>, whole: string, given?: readonly string[]): Parts {
  const single = { names: [whole], ofNode: graph.nodes.map(() => 0) };
  const known = new Set(given ?? [...backbones, ...others]);
  const owners = graph.nodes.map((node) => ownerOf(node, parameters, known));
  const found = [...new Set(owners.filter((owner) => owner !== undefined))];
  const missing = given?.find((name) => !found.includes(name));
  if (missing !== undefined) throw new UserError(`No node or parameter of the file has a name that begins with "${missing.slice(0, 100)}".`, { file: graph.file.path, field: "components" });
  if (found.length < 2) return found.length === 1 && given ? { ...single, names: found } : single;
  const order = partOrder(graph, owners, found);
  if (!order) {
    if (given) throw new UserError("The parts need each other's results in turns, so they cannot be components.", { file: graph.file.path, field: "components" });
    return single;
  }
  return { names: order, ofNode: assign(graph, owners.map((owner) => (owner === undefined ? undefined : order.indexOf(owner))), order.length) };
}

/** The first part of the node's path ("/unet/conv_in/Conv"), of its scope ("unet.conv_in") or of a parameter of its own ("unet.conv_in.weight"). */
function ownerOf(node: FileNode, parameters: ReadonlySet<string>, known: ReadonlySet<string>): string | undefined {
  const names = [node.name.startsWith("/") ? node.name.slice(1) : node.name, node.scope ?? "", ...node.inputs.filter((name) => parameters.has(name))];
  for (const name of names) {
    const first = name.split(/[/.]/, 1)[0];
    if (known.has(first) && first.length < name.length) return first;
  }
  return undefined;
}

/** Parts sorted by what they need of each other, also through nodes of no part. Undefined where they need each other in turns. */
function partOrder({ nodes, producers }: NodeGraph, owners: readonly (string | undefined)[], found: readonly string[]): readonly string[] | undefined {
  const needs = new Map(found.map((name) => [name, new Set<string>()]));
  const behind: (readonly string[])[] = [];
  for (const [index, node] of nodes.entries()) {
    const sources = new Set(node.inputs.flatMap((name) => behind[producers.get(name) ?? -1] ?? []));
    const owner = owners[index];
    if (owner === undefined) behind.push([...sources]);
    else {
      for (const source of sources) if (source !== owner) needs.get(owner)!.add(source);
      behind.push([owner]);
    }
  }
  const order: string[] = [];
  while (order.length < found.length) {
    const next = found.find((name) => !order.includes(name) && [...needs.get(name)!].every((need) => order.includes(need)));
    if (next === undefined) return undefined;
    order.push(next);
  }
  return order;
}

/** Ranks of nodes of no part: the least rank behind them, or else the greatest before them. */
function assign({ nodes, producers, consumers }: NodeGraph, owned: readonly (number | undefined)[], parts: number): readonly number[] {
  const ranks: number[] = new Array<number>(nodes.length).fill(Infinity);
  for (let index = nodes.length - 1; index >= 0; index -= 1) {
    const users = nodes[index].outputs.flatMap((name) => consumers.get(name) ?? []);
    ranks[index] = owned[index] ?? users.reduce((least, user) => Math.min(least, ranks[user]), Infinity);
  }
  for (const [index, node] of nodes.entries()) {
    if (ranks[index] !== Infinity) continue;
    const before = node.inputs.flatMap((name) => (producers.has(name) ? [ranks[producers.get(name)!]] : []));
    ranks[index] = before.length > 0 ? Math.max(...before) : parts - 1;
  }
  return ranks;
}
