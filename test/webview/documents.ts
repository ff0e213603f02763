/** A profile, a cluster and a plan of plausible proportions (a UNet with two frozen encoders on two devices), made here. */
import type { Cluster } from "../../src/model/cluster";
import type { Fill, Plan } from "../../src/model/plan";
import type { Profile, ProfileLayer } from "../../src/model/profile";

const unknown = "";
const mib = 1024 * 1024;

function layer(name: string, forwardMs: number, trains: boolean, backward = 2): ProfileLayer {
  const gradient = trains ? (forwardMs * backward) / 2 : 0;
  return {
    name, needsInputGrad: trains, needsWeightGrad: trains, paramBytes: forwardMs * 3 * mib,
    savedBytesPerSample: { untilInputGrad: trains ? 6 * mib : 0, untilWeightGrad: trains ? 4 * mib : 0 },
    cutBytesPerSample: { forward: 0.5 * mib, backward: trains ? 0.5 * mib : 0 },
    times: [1, 2, 4, 8].map((batch) => ({
      batch, forwardMs: forwardMs * (0.4 + 0.6 * batch), inputGradMs: gradient * (0.4 + 0.6 * batch), weightGradMs: gradient * (0.4 + 0.6 * batch),
      source: "measured" as const, gradSource: "estimate" as const, status: "ok" as const,
    })),
  };
}

const unet = [
  layer("conv_in", 2, true), ...[0, 1, 2].flatMap((level) => [0, 1].flatMap((block) => [layer(`down.${level}.resnet.${block}`, 6 - level, true), layer(`down.${level}.attention.${block}`, 5 + level, true)])),
  layer("mid.resnet.0", 4, true), layer("mid.attention", 6, true), layer("mid.resnet.1", 4, true),
  ...[0, 1, 2].flatMap((level) => [0, 1, 2].flatMap((block) => [layer(`up.${level}.resnet.${block}`, 4 + level, true), layer(`up.${level}.attention.${block}`, 7 - level, true)])),
  layer("conv_out", 2, true),
];
const textEncoder = ["embeddings", ...Array.from({ length: 11 }, (_, index) => `layer.${index}`)].map((name) => layer(name, 1.6, false));
const vae = ["conv_in", ...Array.from({ length: 7 }, (_, index) => `down.${index}`), "mid", "conv_out"].map((name, index) => layer(name, index > 0 && index < 5 ? 7 : 3, false));

export const profile: Profile = {
  format: "diffusionpipe.profile/1", model: { path: "model", sha256: unknown }, bindings: { height: 512, width: 512, sequenceLength: 77 },
  device: { name: "accelerator", provider: "cpu", precision: "float32", memoryBytes: 8192 * mib },
  chains: [{ id: "unet", segments: [{ component: "unet", from: 0, to: unet.length }] }],
  components: [
    { name: "text_encoder", class: "CLIPTextModel", after: [], layers: textEncoder },
    { name: "vae", class: "AutoencoderKL", after: [], layers: vae },
    { name: "unet", class: "UNet2DConditionModel", after: ["text_encoder", "vae"], layers: unet },
  ],
};

/** `devices` of one node. */
export function clusterOf(devices: number): Cluster {
  return {
    format: "diffusionpipe.cluster/1",
    nodeGroups: [{ count: 1, devicesPerNode: devices, device: { name: "accelerator", memoryBytes: 8192 * mib, peakTflops: { fp32: 20 }, bandwidthGBps: 600 }, intraNode: { latencyUs: 20, bandwidthGBps: 12 } }],
    interNode: { latencyUs: 20, bandwidthGBps: 12 },
  };
}

/** Stages of equal layer counts, which is not their best; every frozen layer runs once for every sample. */
export function planOf(stages: number, microbatches: number): Plan {
  const cut = (stage: number) => Math.round((stage * unet.length) / stages);
  const global = microbatches * 2;
  const last = stages - 1;
  const whole = [0, global] as const;
  const fills: Fill[] = [
    { component: "text_encoder", from: 0, to: textEncoder.length, samples: whole, device: last, before: { op: "F", chain: "unet", stage: last, microbatch: 0 } },
    { component: "vae", from: 0, to: 3, samples: whole, device: 0, before: { op: "B", chain: "unet", stage: 0, microbatch: 0 } },
    ...Array.from({ length: stages }, (_, device): Fill => ({ component: "vae", from: 3, to: vae.length, samples: [Math.floor((device * global) / stages), Math.floor(((device + 1) * global) / stages)], device, before: { op: "OPTIM" } })),
  ];
  return {
    format: "diffusionpipe.plan/1",
    model: { path: "model", sha256: unknown }, profile: { path: "small.profile.json", sha256: unknown }, cluster: { path: "small.cluster.json", sha256: unknown },
    batch: { global, microbatches }, dataParallel: 1, schedule: { name: "1f1b" },
    chains: [{ id: "unet", stages: Array.from({ length: stages }, (_, stage) => ({ from: cut(stage), to: cut(stage + 1), devices: [stage] })) }],
    optimizer: { name: "adamw", stateBytesPerParam: 8, gradDtype: "fp32", ema: false, maxGradNorm: 1 },
    fills,
    training: { steps: 100, learningRate: 1e-4, seed: 0, resolution: 512, precision: "fp32", predictionType: "epsilon", checkpointEvery: 0 },
    runnable: true,
    predicted: { periodMs: 0, makespanMs: 0, bubbleRatio: 0, throughputPerSecond: 0, peakMemoryBytes: [] },
  };
}
