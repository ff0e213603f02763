/** Random plans of every schedule, on clusters of one or two nodes, with slow links and fast ones. */
import fc from "fast-check";
import type { Cluster } from "../../../src/model/cluster";
import { UserError } from "../../../src/model/errors";
import { concatenations, type Plan, type PlanChain, type ScheduleName } from "../../../src/model/plan";
import type { LayerRef, Profile, ProfileComponent, Tensor } from "../../../src/model/profile";
import { validatePlan } from "../../../src/plan/validate";
import { ordersOf } from "../../../src/plan/placement";
import { checkPipeline, deviceOf, replicasPerPipeline } from "../../../src/schedule/generators";
import { contextOf, type Context } from "../../../src/simulate/context";
import { base, layer, type LayerCase } from "../planner/cases";

export interface Example {
  readonly plan: Plan;
  readonly profile: Profile;
  readonly cluster: Cluster;
  readonly context: Context;
  [fc.toStringMethod](): string;
}

const layerCase: fc.Arbitrary<LayerCase> = fc.record({ forward: fc.integer({ min: 1, max: 9 }), backward: fc.integer({ min: 1, max: 20 }), launch: fc.constantFrom(0, 0.5), cut: fc.integer({ min: 0, max: 200_000 }) });

/** What layers hand on: to the next and, over a skip, to the last; the first encoder's output to all other layers, the second's to first and last ones. */
function tensorsOf({ components }: Pick<Profile, "components">, cuts: readonly number[]): readonly Tensor[] {
  const [text, image, ...backbones] = components;
  const refs = ({ name, layers }: ProfileComponent) => layers.map((one) => ({ component: name, layer: one.name }));
  const made = (producer: LayerRef, consumers: readonly LayerRef[], bytesPerSample: number, transport: Tensor["transport"]): Tensor => ({ id: `${producer.component}/${producer.layer}`, producer, consumers, bytesPerSample, bytesFixed: 100, hasGradient: transport === "chain", transport });
  const along = [image, ...backbones].flatMap((component, c) => {
    const all = refs(component);
    return all.slice(0, -1).map((ref, l) => made(ref, l === 1 && l + 2 < all.length ? [all[l + 1], all[all.length - 1]] : [all[l + 1]], cuts[(c + l) % cuts.length], "chain"));
  });
  const backboneRefs = backbones.map(refs);
  return [
    ...along,
    ...refs(text).slice(-1).map((ref) => made(ref, [...refs(image), ...backboneRefs.flat()], 700, "redistribute")),
    ...refs(image).slice(-1).map((ref) => made(ref, [...backboneRefs.flatMap((all) => [all[0], all[all.length - 1]]), { component: "loss", layer: "loss" }], 900, "redistribute")),
  ];
}

/** Two frozen components, the second of which needs the first. */
function profileWith(chains: readonly (readonly LayerCase[])[], frozen: readonly LayerCase[], { probability, withTensors, heavy }: Pick<Choice, "probability" | "withTensors" | "heavy">): Profile {
  const ids = chains.map((_, c) => `chain${c}`);
  const profile: Profile = {
    format: "diffusionpipe.profile/1",
    model: { path: "model", sha256: "" },
    bindings: { height: 64, width: 64, sequenceLength: 8 },
    device: { name: "made up", provider: "none", precision: "float32", memoryBytes: 1e12 },
    chains: chains.map((layers, c) => ({ id: ids[c], segments: [{ component: ids[c], from: 0, to: layers.length }], ...(probability > 0 && { selfConditioning: { probability, feedbackBytesPerSample: 3000 } }) })),
    components: [
      { name: "text", after: [], layers: frozen.slice(0, 1).map((one, i) => layer(`t${i}`, one, false)) },
      { name: "image", after: ["text"], layers: frozen.map((one, i) => layer(`i${i}`, one, false)) },
      ...chains.map((layers, c) => ({ name: ids[c], after: ["text", "image"], layers: layers.map((one, i) => ({ ...layer(`${ids[c]}.${i}`, one, true), ...(heavy && { paramBytes: 3e7 }) })) })),
    ],
  };
  return withTensors ? { ...profile, tensors: tensorsOf(profile, chains[0].map(({ cut }) => cut)) } : profile;
}

function clusterWith(nodes: number, devicesPerNode: number, slow: boolean, shared: boolean, overlaps: boolean): Cluster {
  const intraNode = slow ? { latencyUs: 300, bandwidthGBps: 0.1 } : { latencyUs: 5, bandwidthGBps: 10 };
  const device = { name: "made up", memoryBytes: 1e12, peakTflops: { fp32: 1 }, bandwidthGBps: 1e3 };
  return { format: "diffusionpipe.cluster/1", nodeGroups: [{ count: nodes, devicesPerNode, device, intraNode }], interNode: { latencyUs: intraNode.latencyUs * 4, bandwidthGBps: intraNode.bandwidthGBps / 4, sharedByNode: shared }, overlapsCommunication: overlaps };
}

const choices = {
  places: fc.integer({ min: 1, max: 4 }),
  pipelines: fc.integer({ min: 1, max: 2 }),
  width: fc.integer({ min: 1, max: 2 }),
  microbatches: fc.integer({ min: 1, max: 8 }),
  chains: fc.array(fc.array(layerCase, { minLength: 9, maxLength: 12 }), { minLength: 2, maxLength: 2 }),
  frozen: fc.array(layerCase, { minLength: 1, maxLength: 3 }),
  slow: fc.boolean(),
  nodes: fc.integer({ min: 1, max: 2 }),
  shared: fc.boolean(),
  overlaps: fc.boolean(),
  recompute: fc.boolean(),
  probability: fc.constantFrom(0, 0, 0.5, 1),
  withTensors: fc.boolean(),
  /** Gradients of a stage fill several buckets. */
  heavy: fc.boolean(),
  warmup: fc.constantFrom(undefined, 1, 2),
  concatenation: fc.constantFrom(undefined, ...concatenations),
  clipped: fc.boolean(),
  ema: fc.boolean(),
};

type Choice = { [K in keyof typeof choices]: (typeof choices)[K] extends fc.Arbitrary<infer T> ? T : never };

/** The plan of a choice; undefined where the schedule does not exist for it. Whatever a schedule asks of its stages is asked of its generator. */
function exampleOf(name: ScheduleName, choice: Choice, perDevice: number): Example | undefined {
  const { places, pipelines, width, microbatches, nodes } = choice;
  const each = replicasPerPipeline(name);
  const stages = places * perDevice;
  const profile = profileWith(choice.chains.slice(0, name === "bidirectional" ? 2 : 1), choice.frozen, choice);
  const schedule = { name, ...(choice.warmup !== undefined && name === "1f1b" && { warmup: choice.warmup }), ...(choice.concatenation && name === "chimera" && { concatenation: choice.concatenation }) };
  const pipeline = { schedule, devices: places, microbatches, chains: profile.chains.map((_, c) => ({ stages, direction: c === 1 ? ("up" as const) : ("down" as const) })) };
  const total = places * pipelines * width;
  if (total % nodes !== 0) return undefined;
  const cluster = clusterWith(nodes, total / nodes, choice.slow, choice.shared, choice.overlaps);
  const context = contextOf(profile, cluster);
  try {
    checkPipeline(pipeline);
    const chains = context.workload.chains.map(({ chain, layers }, c): PlanChain => {
      const cuts = Array.from({ length: stages + 1 }, (_, s) => Math.floor((s * layers.length) / stages));
      const devicesOf = (stage: number) =>
        Array.from({ length: pipelines }, (_, p) => p).flatMap((p) => Array.from({ length: each }, (_, way) => deviceOf(pipeline, c, stage, way === 0 ? 0 : 1)).flatMap((place) => Array.from({ length: width }, (_, part) => (p * places + place) * width + part)));
      return { id: chain.id, stages: cuts.slice(1).map((to, s) => ({ from: cuts[s], to, devices: devicesOf(s) })) };
    });
    const plan: Plan = {
      format: "diffusionpipe.plan/1",
      ...base,
      optimizer: { ...base.optimizer, ema: choice.ema, ...(choice.clipped && { maxGradNorm: 1 }) },
      batch: { global: pipelines * each * microbatches * width, microbatches },
      dataParallel: pipelines * each,
      schedule,
      ...(choice.recompute && { recompute: true }),
      chains,
      fills: [],
      runnable: { reason: "made up" },
      predicted: { periodMs: 0, makespanMs: 0, bubbleRatio: 0, throughputPerSecond: 0, peakMemoryBytes: [] },
    };
    ordersOf(plan, context);
    validatePlan({ ...plan, fills: everythingFirst(plan, profile) }, context.workload, context.devices.length);
    return { plan, profile, cluster, context, [fc.toStringMethod]: () => JSON.stringify({ plan, cluster }) };
  } catch (error) {
    if (error instanceof UserError) return undefined;
    throw error;
  }
}

/** All frozen work on device 0 before its optimizer step, so that a plan can be validated before it is filled. */
function everythingFirst(plan: Plan, { components, chains }: Profile): Plan["fills"] {
  const ids = chains.map(({ id }) => id);
  return components.filter(({ name }) => !ids.includes(name)).map(({ name, layers }) => ({ component: name, from: 0, to: layers.length, samples: [0, plan.batch.global] as const, device: 0, before: { op: "OPTIM" as const } }));
}

/** Plans of one schedule, with one or two stages per device. */
export function examplesOf(name: ScheduleName): fc.Arbitrary<Example> {
  return fc
    .tuple(fc.record(choices), fc.constantFrom(1, 2))
    .map(([choice, perDevice]) => exampleOf(name, choice, perDevice))
    .filter((example): example is Example => example !== undefined);
}
