/** A graph's nodes as components and layers: which node is where, in which order, and what each layer is called. */
import type { NodeGraph } from "./graph";
import { flopsOf } from "./cost";
import { chooseCuts, liveBytes, type CutRule, type Span } from "./cut";
import type { Infos } from "./infer";
import { moduleOf } from "./parameters";
import type { Parts } from "./components";
import { bytesOfElement, type FileNode, type TensorInfo } from "./types";
import { isFolded, isKnown } from "./values";

export interface LayerNodes {
  readonly name: string;
  /** The operator with most of the work. */
  readonly kind: string;
  readonly modules: readonly string[];
  /** Indices of nodes, in order of execution. */
  readonly nodes: readonly number[];
}

export interface ComponentNodes {
  readonly name: string;
  readonly layers: readonly LayerNodes[];
}

export interface Reference {
  readonly graph: NodeGraph;
  readonly infos: Infos;
  readonly parameters: ReadonlySet<string>;
  readonly weightSide: ReadonlySet<string>;
}

export function bytesOf(info: TensorInfo | undefined): number {
  return info ? Math.ceil(info.shape.reduce((product, size) => product * size, bytesOfElement(info.type))) : 0;
}

/** @returns Every part with at least one node, in order; every node is in exactly one layer. */
export function layersOf(reference: Reference, parts: Parts, rule: CutRule): readonly ComponentNodes[] {
  const { nodes } = reference.graph;
  return parts.names.flatMap((name, part) => {
    const own = sunk(reference, [...nodes.keys()].filter((index) => parts.ofNode[index] === part));
    return own.length > 0 ? [{ name, layers: named(reference, cutInto(reference, own, rule)) }] : [];
  });
}

/** Nodes that work on weights or shapes alone stand right before the first that needs them, so that their results cross no cut needlessly. */
function sunk({ graph: { nodes, producers }, infos, weightSide }: Reference, own: readonly number[]): readonly number[] {
  const isLight = (node: FileNode) => node.outputs.every((name) => name === "" || weightSide.has(name) || isKnown(infos, name));
  const waiting = new Set(own.filter((index) => isLight(nodes[index])));
  const order: number[] = [];
  const release = (index: number) => {
    const stack = [index];
    while (stack.length > 0) {
      const top = stack.at(-1)!;
      const needed = nodes[top].inputs.flatMap((name) => (waiting.has(producers.get(name) ?? -1) && producers.get(name) !== top ? [producers.get(name)!] : []));
      if (needed.length > 0) {
        stack.push(...needed);
        continue;
      }
      stack.pop();
      if (top !== index && waiting.delete(top)) order.push(top);
    }
    waiting.delete(index);
    order.push(index);
  };
  const light = new Set(waiting);
  for (const index of own) if (!light.has(index)) release(index);
  for (const index of own) if (waiting.has(index)) release(index);
  return order;
}

function cutInto(reference: Reference, own: readonly number[], rule: CutRule): readonly (readonly number[])[] {
  const work = own.map((index) => workOf(reference, index));
  const live = liveBytes(own.length, spansOf(reference, own));
  let from = 0;
  return [...chooseCuts(work, live, rule), own.length - 1].map((cut) => {
    const layer = own.slice(from, cut + 1);
    from = cut + 1;
    return layer;
  });
}

/** FLOPs, and one more for each byte read or written: memory-bound operators count too. */
function workOf({ graph: { nodes }, infos, weightSide }: Reference, index: number): number {
  const node = nodes[index];
  if (isFolded(infos, node.outputs) || node.outputs.every((name) => name === "" || weightSide.has(name))) return 0;
  const inputs = node.inputs.map((name) => infos.get(name));
  const outputs = node.outputs.flatMap((name) => infos.get(name) ?? []);
  return flopsOf(node, inputs, outputs) + [...inputs, ...outputs].reduce((sum, info) => sum + bytesOf(info), 0);
}

/** Lives of the values that nodes of a sequence make of samples; what is used outside lives to its end. */
export function spansOf({ graph: { file, nodes, consumers }, infos, weightSide }: Reference, own: readonly number[]): readonly Span[] {
  const position = new Map(own.map((index, at) => [index, at]));
  const results = new Set(file.outputs.map(({ name }) => name));
  return own.flatMap((index, from) =>
    nodes[index].outputs.flatMap((name) => {
      if (name === "" || weightSide.has(name) || isKnown(infos, name)) return [];
      const to = (consumers.get(name) ?? []).reduce((last, user) => Math.max(last, position.get(user) ?? own.length), results.has(name) ? own.length : from);
      return [{ from, to, bytes: bytesOf(infos.get(name)) }];
    }),
  );
}

/** Each is called after the module that holds all its modules, or else its first one, or else by number. */
function named(reference: Reference, layers: readonly (readonly number[])[]): readonly LayerNodes[] {
  const taken = new Set<string>();
  return layers.map((nodes, at) => {
    const modules = modulesOf(reference, nodes);
    const number = `layer_${at}`;
    const name = [commonPath(modules), modules[0], ...(modules[0] ? [`${modules[0]}_${at}`] : []), number].find((candidate) => candidate !== undefined && candidate !== "" && !taken.has(candidate)) ?? number;
    taken.add(name);
    return { name, kind: kindOf(reference, nodes), modules, nodes };
  });
}

function modulesOf({ graph, parameters }: Reference, nodes: readonly number[]): readonly string[] {
  return [...new Set(nodes.flatMap((index) => graph.nodes[index].inputs.filter((name) => parameters.has(name)).map((name) => moduleOf(name).slice(0, 200))))];
}

function commonPath(modules: readonly string[]): string {
  const [first, ...rest] = modules.map((module) => module.split("."));
  if (!first) return "";
  let length = 0;
  while (length < first.length && rest.every((path) => path[length] === first[length])) length += 1;
  return first.slice(0, length).join(".");
}

function kindOf(reference: Reference, nodes: readonly number[]): string {
  const work = new Map<string, number>();
  for (const index of nodes) {
    const { op } = reference.graph.nodes[index];
    work.set(op, (work.get(op) ?? 0) + workOf(reference, index));
  }
  return [...work].reduce((most, one) => (one[1] > most[1] ? one : most))[0];
}
