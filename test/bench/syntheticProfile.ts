/**
 * A made-up profile of the size and shape of Stable Diffusion 2.1 at 512 x 512: 47 backbone layers with their skips, 17 of
 * the text encoder, 25 of the VAE's encoder. Times grow with the batch as launch + slope; no figure is a measurement.
 */
import type { Cluster } from "../../src/model/cluster";
import type { LayerRef, LayerTime, Profile, ProfileLayer, Tensor } from "../../src/model/profile";

const batches = [1, 2, 4, 8, 16, 32, 64];
const millisecondsPerSample = { unet: 6, text: 0.4, image: 8 };

interface Block {
  readonly name: string;
  /** Share of the component's work. */
  readonly weight: number;
  readonly paramBytes: number;
  /** Bytes of its output per sample. */
  readonly output: number;
}

function layerOf({ name, weight, paramBytes, output }: Block, totalWeight: number, totalMs: number, trains: boolean, isFirst: boolean): ProfileLayer {
  const perSample = (totalMs * weight) / totalWeight;
  const times = batches.map((batch): LayerTime => {
    const forwardMs = 0.06 + perSample * batch;
    return { batch, forwardMs, inputGradMs: trains && !isFirst ? forwardMs : 0, weightGradMs: trains ? forwardMs : 0, source: "measured" };
  });
  return { name, needsInputGrad: trains && !isFirst, needsWeightGrad: trains, paramBytes, savedBytesPerSample: { untilInputGrad: trains ? output : 0, untilWeightGrad: trains ? 4 * output : 0 }, cutBytesPerSample: { forward: output, backward: trains ? output : 0 }, times };
}

/** Down and up blocks of four levels; a down block's outputs are taken again by the up block of its level, last first. */
function unetBlocks(): { readonly blocks: readonly Block[]; readonly skips: readonly (readonly [number, number])[] } {
  const channels = [320, 640, 1280, 1280];
  const blocks: Block[] = [];
  const skips: [number, number][] = [];
  const open: number[] = [];
  const push = (name: string, level: number, weight: number) => blocks.push({ name, weight, paramBytes: 2 * channels[level] * channels[level] * 9 * weight, output: 2 * channels[level] * (64 / 2 ** level) ** 2 }) - 1;
  push("time_embedding", 0, 0.05);
  open.push(push("conv_in", 0, 0.2));
  for (let level = 0; level < 4; level++) {
    for (let i = 0; i < 2; i++) {
      const resnet = push(`down.${level}.resnet.${i}`, level, 1);
      open.push(level < 3 ? push(`down.${level}.attention.${i}`, level, 1.6) : resnet);
    }
    if (level < 3) open.push(push(`down.${level}.downsample`, level + 1, 0.4));
  }
  for (const name of ["resnet.0", "attention", "resnet.1"]) push(`mid.${name}`, 3, 0.6);
  for (let level = 3; level >= 0; level--) {
    for (let i = 0; i < 3; i++) {
      const resnet = push(`up.${level}.resnet.${i}`, level, 1.5);
      skips.push([open.pop() ?? 0, resnet]);
      if (level < 3) push(`up.${level}.attention.${i}`, level, 1.6);
    }
    if (level > 0) push(`up.${level}.upsample`, level, 0.6);
  }
  push("conv_out", 0, 0.2);
  return { blocks, skips };
}

function chainTensors(component: string, blocks: readonly Block[], extra: readonly (readonly [number, number])[], hasGradient: boolean): readonly Tensor[] {
  return blocks.slice(0, -1).map((block, i): Tensor => ({
    id: `${component}/${block.name}`,
    producer: { component, layer: block.name },
    consumers: [blocks[i + 1], ...extra.filter(([from]) => from === i).map(([, to]) => blocks[to])].map(({ name }) => ({ component, layer: name })),
    bytesPerSample: block.output,
    hasGradient,
    transport: "chain",
  }));
}

export function syntheticProfile(): Profile {
  const { blocks: unet, skips } = unetBlocks();
  const text = Array.from({ length: 17 }, (_, i): Block => ({ name: `layer.${i}`, weight: i === 0 ? 0.05 : 1, paramBytes: 40e6, output: 2 * 77 * 1024 }));
  const image = Array.from({ length: 25 }, (_, i): Block => ({ name: `block.${i}`, weight: 2 ** (-i / 9), paramBytes: 2.5e6, output: i < 24 ? 2 * 128 * 2 ** (18 - Math.floor(i / 6)) : 2 * 8 * 64 * 64 }));
  const layers = (blocks: readonly Block[], ms: number, trains: boolean) => {
    const total = blocks.reduce((sum, block) => sum + block.weight, 0);
    return blocks.map((block, i) => layerOf(block, total, ms, trains, trains && i === 0));
  };
  const encoding = (component: string, block: Block, consumers: readonly Block[]): Tensor => ({
    id: `${component}/${block.name}`,
    producer: { component, layer: block.name },
    consumers: consumers.map(({ name }) => ({ component: "unet", layer: name })),
    bytesPerSample: block.output,
    hasGradient: false,
    transport: "redistribute",
  });
  return {
    format: "diffusionpipe.profile/1",
    model: { path: "model", sha256: "" },
    bindings: { height: 512, width: 512, sequenceLength: 77 },
    device: { name: "made up", provider: "none", precision: "bfloat16", memoryBytes: 80e9 },
    chains: [{ id: "unet", segments: [{ component: "unet", from: 0, to: unet.length }] }],
    components: [
      { name: "text_encoder", class: "CLIPTextModel", after: [], layers: layers(text, millisecondsPerSample.text, false) },
      { name: "vae", class: "AutoencoderKL", after: [], layers: layers(image, millisecondsPerSample.image, false) },
      { name: "unet", class: "UNet2DConditionModel", after: ["text_encoder", "vae"], layers: layers(unet, millisecondsPerSample.unet, true) },
    ],
    tensors: [
      ...chainTensors("unet", unet, skips, true),
      ...chainTensors("text_encoder", text, [], false),
      ...chainTensors("vae", image, [], false),
      encoding("text_encoder", text[16], unet.filter(({ name }) => name.includes("attention"))),
      encoding("vae", image[24], [unet[1], unet[unet.length - 1]]),
    ],
  };
}

/** The same work in `parts` times as many layers: each is cut into equal ones, which hand on what the whole one does. */
export function finer(profile: Profile, parts: number): Profile {
  const pieces = Array.from({ length: parts }, (_, part) => part);
  const split = (layer: ProfileLayer): readonly ProfileLayer[] =>
    pieces.map((part) => ({
      ...layer,
      name: `${layer.name}.${part}`,
      paramBytes: layer.paramBytes / parts,
      savedBytesPerSample: { untilInputGrad: layer.savedBytesPerSample.untilInputGrad / parts, untilWeightGrad: layer.savedBytesPerSample.untilWeightGrad / parts },
      times: layer.times.map((time) => ({ ...time, forwardMs: time.forwardMs / parts, inputGradMs: time.inputGradMs / parts, weightGradMs: time.weightGradMs / parts })),
    }));
  const first = ({ component, layer }: LayerRef) => ({ component, layer: `${layer}.0` });
  const last = ({ component, layer }: LayerRef) => ({ component, layer: `${layer}.${parts - 1}` });
  const between = profile.components.flatMap(({ name: component, layers }) =>
    layers.flatMap(({ name, cutBytesPerSample, needsWeightGrad }) =>
      pieces.slice(1).map((part): Tensor => ({ id: `${component}/${name}.${part}`, producer: { component, layer: `${name}.${part - 1}` }, consumers: [{ component, layer: `${name}.${part}` }], bytesPerSample: cutBytesPerSample.forward, hasGradient: needsWeightGrad, transport: "chain" })),
    ),
  );
  return {
    ...profile,
    chains: profile.chains.map((chain) => ({ ...chain, segments: chain.segments.map((segment) => ({ ...segment, from: parts * segment.from, to: parts * segment.to })) })),
    components: profile.components.map((component) => ({ ...component, layers: component.layers.flatMap(split) })),
    tensors: [...(profile.tensors ?? []).map((tensor) => ({ ...tensor, producer: last(tensor.producer), consumers: tensor.consumers.map(first) })), ...between],
  };
}

/** Nodes of at most eight devices with fast links inside and a network between them. */
export function syntheticCluster(devices: number): Cluster {
  const device = { name: "made up 80 GB", memoryBytes: 80e9, peakTflops: { bf16: 300 }, bandwidthGBps: 2000 };
  const devicesPerNode = Math.min(8, devices);
  return {
    format: "diffusionpipe.cluster/1",
    nodeGroups: [{ count: Math.ceil(devices / devicesPerNode), devicesPerNode, device, intraNode: { latencyUs: 8, bandwidthGBps: 200 } }],
    interNode: { latencyUs: 20, bandwidthGBps: 25 },
  };
}
