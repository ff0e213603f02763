/** The tensors of a graph cut into layers: data, and what layers make for other layers or for the loss. */
import type { Chain, LayerRef, Tensor } from "../../model/profile";
import { dataTensor, layerTensor } from "../pipeline";
import type { NodeGraph } from "./graph";
import type { ComponentNodes } from "./layers";
import { bytesPerSample, isKnownAlways, type Samples } from "./samples";

/** @param gradients Values that a gradient flows back through. */
export function tensorsOfGraph(graph: NodeGraph, components: readonly ComponentNodes[], chains: readonly Chain[], gradients: ReadonlySet<string>, samples: Samples): readonly Tensor[] {
  const { nodes, file } = graph;
  const layers = components.flatMap((component) => component.layers.map((layer, index) => ({ component: component.name, layer: layer.name, index, nodes: layer.nodes })));
  const place = new Map(layers.flatMap((layer) => layer.nodes.map((node) => [node, layer] as const)));
  const chained = (component: string, index: number) => chains.some(({ segments }) => segments.some((segment) => segment.component === component && index >= segment.from && index < segment.to));
  const last = chains.at(-1)?.segments.at(-1);
  const lossLayer = last && layers.find((layer) => layer.component === last.component && layer.index === last.to - 1);
  const results = new Set(file.outputs.map(({ name }) => name));

  const usersOf = (name: string, own?: (typeof layers)[number]): readonly (typeof layers)[number][] => {
    const found = new Set((graph.consumers.get(name) ?? []).flatMap((index) => (isFoldedAlways(samples, nodes[index].outputs) ? [] : [place.get(index)!])));
    // The loss is computed where the chain ends, from what its layers give.
    if (lossLayer && own && results.has(name) && chained(own.component, own.index)) found.add(lossLayer);
    return layers.filter((layer) => layer !== own && found.has(layer));
  };
  const refs = (users: readonly (typeof layers)[number][]): readonly LayerRef[] => users.map(({ component, layer }) => ({ component, layer }));

  const fromData = file.inputs.map(({ name }): Tensor => ({
    id: dataTensor(name), producer: { component: "data", layer: name }, consumers: refs(usersOf(name)), ...bytesPerSample(samples, name), hasGradient: false, transport: "recompute",
  }));
  const fromLayers = layers.flatMap((own) => {
    const made = own.nodes.flatMap((index) => nodes[index].outputs).filter((name) => name !== "" && !isKnownAlways(samples, name));
    const crossing = made.map((name) => ({ name, users: usersOf(name, own) })).filter(({ name, users }) => users.length > 0 || results.has(name));
    return crossing.map(({ name, users }, output): Tensor => ({
      id: layerTensor(own.component, own.layer, output),
      producer: { component: own.component, layer: own.layer },
      consumers: refs(users),
      ...bytesPerSample(samples, name),
      hasGradient: gradients.has(name),
      transport: !chained(own.component, own.index) && users.some((user) => user.component !== own.component || chained(user.component, user.index)) ? "redistribute" : "chain",
    }));
  });
  return [...fromData, ...fromLayers];
}

function isFoldedAlways(samples: Samples, outputs: readonly string[]): boolean {
  return outputs.every((name) => name === "" || isKnownAlways(samples, name));
}
