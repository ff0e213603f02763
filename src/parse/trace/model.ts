/** A traced module by itself as a model: one component, trained unless it is chosen to be frozen, whose input comes with the data. */
import { UserError } from "../../model/errors";
import type { Model, ModelComponent } from "../../model/model";
import type { Bindings, Chain, FileRef, Tensor } from "../../model/profile";
import { dataTensor } from "../pipeline";
import type { RoleChoice } from "../../model/choice";
import { cutBytes } from "../tensors";
import type { TracedComponent } from "./component";

/**
 * @param name What the component is called.
 * @param source The configuration that it was built from: an absolute path and its fingerprint.
 * @throws UserError for a choice that names another component, or that leaves nothing to train.
 */
export function tracedModel(traced: TracedComponent, name: string, source: FileRef, { train = [], freeze = [] }: RoleChoice = {}): Model {
  for (const [field, chosen] of [["train", train], ["freeze", freeze]] as const) {
    const unknown = chosen.find((other) => other !== name);
    if (unknown !== undefined) throw new UserError(`The model has no component "${unknown}".`, { field, hint: `Its one component is "${name}".` });
  }
  if (train.length > 0 && freeze.length > 0) throw new UserError(`"${name}" is to be both trained and frozen.`, { field: "train" });
  const trained = freeze.length === 0;
  const placed = traced.place(name, { trained, inputs: false });
  const first = placed.layers.findIndex((layer) => layer.needsInputGrad || layer.needsWeightGrad);
  const component: ModelComponent = { name, class: traced.class, role: trained ? "trained" : "frozen", parameters: traced.parameters, after: [], layers: placed.layers };
  const chains: Chain[] = first < 0 ? [] : [{ id: name, segments: [{ component: name, from: first, to: placed.layers.length }] }];
  return {
    path: source.path,
    sha256: source.sha256,
    class: traced.class,
    components: [component],
    chains,
    defaultBindings: traced.sizes,
    predictionType: "epsilon",
    bind(bindings: Bindings) {
      traced.checkSizes(bindings);
      const tensors = [...dataTensors(traced, name), ...fromLayers(placed.tensors, placed.layers.map((layer) => layer.name), first)];
      const references = placed.layers.map((layer) => ({ component: name, layer: layer.name }));
      const sequences = first > 0 ? [references.slice(0, first), references.slice(first)] : [references];
      const cuts = sequences.flatMap((sequence) => cutBytes(sequence, tensors));
      const bound = placed.bound.map((layer, index) => ({ ...layer, cutBytesPerSample: cuts[index] }));
      return { model: source, bindings, chains, tensors, components: [{ ...component, layers: bound }] };
    },
  };
}

function dataTensors(traced: TracedComponent, component: string): readonly Tensor[] {
  return traced.inputs.map(({ name, bytesPerSample, bytesFixed, consumers }) => ({
    id: dataTensor(name),
    producer: { component: "data", layer: name },
    consumers: consumers.map((layer) => ({ component, layer })),
    bytesPerSample,
    ...(bytesFixed !== undefined && { bytesFixed }),
    hasGradient: false,
    transport: "recompute",
  }));
}

/** What layers before the chain hand into it is sent to it once; all else goes along. */
function fromLayers(tensors: readonly Tensor[], order: readonly string[], first: number): readonly Tensor[] {
  const inChain = new Set(first < 0 ? [] : order.slice(first));
  return tensors.map((tensor) => {
    const leaves = !inChain.has(tensor.producer.layer) && tensor.consumers.some(({ layer }) => inChain.has(layer));
    return leaves ? { ...tensor, transport: "redistribute" } : tensor;
  });
}
