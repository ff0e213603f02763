/** A pipeline at bound sizes: what each layer costs, which tensors go from where to where, and what crosses each cut. */
import { UserError } from "../model/errors";
import type { BoundLayer, ModelComponent } from "../model/model";
import type { Bindings, Chain, LayerRef, Tensor } from "../model/profile";
import { dataTensor, sourceTensor, type Pipeline, type Placed } from "./pipeline";
import { cutBytes, type CutBytes } from "./tensors";

type BoundComponent = Omit<ModelComponent, "layers"> & { readonly layers: readonly BoundLayer[] };
type BoundPart = ReturnType<Placed["bind"]>;

/** @throws UserError when the bindings do not fit the model. */
export function bindPipeline(
  pipeline: Pipeline,
  components: readonly ModelComponent[],
  placed: ReadonlyMap<string, Placed>,
  chains: readonly Chain[],
  bindings: Bindings,
): { readonly components: readonly BoundComponent[]; readonly tensors: readonly Tensor[] } {
  checkWhole(bindings);
  const parts = new Map(pipeline.components.map(({ name, sizes }) => [name, placedOf(placed, name).bind(sizes(bindings))] as const));
  const tensors = tensorsOf(pipeline, placed, parts, chains, bindings);
  const cuts = cutsByLayer(components, chains, tensors);
  return {
    tensors,
    components: components.map((component) => ({
      ...component,
      layers: (parts.get(component.name)?.layers ?? []).map((layer) => ({ ...layer, cutBytesPerSample: cuts.get(`${component.name}/${layer.name}`) ?? { forward: 0, backward: 0 } })),
    })),
  };
}

function placedOf(placed: ReadonlyMap<string, Placed>, name: string): Placed {
  const found = placed.get(name);
  if (!found) throw new Error(`The component "${name}" has no place.`);
  return found;
}

function checkWhole(bindings: Bindings): void {
  for (const name of ["height", "width", "sequenceLength", "frames"] as const) {
    const value = bindings[name];
    if (value !== undefined && (!Number.isSafeInteger(value) || value < 1)) throw new UserError(`Expected a whole number of at least 1, found ${String(value)}.`, { field: name });
  }
}

const firstChained = (chains: readonly Chain[]) => new Map(chains.flatMap(({ segments }) => segments.map(({ component, from }) => [component, from] as const)));

/** Data first, then every layer's outputs, in order of execution. */
function tensorsOf(pipeline: Pipeline, placed: ReadonlyMap<string, Placed>, parts: ReadonlyMap<string, BoundPart>, chains: readonly Chain[], bindings: Bindings): readonly Tensor[] {
  const outside = outsideConsumers(pipeline, placed);
  const positions = new Map(pipeline.components.map(({ name }, c) => [name, { component: c, layers: new Map(placedOf(placed, name).layers.map((layer, index) => [layer.name, index])) }]));
  const place = ({ component, layer }: LayerRef) => ({ component: positions.get(component)?.component ?? -1, layer: positions.get(component)?.layers.get(layer) ?? -1 });
  /** Each layer once, in order of execution. */
  const inOrder = (consumers: readonly LayerRef[]): readonly LayerRef[] => {
    const unique = new Map(consumers.map((consumer) => [`${consumer.component}/${consumer.layer}`, { consumer, at: place(consumer) }]));
    return [...unique.values()].sort((a, b) => a.at.component - b.at.component || a.at.layer - b.at.layer).map(({ consumer }) => consumer);
  };
  const first = firstChained(chains);
  const inChain = (reference: LayerRef) => place(reference).layer >= (first.get(reference.component) ?? Infinity);
  const fromData = pipeline.data.map(({ name, bytes }): Tensor => {
    const { perSample, fixed } = bytes(bindings);
    return {
      id: dataTensor(name), producer: { component: "data", layer: name }, consumers: inOrder(outside.get(dataTensor(name)) ?? []),
      bytesPerSample: perSample, ...(fixed > 0 && { bytesFixed: fixed }), hasGradient: false, transport: "recompute",
    };
  });
  const fromLayers = [...parts.values()].flatMap((part) =>
    part.tensors.map((tensor): Tensor => {
      const consumers = inOrder([...tensor.consumers, ...(outside.get(tensor.id) ?? [])]);
      const leaves = !inChain(tensor.producer) && consumers.some((user) => user.component !== tensor.producer.component || inChain(user));
      return { ...tensor, consumers, transport: leaves ? "redistribute" : "chain" };
    }),
  );
  return [...fromData, ...fromLayers];
}

/** Tensor id -> layers of other components that read it; a loss reads where its component ends. */
function outsideConsumers(pipeline: Pipeline, placed: ReadonlyMap<string, Placed>): ReadonlyMap<string, readonly LayerRef[]> {
  const consumers = new Map<string, LayerRef[]>();
  const consume = (tensor: string, component: string, layer: string) => {
    const list = consumers.get(tensor);
    if (list) list.push({ component, layer });
    else consumers.set(tensor, [{ component, layer }]);
  };
  for (const { name, inputs } of pipeline.components) {
    const { readers, layers } = placedOf(placed, name);
    for (const [input, sources] of Object.entries(inputs)) {
      for (const layer of readers.get(input) ?? []) for (const source of sources) consume(sourceTensor(pipeline, source), name, layer);
    }
    for (const loss of pipeline.losses) {
      if (loss.component === name) for (const need of loss.needs) consume(sourceTensor(pipeline, need), name, layers[layers.length - 1].name);
    }
  }
  return consumers;
}

/** Each chain is one sequence, and so is what of a component is in none. */
function cutsByLayer(components: readonly ModelComponent[], chains: readonly Chain[], tensors: readonly Tensor[]): ReadonlyMap<string, CutBytes> {
  const references = (component: string, from = 0, to?: number) =>
    (components.find(({ name }) => name === component)?.layers ?? []).slice(from, to).map((layer) => ({ component, layer: layer.name }));
  const first = firstChained(chains);
  const sequences = [
    ...chains.map(({ segments }) => segments.flatMap(({ component, from, to }) => references(component, from, to))),
    ...components.map(({ name }) => references(name, 0, first.get(name))),
  ];
  return new Map(sequences.flatMap((sequence) => cutBytes(sequence, tensors).map((cut, index) => [`${sequence[index].component}/${sequence[index].layer}`, cut] as const)));
}
