/** A profile resolved for planning: each chain as one list of layers, what crosses each cut, and the frozen work with its outputs. */
import { UserError } from "./errors";
import type { Chain, Profile, ProfileLayer } from "./profile";

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

/** A value that travels along a chain, from the layer that makes it to those that use it (chain positions, ascending). */
export interface Span {
  readonly id: string;
  readonly perSample: number;
  readonly fixed: number;
  readonly hasGradient: boolean;
  readonly from: number;
  readonly consumers: readonly number[];
}

/** What one pipeline runs. */
export interface ChainWork {
  readonly chain: Chain;
  /** The chain's layers, its segments laid end to end. */
  readonly layers: readonly ProfileLayer[];
  /** `cuts[k]` lies before layer k; 0 < k < layers.length. */
  readonly cuts: readonly Cut[];
  /** Undefined where the profile has no tensors: then only the cuts are known. */
  readonly spans: readonly Span[] | undefined;
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
  /** `[chain]`: positions of its consumers, ascending. */
  readonly positions: readonly (readonly number[])[];
  /** Frozen parts that consume it, and which of their layers do. */
  readonly parts: readonly { readonly part: number; readonly layers: readonly number[] }[];
}

export interface Workload {
  readonly profile: Profile;
  readonly chains: readonly ChainWork[];
  /** In an order in which each part comes after those it needs. */
  readonly frozen: readonly FrozenPart[];
  readonly encodings: readonly Encoding[];
}

export const nothing: Crossing = { tensors: [], perSample: 0, fixed: 0 };

export function crossingBytes(crossing: { readonly perSample: number; readonly fixed: number }, samples: number): number {
  return crossing.perSample * samples + crossing.fixed;
}

function sum(values: readonly { readonly id: string; readonly perSample: number; readonly fixed: number }[]): Crossing {
  return {
    tensors: values.map(({ id }) => id),
    perSample: values.reduce((bytes, { perSample }) => bytes + perSample, 0),
    fixed: values.reduce((bytes, { fixed }) => bytes + fixed, 0),
  };
}

/** Where a chain layer stands. */
interface Position {
  readonly chain: number;
  readonly at: number;
}

type Positions = ReadonlyMap<string, Position>;

/** @throws UserError for a profile without a chain, and for frozen work that waits for trained layers. */
export function workloadOf(profile: Profile): Workload {
  if (profile.chains.length === 0) throw new UserError("The profile has no chain: nothing of the model trains.", { field: "chains" });
  const components = new Map(profile.components.map((component) => [component.name, component]));
  const positions = new Map<string, Position>();
  const chainLayers = profile.chains.map(({ segments }, chain) => {
    const layers: ProfileLayer[] = [];
    for (const segment of segments) {
      const component = components.get(segment.component);
      if (!component) throw new UserError(`There is no component "${segment.component}".`, { field: `chains[${chain}].segments` });
      for (const layer of component.layers.slice(segment.from, segment.to)) {
        positions.set(`${component.name}/${layer.name}`, { chain, at: layers.length });
        layers.push(layer);
      }
    }
    return layers;
  });
  const frozen = frozenParts(profile, positions);
  const chains = profile.chains.map((chain, c): ChainWork => {
    const spans = spansOf(profile, c, positions);
    return { chain, layers: chainLayers[c], cuts: cutsOf(chainLayers[c], spans), spans };
  });
  return { profile, chains, frozen, encodings: encodingsOf(profile, frozen, positions, chainLayers.map((layers) => layers.length)) };
}

function spansOf(profile: Profile, chain: number, positions: Positions): readonly Span[] | undefined {
  return profile.tensors
    ?.filter((tensor) => tensor.transport === "chain")
    .flatMap((tensor): Span[] => {
      const made = positions.get(`${tensor.producer.component}/${tensor.producer.layer}`);
      if (made?.chain !== chain) return [];
      const consumers = tensor.consumers.flatMap((consumer) => {
        const used = positions.get(`${consumer.component}/${consumer.layer}`);
        return used?.chain === chain && used.at > made.at ? [used.at] : [];
      });
      if (consumers.length === 0) return [];
      return [{ id: tensor.id, perSample: tensor.bytesPerSample, fixed: tensor.bytesFixed ?? 0, hasGradient: tensor.hasGradient, from: made.at, consumers: consumers.sort((a, b) => a - b) }];
    });
}

function cutsOf(layers: readonly ProfileLayer[], spans: readonly Span[] | undefined): readonly Cut[] {
  let learns = false;
  return layers.map((_, cut) => {
    if (cut === 0) return { forward: nothing, backward: undefined };
    const before = layers[cut - 1];
    learns ||= before.needsInputGrad || before.needsWeightGrad;
    if (spans === undefined) {
      const bytes = before.cutBytesPerSample;
      return { forward: { ...nothing, perSample: bytes.forward }, backward: learns ? { ...nothing, perSample: bytes.backward } : undefined };
    }
    const crossing = spans.filter(({ from, consumers }) => from < cut && consumers[consumers.length - 1] >= cut);
    return crossingOf(crossing, learns);
  });
}

function crossingOf(crossing: readonly Span[], learns: boolean): Cut {
  return { forward: sum(crossing), backward: learns ? sum(crossing.filter((span) => span.hasGradient)) : undefined };
}

/**
 * What stage s sends to stage s + 1, for stages that end at `bounds[s]` (exclusive) on the pipeline's device `holders[s]`. A
 * value is sent along the stages until it has come to the device of its last consumer: where a device holds several stages
 * (the V placement), it is kept there in between and not sent again.
 */
export function stageCrossings({ spans, cuts }: ChainWork, bounds: readonly number[], holders: readonly number[]): readonly Cut[] {
  const isOnce = new Set(holders).size === holders.length;
  return bounds.slice(0, -1).map((cut, s) => {
    const { backward } = cuts[cut];
    if (holders[s] === holders[s + 1]) return { forward: nothing, backward: backward && nothing };
    if (isOnce || spans === undefined) return cuts[cut];
    const stageOf = (layer: number) => bounds.findIndex((bound) => layer < bound);
    const isAt = (layer: number, from: number) => holders.slice(from, s + 1).includes(holders[stageOf(layer)]);
    const crossing = spans.filter(({ from, consumers }) => from < cut && consumers.some((layer) => layer >= cut && !isAt(layer, stageOf(from))));
    return crossingOf(crossing, backward !== undefined);
  });
}

/**
 * Whole components in no chain, and the layers of a component before its first one in the chain (the locked down blocks
 * beside a ControlNet). Sorted so that dependencies come first.
 */
function frozenParts(profile: Profile, positions: Positions): readonly FrozenPart[] {
  const parts: FrozenPart[] = [];
  const partOf = new Map<string, number>();
  const inChain = new Set(profile.chains.flatMap(({ segments }) => segments.map((segment) => segment.component)));
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
      throw new UserError(`Layers of "${name}" that are in no chain follow layers that are; they would wait for trained layers.`, { field: "chains" });
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
    const crossing = profile.tensors.filter((tensor) => {
      const made = tensor.producer.component === name ? index.get(tensor.producer.layer) : undefined;
      const inPart = (layer: string) => (index.get(layer) ?? -1) >= boundary && (index.get(layer) ?? -1) < to;
      return made !== undefined && made < boundary && tensor.consumers.some((consumer) => consumer.component === name && inPart(consumer.layer));
    });
    return sum(crossing.map((tensor) => ({ id: tensor.id, perSample: tensor.bytesPerSample, fixed: tensor.bytesFixed ?? 0 })));
  });
}

function encodingsOf(profile: Profile, frozen: readonly FrozenPart[], positions: Positions, lengths: readonly number[]): readonly Encoding[] {
  if (profile.tensors === undefined) return lastOutputs(frozen, lengths);
  const place = new Map<string, { part: number; layer: number }>();
  frozen.forEach((part, p) => part.layers.forEach((layer, index) => place.set(`${part.component}/${layer.name}`, { part: p, layer: index })));
  return profile.tensors.flatMap((tensor): Encoding[] => {
    const made = place.get(`${tensor.producer.component}/${tensor.producer.layer}`);
    if (!made || tensor.transport === "recompute") return [];
    const uses = lengths.map(() => new Set<number>());
    const parts = new Map<number, number[]>();
    for (const consumer of tensor.consumers) {
      const key = `${consumer.component}/${consumer.layer}`;
      const inPart = place.get(key);
      const position = positions.get(key);
      if (inPart) {
        if (inPart.part !== made.part) parts.set(inPart.part, [...(parts.get(inPart.part) ?? []), inPart.layer]);
      } else if (position) uses[position.chain].add(position.at);
      else uses.forEach((used, chain) => used.add(lengths[chain] - 1)); // the loss follows a chain's last layer
    }
    if (uses.every((used) => used.size === 0) && parts.size === 0) return [];
    const sorted = uses.map((used) => [...used].sort((a, b) => a - b));
    return [{ id: tensor.id, ...made, perSample: tensor.bytesPerSample, fixed: tensor.bytesFixed ?? 0, positions: sorted, parts: [...parts].map(([part, layers]) => ({ part, layers })) }];
  });
}

/** Without tensors, what the last layer of each part makes is taken to be needed by the parts after it and by every layer of each chain. */
function lastOutputs(frozen: readonly FrozenPart[], lengths: readonly number[]): readonly Encoding[] {
  const everywhere = lengths.map((length) => Array.from({ length }, (_, position) => position));
  return frozen.map((part, p) => ({
    id: undefined,
    part: p,
    layer: part.to - 1,
    perSample: part.layers[part.layers.length - 1].cutBytesPerSample.forward,
    fixed: 0,
    positions: everywhere,
    parts: frozen.flatMap((other, o) => (other.after.includes(p) ? [{ part: o, layers: [0] }] : [])),
  }));
}
