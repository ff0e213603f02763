/**
 * diffusers' AutoencoderKLWan (Wan 2.1 and 2.2), encoder half: causal 3D convolutions over a whole video. diffusers encodes it in
 * pieces of one and then of four frames that hand their last frames on, which makes the same.
 */
import { z } from "zod";
import { UserError } from "../../model/errors";
import type { OperatorList } from "../../model/operator";
import type { LayerDescription } from "../component";
import { channels, checkConfig, checkDescription, count, flag, maxLayers, only } from "../config";
import { OperatorListBuilder } from "../operatorListBuilder";
import { expectMultiples, expectWholeClip } from "../sizes";
import { causalConvolution, firstFrame, halveFrames } from "./blocks/video";
import { LayerSequence } from "./blocks/layerSequence";
import type { Autoencoder } from "./family";

/** Defaults are those of diffusers. */
const schema = z.object({
  _class_name: only(["AutoencoderKLWan"]).optional(),
  base_dim: channels.default(96),
  z_dim: channels.default(16),
  dim_mult: z.array(z.int().min(1).max(1000)).min(1).max(16).default([1, 2, 4, 4]),
  num_res_blocks: count.default(2),
  attn_scales: z.array(z.unknown()).max(0, "diffusers cannot run attention on the way down").optional(),
  temperal_downsample: z.array(z.boolean()).max(16).default([false, true, true]),
  dropout: only([0]).optional(),
  is_residual: flag.default(false),
  in_channels: channels.default(3),
  patch_size: z.int().min(1).max(1000).nullable().default(null),
});

const defaultFrames = 81;
/** diffusers' pieces of four frames can be halved twice. */
const maxHalvings = 2;
/** F.normalize keeps norms from zero by 1e-12; this is its square. */
const normEpsilon = 1e-24;
const cube = [3, 3, 3] as const;

/** @throws UserError for a configuration that diffusers would refuse or that is not supported. */
export function parseAutoencoderKlWan(config: unknown, file: string): Autoencoder {
  const settings = checkConfig(schema, config, file);
  const { base_dim, dim_mult, z_dim: latentChannels, num_res_blocks: blocks, in_channels: inChannels } = settings;
  const fail = (field: string, message: string) => new UserError(message, { file, field });
  const patch = settings.patch_size ?? 1;
  const halves = settings.temperal_downsample.slice(0, dim_mult.length - 1);
  const halvings = halves.filter(Boolean).length;
  if (halves.length < dim_mult.length - 1) throw fail("temperal_downsample", `${halves.length} values for ${dim_mult.length - 1} changes of resolution.`);
  if (halvings > maxHalvings) throw fail("temperal_downsample", `Time can be halved at most ${maxHalvings} times.`);
  if (inChannels % patch ** 2 !== 0) throw fail("in_channels", `${inChannels} channels are no patches of ${patch} x ${patch} pixels.`);
  if (dim_mult.length * blocks > maxLayers) throw fail("num_res_blocks", `More than ${maxLayers} layers.`);
  const widths = dim_mult.map((factor) => base_dim * factor);
  const moments = 2 * latentChannels;

  const sequence = new LayerSequence("sample");
  sequence.add("encoder.conv_in", "causal_conv_3d", inputBody(inChannels, base_dim, patch), { root: "encoder." });
  const downsamples = { widths, blocks, halves, first: base_dim };
  if (settings.is_residual) residualLevels(sequence, downsamples, fail);
  else plainLevels(sequence, downsamples);
  const width = widths[widths.length - 1];
  const middle = "encoder.mid_block";
  sequence.add(`${middle}.resnets.0`, "resnet_block_3d", residualBlock(width, width));
  sequence.add(`${middle}.attentions.0`, "attention_3d", frameAttention(width));
  sequence.add(`${middle}.resnets.1`, "resnet_block_3d", residualBlock(width, width));
  sequence.add("encoder.conv_out", "output_3d", outputBody(width, moments), { modules: ["encoder.norm_out", "encoder.conv_out"], root: "encoder." });
  const list = new OperatorListBuilder(["hidden_states"]);
  sequence.add("quant_conv", "causal_conv_3d", list.finish(causalConvolution(list, "quant_conv", "hidden_states", { inChannels: moments, outChannels: moments, kernel: [1, 1, 1], before: "zeros" })), { root: "" });

  const downsampling = patch * 2 ** (widths.length - 1);
  const temporalDownsampling = 2 ** halvings;
  const description = checkDescription(
    {
      class: "AutoencoderKLWan",
      inputs: [{ name: "sample", type: "float32", shape: ({ frames = defaultFrames, height, width: across }) => [inChannels / patch ** 2, frames, height, across] }],
      layers: sequence.layers,
      defaultSizes: { height: 60 * downsampling, width: 104 * downsampling, sequenceLength: 1, frames: 20 * temporalDownsampling + 1 },
      checkSizes(sizes) {
        expectMultiples(sizes, downsampling);
        expectWholeClip(sizes, temporalDownsampling);
      },
    },
    file,
    "",
  );
  return { kind: "autoencoder", description, latentChannels, downsampling, temporalDownsampling };
}

interface Levels {
  readonly first: number;
  readonly widths: readonly number[];
  readonly blocks: number;
  /** Whether time is halved after a level. */
  readonly halves: readonly boolean[];
}

/** Wan 2.1: all modules in one list. */
function plainLevels(sequence: LayerSequence, { first, widths, blocks, halves }: Levels): void {
  let index = 0;
  const add = (kind: string, body: OperatorList) => sequence.add(`encoder.down_blocks.${index++}`, kind, body);
  let width = first;
  for (const [level, outChannels] of widths.entries()) {
    for (let block = 0; block < blocks; block++) {
      add("resnet_block_3d", residualBlock(width, outChannels));
      width = outChannels;
    }
    if (level < widths.length - 1) add("downsample_3d", downsample(width, halves[level]));
  }
}

/** Wan 2.2: a level's input, averaged down, is added to its output. */
function residualLevels(sequence: LayerSequence, { first, widths, blocks, halves }: Levels, fail: (field: string, message: string) => UserError): void {
  let width = first;
  for (const [level, outChannels] of widths.entries()) {
    const path = `encoder.down_blocks.${level}`;
    const inChannels = width;
    const before = sequence.layers[sequence.layers.length - 1].name;
    for (let block = 0; block < blocks; block++) {
      sequence.add(`${path}.resnets.${block}`, "resnet_block_3d", residualBlock(width, outChannels));
      width = outChannels;
    }
    const last = level === widths.length - 1;
    const factors = { time: !last && halves[level] ? 2 : 1, space: last ? 1 : 2 };
    if ((inChannels * factors.time * factors.space ** 2) % outChannels !== 0) throw fail("dim_mult", `The mean of level ${level}'s ${inChannels} channels does not fill ${outChannels}.`);
    const body = withShortcut(inChannels, outChannels, factors);
    const layer: LayerDescription = {
      name: `${path}.${last ? "avg_shortcut" : "downsampler"}`, kind: last ? "shortcut_3d" : "downsample_shortcut_3d", modules: [...(last ? [] : [`${path}.downsampler`]), `${path}.avg_shortcut`], root: `${path}.`, body,
      sources: { hidden_states: { layer: `${path}.resnets.${blocks - 1}` }, level_input: { layer: before } },
    };
    sequence.layers.push(layer);
  }
}

/** Pixels are first put together to patches, as channels. */
function inputBody(inChannels: number, outChannels: number, patch: number): OperatorList {
  const list = new OperatorListBuilder(["sample"]);
  const patches = patch === 1 ? "sample" : list.rearrange("sample", "n c f (h p) (w q) -> n (c q p) f h w", { p: patch, q: patch });
  return list.finish(causalConvolution(list, "conv_in", patches, { inChannels, outChannels, kernel: cube, before: "zeros" }));
}

/** x / |x| over the channels, times sqrt(channels) and a learned factor. @param axes Of one element behind the factor's channels. */
function channelNorm(list: OperatorListBuilder, module: string, input: string, features: number, axes: 2 | 3): string {
  const normalized = list.add({ op: "rmsNorm", module, input, features, epsilon: normEpsilon, affine: "none", offset: 0, axis: 1 });
  const ones = new Array<number>(axes).fill(1);
  return list.add({ op: "multiply", left: normalized, right: list.add({ op: "learnedTensor", module: `${module}.gamma`, shape: [features, ...ones], as: [1, features, ...ones] }) });
}

function residualBlock(inChannels: number, outChannels: number): OperatorList {
  const list = new OperatorListBuilder(["hidden_states"]);
  const half = (index: number, value: string, width: number) =>
    causalConvolution(list, `conv${index}`, list.activation("silu", channelNorm(list, `norm${index}`, value, width, 3)), { inChannels: width, outChannels, kernel: cube, before: "zeros" });
  const hidden = half(2, half(1, "hidden_states", inChannels), outChannels);
  const shortcut = { inChannels, outChannels, kernel: [1, 1, 1], before: "zeros" } as const;
  return list.finish(list.sum(hidden, inChannels === outChannels ? "hidden_states" : causalConvolution(list, "conv_shortcut", "hidden_states", shortcut)));
}

/** One head over the pixels of each frame. */
function frameAttention(width: number): OperatorList {
  const list = new OperatorListBuilder(["hidden_states"]);
  const images = list.rearrange("hidden_states", "n c f h w -> (n f) c h w");
  const projected = list.conv2d("to_qkv", channelNorm(list, "norm", images, width, 2), width, 3 * width, 1);
  const [query, key, value] = list.chunk(list.imageToTokens(projected), 3, width);
  const attended = list.add({ op: "attention", query, key, value, heads: 1, causal: false });
  const image = list.conv2d("proj", list.tokensToImage(attended, images), width, width, 1);
  return list.finish(list.sum(list.rearrange(image, "(n f) c h w -> n c f h w", undefined, { value: "hidden_states", pattern: "n c f h w" }), "hidden_states"));
}

function downsample(width: number, halvesTime: boolean): OperatorList {
  const list = new OperatorListBuilder(["hidden_states"]);
  return list.finish(halved(list, "", "hidden_states", width, halvesTime));
}

/** @param path Prefix of modules: a path with its final dot, or nothing. */
function halved(list: OperatorListBuilder, path: string, input: string, width: number, halvesTime: boolean): string {
  const small = halveFrames(list, `${path}resample.1`, input, width);
  if (!halvesTime) return small;
  const rest = list.add({
    op: "convolution", module: `${path}time_conv`, input: small, inChannels: width, outChannels: width, bias: true,
    kernel: [3, 1, 1], stride: [2, 1, 1], paddingBefore: [0, 0, 0], paddingAfter: [0, 0, 0],
  });
  return list.add({ op: "concat", inputs: [firstFrame(list, small), rest], axis: 2 });
}

/** Means over neighbours in time and space and over channels next to each other, added to what the level made. */
function withShortcut(inChannels: number, outChannels: number, { time, space }: { readonly time: number; readonly space: number }): OperatorList {
  const list = new OperatorListBuilder(["hidden_states", "level_input"]);
  const hidden = space === 1 ? "hidden_states" : halved(list, "downsampler.", "hidden_states", outChannels, time === 2);
  // A frame of zeros before the first one makes pairs.
  const whole = time === 1 ? "level_input" : list.add({ op: "concat", inputs: [list.add({ op: "scale", input: firstFrame(list, "level_input"), factor: 0 }), "level_input"], axis: 2 });
  const group = (inChannels * time * space ** 2) / outChannels;
  const grouped = list.rearrange(whole, "n c (f a) (h p) (w q) -> n (c a p q) f h w", { a: time, p: space, q: space });
  if (group === 1) return list.finish(list.sum(hidden, grouped));
  const means = list.add({ op: "mean", input: list.rearrange(grouped, "n (o g) f h w -> n o g f h w", { g: group }), axis: 2 });
  const shortcut = list.rearrange(means, "n o 1 f h w -> n o f h w");
  return list.finish(list.sum(hidden, shortcut));
}

function outputBody(width: number, moments: number): OperatorList {
  const list = new OperatorListBuilder(["hidden_states"]);
  const activated = list.activation("silu", channelNorm(list, "norm_out", "hidden_states", width, 3));
  return list.finish(causalConvolution(list, "conv_out", activated, { inChannels: width, outChannels: moments, kernel: cube, before: "zeros" }));
}
