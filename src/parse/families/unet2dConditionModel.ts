/** diffusers' UNet2DConditionModel as layers in order of execution; every down layer's output is a skip to the up half. */
import type { OperatorList } from "../../model/operator";
import type { ComponentDescription, ComponentInput, LayerDescription, ValueSource } from "../component";
import { checkDescription } from "../config";
import { expectMultiples } from "../sizes";
import { OperatorListBuilder } from "../operatorListBuilder";
import { transformer2d } from "./blocks/attention";
import type { Backbone } from "./family";
import { conv2dBody, outputBody } from "./blocks/projections";
import { resnetBlock2d } from "./blocks/resnetBlock2d";
import { downsample2d, upsample2d } from "./blocks/sampling";
import { readUnetConfig, type UnetConfig, type UnetLevel } from "./unet2dConfig";

/** @throws UserError naming `file` and the field. */
export function parseUnet2dConditionModel(json: unknown, file: string): Backbone {
  const config = readUnetConfig(json, file);
  const layers = new UnetLayers(config).all();
  const downsampling = 2 ** (config.levels.length - 1);
  const roundedUp = (size: number) => Math.ceil(size / downsampling) * downsampling;
  const [height, width] = config.sampleSize ?? [64, 64];
  const inputs: readonly ComponentInput[] = [
    { name: "sample", type: "float32", shape: (sizes) => [config.inChannels, sizes.height, sizes.width] },
    { name: "timestep", type: "int64", below: 1000, shape: () => [] },
    { name: "encoder_hidden_states", type: "float32", shape: ({ sequenceLength }) => [sequenceLength, config.levels[0].crossAttentionFeatures] },
  ];
  const description: ComponentDescription = {
    class: "UNet2DConditionModel",
    inputs,
    layers,
    defaultSizes: { height: roundedUp(height), width: roundedUp(width), sequenceLength: 77 },
    checkSizes: (sizes) => expectMultiples(sizes, downsampling),
  };
  return { kind: "backbone", description: checkDescription(description, file, "norm_num_groups"), inChannels: config.inChannels, outChannels: config.outChannels };
}

/** Walks the network as its forward function does, with the hidden state and the stack of skips. */
class UnetLayers {
  private readonly layers: LayerDescription[] = [];
  private readonly skips: { readonly layer: string; readonly width: number }[] = [];
  private hidden = { layer: "", width: 0 };

  constructor(private readonly config: UnetConfig) {}

  all(): readonly LayerDescription[] {
    const { config } = this;
    this.push("time_embedding", "timestep_embedding", timeEmbedding(config), { timestep: { input: "timestep" } }, ["time_proj", "time_embedding"], "time_embedding.");
    const first = config.levels[0].width;
    this.push("conv_in", "conv_2d", conv2dBody("sample", { module: "conv_in", inChannels: config.inChannels, outChannels: first, kernel: config.inKernel }), { sample: { input: "sample" } }, ["conv_in"], "");
    this.move("conv_in", first);
    this.skips.push(this.hidden);
    for (const [level, options] of config.levels.entries()) this.down(level, options);
    this.middle();
    for (const [index, level] of [...config.levels].reverse().entries()) this.up(index, level);
    const body = outputBody({ channels: first, outChannels: config.outChannels, kernel: config.outKernel, groups: config.groups, epsilon: config.epsilon, activation: config.activation });
    this.push("conv_out", "output_2d", body, { hidden_states: { layer: this.hidden.layer } }, ["conv_norm_out", "conv_act", "conv_out"], "");
    return this.layers;
  }

  private down(index: number, level: UnetLevel): void {
    const path = `down_blocks.${index}`;
    for (let layer = 0; layer < level.layers; layer++) {
      this.resnet(`${path}.resnets.${layer}`, level.width);
      if (level.attentionDown) this.attention(`${path}.attentions.${layer}`, level);
      this.skips.push(this.hidden);
    }
    if (index < this.config.levels.length - 1) {
      this.chain(`${path}.downsamplers.0`, "downsample_2d", downsample2d(level.width, this.config.downsamplePadding));
      this.skips.push(this.hidden);
    }
  }

  private middle(): void {
    const { midBlock, midScaleFactor, levels } = this.config;
    const level = levels[levels.length - 1];
    if (midBlock === null) return;
    this.resnet("mid_block.resnets.0", level.width, midScaleFactor);
    if (midBlock === "UNetMidBlock2D") return;
    this.attention("mid_block.attentions.0", level);
    this.resnet("mid_block.resnets.1", level.width, midScaleFactor);
  }

  private up(index: number, level: UnetLevel): void {
    const path = `up_blocks.${index}`;
    for (let layer = 0; layer <= level.layers; layer++) {
      this.resnet(`${path}.resnets.${layer}`, level.width, 1, this.skips.pop());
      if (level.attentionUp) this.attention(`${path}.attentions.${layer}`, level);
    }
    if (index < this.config.levels.length - 1) this.chain(`${path}.upsamplers.0`, "upsample_2d", upsample2d(level.width));
  }

  private resnet(name: string, outChannels: number, outputScaleFactor = 1, skip?: { readonly layer: string; readonly width: number }): void {
    const { groups, epsilon, activation, timeChannels } = this.config;
    const body = resnetBlock2d({ inChannels: this.hidden.width, outChannels, skipChannels: skip?.width, timeChannels, groups, epsilon, activation, outputScaleFactor });
    const sources = { hidden_states: { layer: this.hidden.layer }, ...(skip && { skip: { layer: skip.layer } }), temb: { layer: "time_embedding" } };
    this.push(name, "resnet_block_2d", body, sources);
    this.move(name, outChannels);
  }

  private attention(name: string, level: UnetLevel): void {
    const body = transformer2d({
      channels: level.width, heads: level.heads, headFeatures: level.headFeatures, blocks: level.transformerBlocks,
      crossAttentionFeatures: level.crossAttentionFeatures, groups: this.config.groups, linearProjection: this.config.linearProjection,
    });
    this.push(name, "transformer_2d", body, { hidden_states: { layer: this.hidden.layer }, encoder_hidden_states: { input: "encoder_hidden_states" } });
    this.move(name, level.width);
  }

  /** A layer that takes the hidden state only. */
  private chain(name: string, kind: string, body: OperatorList): void {
    this.push(name, kind, body, { hidden_states: { layer: this.hidden.layer } });
    this.move(name, this.hidden.width);
  }

  private move(layer: string, width: number): void {
    this.hidden = { layer, width };
  }

  private push(name: string, kind: string, body: OperatorList, sources: Readonly<Record<string, ValueSource>>, modules: readonly string[] = [name], root = `${name}.`): void {
    this.layers.push({ name, kind, modules, root, body, sources });
  }
}

function timeEmbedding({ levels, timeChannels, flipSinToCos, frequencyShift, activation }: UnetConfig): OperatorList {
  const channels = levels[0].width;
  const list = new OperatorListBuilder(["timestep"]);
  const sinusoids = list.add({ op: "timestepEmbedding", input: "timestep", channels, flipSinToCos, frequencyShift });
  const activated = list.activation(activation, list.linear("linear_1", sinusoids, channels, timeChannels));
  return list.finish(list.linear("linear_2", activated, timeChannels, timeChannels));
}
