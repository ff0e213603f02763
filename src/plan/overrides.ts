/** What a plan decides about costs in place of its profile: self-conditioning, and the precision of frozen components. */
import { UserError } from "../model/errors";
import type { Cluster } from "../model/cluster";
import { frozenPrecisions, type FrozenPrecision, type Plan } from "../model/plan";
import type { Chain, Profile, ProfileComponent, ProfileLayer } from "../model/profile";
import { contextOf, type Context } from "../simulate/context";

type Overrides = Pick<Plan, "selfConditioning" | "frozenPrecision">;

/** What a plan is simulated with. @throws UserError naming the plan's field that its profile or cluster has no figures for. */
export function contextFor(plan: Overrides, profile: Profile, cluster: Cluster): Context {
  return contextOf(overridden(profile, cluster, plan), cluster);
}

/** The same profile where nothing is decided. Times in another precision are estimates: by the ratio of the device's peaks. */
export function overridden(profile: Profile, cluster: Cluster, { selfConditioning = {}, frozenPrecision = {} }: Overrides): Profile {
  if (Object.keys(selfConditioning).length + Object.keys(frozenPrecision).length === 0) return profile;
  for (const id of Object.keys(selfConditioning)) if (!profile.chains.some((chain) => chain.id === id)) throw new UserError(`The profile has no chain "${id}".`, { field: `selfConditioning.${id}` });
  for (const name of Object.keys(frozenPrecision)) if (!isFrozen(profile, name)) throw new UserError(`"${name}" is no frozen component of the profile.`, { field: `frozenPrecision.${name}` });
  return {
    ...profile,
    chains: profile.chains.map((chain) => (Object.hasOwn(selfConditioning, chain.id) ? conditioned(profile, chain, selfConditioning[chain.id]) : chain)),
    components: profile.components.map((component) => (Object.hasOwn(frozenPrecision, component.name) ? inPrecision(profile, cluster, component, frozenPrecision[component.name]) : component)),
  };
}

export function isFrozen(profile: Profile, name: string): boolean {
  return profile.components.some((component) => component.name === name) && !profile.chains.some(({ segments }) => segments.some((segment) => segment.component === name));
}

/** The precisions that a frozen component could run in on the cluster, the profile's own first. */
export function precisionsOf(profile: Profile, cluster: Cluster): readonly FrozenPrecision[] {
  const own = precisionOf(profile);
  const peaks = cluster.nodeGroups[0].device.peakTflops;
  return [own, ...frozenPrecisions.filter((precision) => precision !== own && peaks[own] !== undefined && peaks[precision] !== undefined)];
}

/** The precision that the profile's times were taken in. */
function precisionOf(profile: Profile): FrozenPrecision {
  const name = profile.device.precision.toLowerCase();
  return /bf/.test(name) ? "bf16" : /16/.test(name) ? "fp16" : "fp32";
}

/** What is fed back is a prediction, as large as the noise that it is compared with. */
function conditioned(profile: Profile, chain: Chain, probability: number): Chain {
  const { selfConditioning: known, ...plain } = chain;
  if (probability === 0) return plain;
  const noise = profile.tensors?.find(({ producer }) => producer.component === "data" && producer.layer === "noise")?.bytesPerSample;
  const feedbackBytesPerSample = known?.feedbackBytesPerSample ?? noise;
  if (feedbackBytesPerSample === undefined) throw new UserError("The profile does not say how large a prediction is, which self-conditioning sends back.", { field: `selfConditioning.${chain.id}` });
  return { ...plain, selfConditioning: { probability, feedbackBytesPerSample } };
}

const bytesPerValue: Readonly<Record<FrozenPrecision, number>> = { fp32: 4, fp16: 2, bf16: 2 };

function inPrecision(profile: Profile, cluster: Cluster, component: ProfileComponent, to: FrozenPrecision): ProfileComponent {
  const from = precisionOf(profile);
  if (from === to) return component;
  const { name, peakTflops } = cluster.nodeGroups[0].device;
  const [before, after] = [peakTflops[from], peakTflops[to]];
  if (before === undefined || after === undefined) throw new UserError(`The cluster file has no peak of ${name} for ${before === undefined ? from : to}, which times in ${to} are estimated from.`, { field: `frozenPrecision.${component.name}` });
  const [time, bytes] = [before / after, bytesPerValue[to] / bytesPerValue[from]];
  const scaled = (layer: ProfileLayer): ProfileLayer => ({ ...layer, paramBytes: layer.paramBytes * bytes, times: layer.times.map((one) => ({ ...one, forwardMs: one.forwardMs * time, source: "estimate" })) });
  return { ...component, layers: component.layers.map(scaled) };
}
