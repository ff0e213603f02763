/** Made-up profiles and clusters for tests: seeded or handed over by fast-check. */
import fc from "fast-check";
import type { Cluster } from "../../../src/model/cluster";
import type { Plan, ScheduleName } from "../../../src/model/plan";
import type { Profile, ProfileLayer } from "../../../src/model/profile";
import { bestCuts } from "../../../src/planner/partition/dynamic";
import { shapesOf } from "../../../src/planner/partition/shapes";
import { stageCosts } from "../../../src/planner/partition/stageCosts";
import { planOf } from "../../../src/planner/search/candidates";
import { contextOf, type Context } from "../../../src/simulate/context";

export interface LayerCase {
  /** Ms per sample, besides `launch` ms per call. */
  readonly forward: number;
  readonly backward: number;
  readonly launch: number;
  /** Bytes of the cut after the layer, per sample. */
  readonly cut: number;
  /** Bytes of weights, and those saved per sample for both gradients. */
  readonly params?: number;
  readonly saved?: number;
}

export function layer(name: string, { forward, backward, launch, cut, params = 4000, saved = 100 }: LayerCase, trains: boolean): ProfileLayer {
  const times = [1, 2, 4, 8].map((batch) => ({
    batch,
    forwardMs: launch + forward * batch,
    inputGradMs: trains ? (backward * batch) / 2 : 0,
    weightGradMs: trains ? (backward * batch) / 2 : 0,
    source: "measured" as const,
  }));
  return { name, needsInputGrad: trains, needsWeightGrad: trains, paramBytes: params, savedBytesPerSample: { untilInputGrad: 0.3 * saved, untilWeightGrad: 0.7 * saved }, cutBytesPerSample: { forward: cut, backward: trains ? cut : 0 }, times };
}

export function profileOf(trained: readonly LayerCase[], frozen: Readonly<Record<string, { readonly layers: readonly LayerCase[]; readonly after?: readonly string[] }>> = {}): Profile {
  return {
    format: "diffusionpipe.profile/1",
    model: { path: "model", sha256: "" },
    bindings: { height: 64, width: 64, sequenceLength: 8 },
    device: { name: "made up", provider: "none", precision: "float32", memoryBytes: 1e9 },
    chains: [{ id: "main", segments: [{ component: "backbone", from: 0, to: trained.length }] }],
    components: [
      { name: "backbone", after: Object.keys(frozen), layers: trained.map((one, i) => layer(`layer${i}`, one, true)) },
      ...Object.entries(frozen).map(([name, { layers, after = [] }]) => ({ name, after, layers: layers.map((one, i) => layer(`${name}${i}`, one, false)) })),
    ],
  };
}

export function clusterOf(devices: number, link: { latencyUs: number; bandwidthGBps: number }, overlapsCommunication = true, memoryBytes = 1e9): Cluster {
  const device = { name: "made up", memoryBytes, peakTflops: { fp32: 1 }, bandwidthGBps: 1e3 };
  return { format: "diffusionpipe.cluster/1", nodeGroups: [{ count: 1, devicesPerNode: devices, device, intraNode: link }], interNode: link, overlapsCommunication };
}

/** A link that costs nothing worth mentioning. */
export const free = { latencyUs: 0, bandwidthGBps: 1e9 };

export const base = {
  model: { path: "model", sha256: "" },
  profile: { path: "a.profile.json", sha256: "" },
  cluster: { path: "a.cluster.json", sha256: "" },
  optimizer: { name: "adamw" as const, stateBytesPerParam: 8, gradDtype: "fp32" as const, ema: false },
  training: { steps: 1, learningRate: 1e-4, seed: 0, resolution: 64, precision: "fp32" as const, predictionType: "epsilon" as const, checkpointEvery: 0 },
};

export interface Kind {
  readonly schedule: ScheduleName;
  readonly stages: number;
  readonly microbatches: number;
  readonly dataParallel: number;
  /** Samples of a micro-batch. */
  readonly samples: number;
}

export function planAt(context: Context, kind: Kind, cuts: readonly number[], maxGradNorm?: number): Plan {
  const optimizer = { ...base.optimizer, ...(maxGradNorm !== undefined && { maxGradNorm }) };
  return planOf({ ...base, optimizer }, { ...kind, boundMs: 0 }, kind.samples * kind.microbatches * kind.dataParallel, cuts, context.workload);
}

/** A plan with the cuts of the dynamic programme and no fills. */
export function cutPlan(context: Context, kind: Kind, maxGradNorm?: number): Plan {
  const [shape] = shapesOf(planAt(context, kind, []), context);
  const cuts = bestCuts(shape, stageCosts(shape, context), context);
  if (!cuts) throw new Error("the case does not fit");
  return planAt(context, kind, cuts, maxGradNorm);
}

const layerCase: fc.Arbitrary<LayerCase> = fc.record({
  forward: fc.integer({ min: 1, max: 40 }),
  backward: fc.integer({ min: 1, max: 80 }),
  launch: fc.integer({ min: 0, max: 5 }),
  cut: fc.integer({ min: 0, max: 2_000_000 }),
});

/** Random planning problems: up to 4 stages, 2 replicas, two frozen components of which one may need the other. */
export const problem: fc.Arbitrary<{ readonly context: Context; readonly plan: Plan; readonly profile: Profile; readonly cluster: Cluster }> = fc
  .record({
    trained: fc.array(layerCase, { minLength: 4, maxLength: 9 }),
    text: fc.array(layerCase, { minLength: 1, maxLength: 4 }),
    image: fc.array(layerCase, { minLength: 1, maxLength: 4 }),
    chained: fc.boolean(),
    stages: fc.integer({ min: 1, max: 4 }),
    dataParallel: fc.integer({ min: 1, max: 2 }),
    microbatches: fc.integer({ min: 1, max: 6 }),
    samples: fc.integer({ min: 1, max: 3 }),
    schedule: fc.constantFrom<ScheduleName>("1f1b", "gpipe"),
    overlaps: fc.boolean(),
    latencyUs: fc.constantFrom(0, 300, 5000),
    bandwidthGBps: fc.constantFrom(0.1, 10),
    clipped: fc.boolean(),
  })
  .map(({ trained, text, image, chained, latencyUs, bandwidthGBps, overlaps, clipped, ...kind }) => {
    const profile = profileOf(trained, { text: { layers: text }, image: { layers: image, after: chained ? ["text"] : [] } });
    const cluster = clusterOf(kind.stages * kind.dataParallel, { latencyUs, bandwidthGBps }, overlaps);
    const context = contextOf(profile, cluster);
    return { profile, cluster, context, plan: cutPlan(context, kind, clipped ? 1 : undefined) };
  });

/** All ways to cut so many layers into so many stages. */
export function allCuts(layers: number, stages: number): readonly (readonly number[])[] {
  const extend = (cuts: readonly number[]): readonly (readonly number[])[] =>
    cuts.length === stages ? [[...cuts, layers]] : Array.from({ length: layers - (stages - cuts.length) - cuts[cuts.length - 1] }, (_, i) => cuts[cuts.length - 1] + 1 + i).flatMap((next) => extend([...cuts, next]));
  return extend([0]);
}

/** Chains that all wait for one frozen encoder. */
export function chainsProfile(chains: readonly (readonly LayerCase[])[], frozen: readonly LayerCase[]): Profile {
  return {
    ...profileOf([]),
    chains: chains.map((layers, c) => ({ id: `chain${c}`, segments: [{ component: `chain${c}`, from: 0, to: layers.length }] })),
    components: [
      { name: "encoder", after: [], layers: frozen.map((one, i) => layer(`e${i}`, one, false)) },
      ...chains.map((layers, c) => ({ name: `chain${c}`, after: ["encoder"], layers: layers.map((one, i) => layer(`chain${c}.${i}`, one, true)) })),
    ],
  };
}
