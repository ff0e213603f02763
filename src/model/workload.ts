/** A profile resolved for planning: the chain as one list of layers, what crosses each cut, and the frozen work with its outputs. */
import { UserError } from "./errors";
import type { Chain, Profile, ProfileLayer, Tensor } from "./profile";

/** What crosses a boundary between two layers. Bytes for b samples: perSample * b + fixed. */
export interface Crossing {
  readonly tensors: readonly string[];
  readonly perSample: number;
  readonly fixed: number;
}

export interface Cut {
  readonly forward: Crossing;
  /** Gradients that flow back; undefined where nothing before the cut learns. */
  readonly backward: Crossing | undefined;
}

/** The first `to` layers of a component, all frozen: the component as a whole, or what of it comes before the chain. */
export interface FrozenPart {
  readonly component: string;
  readonly to: number;
  readonly layers: readonly ProfileLayer[];
  /** Indices of the parts that must be done for a sample before this one starts on it. */
  readonly after: readonly number[];
  /** `crossings[l]`: what a sample carries between layers l-1 and l. */
  readonly crossings: readonly Crossing[];
}

/** A value that frozen work makes for the chain or for other frozen work. */
export interface Encoding {
  readonly id: string | undefined;
  readonly part: number;
  /** The component's layer that makes it. */
  readonly layer: number;
  readonly perSample: number;
  readonly fixed: number;
  /** Chain positions of its consumers. */
  readonly positions: readonly number[];
  /** Frozen parts that consume it. */
  readonly parts: readonly number[];
}

export interface Workload {
  readonly profile: Profile;
  readonly chain: Chain;
  /** The chain's layers, its segments laid end to end. */
  readonly layers: readonly ProfileLayer[];
  /** `cuts[k]` lies before chain layer k; 0 < k < layers.length. */
  readonly cuts: readonly Cut[];
  /** In an order in which each part comes after those it needs. */
  readonly frozen: readonly FrozenPart[];
  readonly encodings: readonly Encoding[];
}

export const nothing: Crossing = { tensors: [], perSample: 0, fixed: 0 };

export function crossingBytes(crossing: { readonly perSample: number; readonly fixed: number }, samples: number): number {
  return crossing.perSample * samples + crossing.fixed;
}

function sum(tensors: readonly Tensor[]): Crossing {
  return {
    tensors: tensors.map((tensor) => tensor.id),
    perSample: tensors.reduce((bytes, tensor) => bytes + tensor.bytesPerSample, 0),
    fixed: tensors.reduce((bytes, tensor) => bytes + (tensor.bytesFixed ?? 0), 0),
  };
}

/** @throws UserError for more than one chain, and for frozen work that waits for trained layers. */
export function workloadOf(profile: Profile): Workload {
  if (profile.chains.length !== 1) {
    throw new UserError(`The profile has ${profile.chains.length} chains; plans are made for one chain so far.`, { field: "chains" });
  }
  const chain = profile.chains[0];
  const components = new Map(profile.components.map((component) => [component.name, component]));
  const positions = new Map<string, number>();
  const layers: ProfileLayer[] = [];
  for (const segment of chain.segments) {
    const component = components.get(segment.component);
    if (!component) throw new UserError(`There is no component "${segment.component}".`, { field: "chains[0].segments" });
    for (const layer of component.layers.slice(segment.from, segment.to)) {
      positions.set(`${component.name}/${layer.name}`, layers.length);
      layers.push(layer);
    }
  }
  const frozen = frozenParts(profile, chain, positions);
  return { profile, chain, layers, cuts: chainCuts(profile, layers, positions), frozen, encodings: encodingsOf(profile, frozen, positions, layers.length) };
}

function chainCuts(profile: Profile, layers: readonly ProfileLayer[], positions: ReadonlyMap<string, number>): readonly Cut[] {
  const spans = (profile.tensors ?? [])
    .filter((tensor) => tensor.transport === "chain")
    .map((tensor) => ({
      tensor,
      from: positions.get(`${tensor.producer.component}/${tensor.producer.layer}`),
      to: Math.max(...tensor.consumers.map((consumer) => positions.get(`${consumer.component}/${consumer.layer}`) ?? -1)),
    }));
  let learns = false;
  return layers.map((_, cut) => {
    if (cut === 0) return { forward: nothing, backward: undefined };
    const before = layers[cut - 1];
    learns ||= before.needsInputGrad || before.needsWeightGrad;
    if (profile.tensors === undefined) {
      const bytes = before.cutBytesPerSample;
      return { forward: { ...nothing, perSample: bytes.forward }, backward: learns ? { ...nothing, perSample: bytes.backward } : undefined };
    }
    const crossing = spans.filter(({ from, to }) => from !== undefined && from < cut && to >= cut).map(({ tensor }) => tensor);
    return { forward: sum(crossing), backward: learns ? sum(crossing.filter((tensor) => tensor.hasGradient)) : undefined };
  });
}

/**
 * Whole components in no chain, and the layers of a component before its first one in the chain (the locked down blocks
 * beside a ControlNet). Sorted so that dependencies come first.
 */
function frozenParts(profile: Profile, chain: Chain, positions: ReadonlyMap<string, number>): readonly FrozenPart[] {
  const parts: FrozenPart[] = [];
  const partOf = new Map<string, number>();
  const inChain = new Set(chain.segments.map((segment) => segment.component));
  const placed = new Set<string>();
  const place = (name: string): void => {
    if (placed.has(name)) return;
    placed.add(name);
    const component = profile.components.find((candidate) => candidate.name === name);
    if (!component) return;
    component.after.forEach(place);
    const trained = component.after.find((other) => inChain.has(other) && !partOf.has(other));
    if (trained !== undefined && !inChain.has(name)) {
      throw new UserError(`Frozen component "${name}" waits for "${trained}", which trains; such work cannot be moved into another iteration.`, { field: "components" });
    }
    const isFrozen = component.layers.map((layer) => !positions.has(`${name}/${layer.name}`));
    const to = isFrozen.indexOf(false) < 0 ? isFrozen.length : isFrozen.indexOf(false);
    if (isFrozen.includes(true, to)) {
      throw new UserError(`Layers of "${name}" that are in no chain follow layers that are; they would wait for trained layers.`, { field: "chains[0].segments" });
    }
    if (to === 0) return;
    const after = component.after.flatMap((other) => partOf.get(other) ?? []);
    partOf.set(name, parts.length);
    parts.push({ component: name, to, layers: component.layers.slice(0, to), after, crossings: partCrossings(profile, name, to) });
  };
  profile.components.forEach((component) => place(component.name));
  return parts;
}

function partCrossings(profile: Profile, name: string, to: number): readonly Crossing[] {
  const layers = profile.components.find((component) => component.name === name)?.layers ?? [];
  const index = new Map(layers.map((layer, position) => [layer.name, position]));
  return Array.from({ length: to }, (_, boundary) => {
    if (boundary === 0) return nothing;
    if (profile.tensors === undefined) return { ...nothing, perSample: layers[boundary - 1].cutBytesPerSample.forward };
    return sum(
      profile.tensors.filter((tensor) => {
        const made = tensor.producer.component === name ? index.get(tensor.producer.layer) : undefined;
        const inPart = (layer: string) => (index.get(layer) ?? -1) >= boundary && (index.get(layer) ?? -1) < to;
        return made !== undefined && made < boundary && tensor.consumers.some((consumer) => consumer.component === name && inPart(consumer.layer));
      }),
    );
  });
}

function encodingsOf(profile: Profile, frozen: readonly FrozenPart[], positions: ReadonlyMap<string, number>, length: number): readonly Encoding[] {
  if (profile.tensors === undefined) return lastOutputs(frozen, length);
  const place = new Map<string, { part: number; layer: number }>();
  frozen.forEach((part, p) => part.layers.forEach((layer, index) => place.set(`${part.component}/${layer.name}`, { part: p, layer: index })));
  return profile.tensors.flatMap((tensor): Encoding[] => {
    const made = place.get(`${tensor.producer.component}/${tensor.producer.layer}`);
    if (!made || tensor.transport === "recompute") return [];
    const chainConsumers = new Set<number>();
    const parts = new Set<number>();
    for (const consumer of tensor.consumers) {
      const key = `${consumer.component}/${consumer.layer}`;
      const part = place.get(key)?.part;
      if (part === undefined) chainConsumers.add(positions.get(key) ?? length - 1); // the loss follows the chain's last layer
      else if (part !== made.part) parts.add(part);
    }
    if (chainConsumers.size + parts.size === 0) return [];
    return [{ id: tensor.id, ...made, perSample: tensor.bytesPerSample, fixed: tensor.bytesFixed ?? 0, positions: [...chainConsumers].sort((a, b) => a - b), parts: [...parts] }];
  });
}

/** Without tensors, what the last layer of each part makes is taken to be needed by the parts after it and by every layer of the chain. */
function lastOutputs(frozen: readonly FrozenPart[], length: number): readonly Encoding[] {
  const everywhere = Array.from({ length }, (_, position) => position);
  return frozen.map((part, p) => ({
    id: undefined,
    part: p,
    layer: part.to - 1,
    perSample: part.layers[part.layers.length - 1].cutBytesPerSample.forward,
    fixed: 0,
    positions: everywhere,
    parts: frozen.flatMap((other, o) => (other.after.includes(p) ? [o] : [])),
  }));
}
