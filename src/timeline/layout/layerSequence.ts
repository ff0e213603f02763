/** The layers that an operation's range counts: those of its component or, for trained work, of its chain. */
import type { LayerRef, Profile } from "../../model/profile";
import type { TimelineOperation } from "../../model/timeline";

/** Asked for every slice of a timeline, of a profile that never changes. */
const known = new WeakMap<Profile, Map<string, readonly LayerRef[]>>();

/** All layers, in order; empty where the profile does not know the operation's component or chain. */
export function layerSequence(profile: Profile, { component, chain }: Pick<TimelineOperation, "component" | "chain">): readonly LayerRef[] {
  const sequences = known.get(profile) ?? new Map<string, readonly LayerRef[]>();
  known.set(profile, sequences);
  const key = component === undefined ? `chain ${chain ?? ""}` : `component ${component}`;
  let sequence = sequences.get(key);
  if (!sequence) sequences.set(key, (sequence = component === undefined ? ofChain(profile, chain) : ofComponent(profile, component)));
  return sequence;
}

/** The layers that an operation computes. */
export function layersOf(profile: Profile, operation: TimelineOperation): readonly LayerRef[] {
  return operation.layers ? layerSequence(profile, operation).slice(...operation.layers) : [];
}

function ofComponent(profile: Profile, component: string): readonly LayerRef[] {
  return profile.components.find(({ name }) => name === component)?.layers.map((layer) => ({ component, layer: layer.name })) ?? [];
}

function ofChain(profile: Profile, id: string | undefined): readonly LayerRef[] {
  const chain = profile.chains.find((other) => other.id === id) ?? (profile.chains.length === 1 ? profile.chains[0] : undefined);
  return chain?.segments.flatMap(({ component, from, to }) => ofComponent(profile, component).slice(from, to)) ?? [];
}
