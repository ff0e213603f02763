/** A plan of any size on the synthetic profile: equal stages, and the frozen work in equal pieces before every eighth backward pass. */
import type { Fill, Plan } from "../../src/model/plan";
import type { Profile } from "../../src/model/profile";

const samplesPerMicrobatch = 2;
const microbatchesPerFill = 8;

/** 1F1B with a stage a device. */
export function evenPlan(profile: Profile, devices: number, microbatches: number): Plan {
  const [chain] = profile.chains;
  const layers = chain.segments[0].to;
  const cut = (stage: number) => Math.round((stage * layers) / devices);
  const global = microbatches * samplesPerMicrobatch;
  const rounds = Math.ceil(microbatches / microbatchesPerFill);
  const pieces = Math.min(global, devices * rounds);
  const at = (piece: number) => Math.floor((piece * global) / pieces);
  const frozen = profile.components.filter(({ name }) => name !== chain.segments[0].component);
  const fills = Array.from({ length: pieces }, (_, piece) => frozen.map(({ name, layers: own }): Fill => {
    const device = piece % devices;
    return { component: name, from: 0, to: own.length, samples: [at(piece), at(piece + 1)], device, before: { op: "B", chain: chain.id, stage: device, microbatch: Math.floor(piece / devices) * microbatchesPerFill } };
  })).flat();
  return {
    format: "diffusionpipe.plan/1",
    model: { path: "model", sha256: "" }, profile: { path: "synthetic.profile.json", sha256: "" }, cluster: { path: "synthetic.cluster.json", sha256: "" },
    batch: { global, microbatches }, dataParallel: 1, schedule: { name: "1f1b" },
    chains: [{ id: chain.id, stages: Array.from({ length: devices }, (_, stage) => ({ from: cut(stage), to: cut(stage + 1), devices: [stage] })) }],
    optimizer: { name: "adamw", stateBytesPerParam: 8, gradDtype: "bf16", ema: false },
    fills,
    training: { steps: 1, learningRate: 1e-4, seed: 0, resolution: 512, precision: "bf16", predictionType: "epsilon", checkpointEvery: 0 },
    runnable: true,
    predicted: { periodMs: 0, makespanMs: 0, bubbleRatio: 0, throughputPerSecond: 0, peakMemoryBytes: [] },
  };
}
