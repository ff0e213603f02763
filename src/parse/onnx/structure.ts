/** A model of an ONNX file before sizes are bound: components, layers, flags, chains. */
import type { ModelComponent, ModelLayer } from "../../model/model";
import type { Chain } from "../../model/profile";
import type { RoleChoice } from "../../model/choice";
import { checkRoles } from "../roles";
import { isBackbone, isFrozenPart } from "./components";
import { gradientValues } from "./gradients";
import type { ComponentNodes, Reference } from "./layers";
import { countElements } from "./parameters";

export interface Structure {
  readonly components: readonly ModelComponent[];
  readonly chains: readonly Chain[];
  /** Values that need a gradient. */
  readonly gradients: ReadonlySet<string>;
  readonly trained: ReadonlySet<string>;
}

/** Backbones train; without one, a file that is not called like a frozen part. @throws UserError for a choice that cannot be. */
export function chooseTrained(names: readonly string[], path: string, { train = [], freeze = [] }: RoleChoice): ReadonlySet<string> {
  checkRoles(names, { train, freeze }, path);
  const usual = names.some(isBackbone) ? names.filter(isBackbone) : names.length === 1 ? names.filter((name) => !isFrozenPart(name)) : [];
  return new Set([...usual, ...train].filter((name) => !freeze.includes(name)));
}

export function structureOf(reference: Reference, components: readonly ComponentNodes[], trained: ReadonlySet<string>, kind: string): Structure {
  const { graph, parameters } = reference;
  const gradients = gradientValues(reference, components, trained);
  const counted = new Set<string>();
  const described = components.map((component): ModelComponent => {
    const layers = component.layers.map((layer): ModelLayer => {
      const inputs = layer.nodes.flatMap((index) => graph.nodes[index].inputs);
      const made = new Set(layer.nodes.flatMap((index) => graph.nodes[index].outputs));
      const own = new Set(inputs.filter((name) => parameters.has(name)));
      // A parameter that several layers use counts where it is used first.
      const first = [...own].filter((name) => !counted.has(name));
      for (const name of first) counted.add(name);
      return {
        name: layer.name,
        kind: layer.kind,
        modules: layer.modules,
        parameters: countElements(graph.file, first),
        needsInputGrad: inputs.some((name) => gradients.has(name) && !made.has(name)),
        needsWeightGrad: trained.has(component.name) && own.size > 0,
      };
    });
    return {
      name: component.name,
      class: kind,
      role: trained.has(component.name) ? "trained" : "frozen",
      parameters: layers.reduce((sum, layer) => sum + layer.parameters, 0),
      after: needsOf(reference, components, component),
      layers,
    };
  });
  return { components: described, chains: chainsOf(described), gradients, trained };
}

function needsOf({ graph: { nodes } }: Reference, components: readonly ComponentNodes[], component: ComponentNodes): readonly string[] {
  const inputs = new Set(component.layers.flatMap((layer) => layer.nodes.flatMap((index) => nodes[index].inputs)));
  return components
    .filter((other) => other !== component && other.layers.some((layer) => layer.nodes.some((index) => nodes[index].outputs.some((name) => name !== "" && inputs.has(name)))))
    .map(({ name }) => name);
}

/** One chain of every component that a gradient reaches, each from its first such layer on; called after the last that trains. */
function chainsOf(components: readonly ModelComponent[]): readonly Chain[] {
  const segments = components.flatMap(({ name, layers }) => {
    const from = layers.findIndex((layer) => layer.needsInputGrad || layer.needsWeightGrad);
    return from < 0 ? [] : [{ component: name, from, to: layers.length }];
  });
  const last = components.filter(({ role }) => role === "trained").at(-1);
  return segments.length > 0 && last ? [{ id: last.name, segments }] : [];
}
