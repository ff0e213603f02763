/** The configuration of a UNet2DConditionModel from its tensors' shapes, in the layout of LDM and SGM or in that of diffusers. */
import type { TensorShapes } from "./tensors";

type Json = Readonly<Record<string, unknown>>;

/** A resnet and the transformer behind it; `depth` 0 where there is none. */
interface Block {
  readonly width: number;
  readonly depth: number;
  readonly onlyCross: boolean;
}

interface Level {
  readonly blocks: readonly Block[];
  /** Ends with a change of resolution. */
  readonly resamples: boolean;
}

interface Structure {
  readonly inChannels: number;
  readonly outChannels: number;
  readonly down: readonly Level[];
  readonly up: readonly Level[];
  readonly middle: Block;
  readonly crossFeatures: number;
  readonly linearProjection: boolean;
  /** Inputs of the embedding that is added to that of the timesteps. */
  readonly addedFeatures?: number;
  /** Rows of a table of class embeddings. */
  readonly classes?: number;
}

const maxBlocks = 200;

/** What one layout calls the parts that this module looks at. */
interface Layout {
  readonly resnet: string;
  readonly attention: string;
}
const ldm: Layout = { resnet: "in_layers.2.weight", attention: "1." };
const diffusers: Layout = { resnet: "conv1.weight", attention: "" };

export interface UnetContext {
  /** Features of the pooled text, where its encoder is known. */
  readonly pooledFeatures?: number;
  /** Latents per side that the model was trained at. */
  readonly sampleSize: number;
}

/** @throws UserError naming the tensor that is missing or has another shape than the family has. */
export function unetFromLdm(tensors: TensorShapes, context: UnetContext): Json {
  const reader = new BlockReader(tensors, ldm);
  const down: Level[] = [];
  let blocks: Block[] = [];
  const inputs = tensors.count("input_blocks.");
  limit(tensors, inputs, "input_blocks");
  for (let index = 1; index < inputs; index++) {
    const part = tensors.under(`input_blocks.${index}.`);
    if (part.has("0.op.weight")) {
      down.push({ blocks, resamples: true });
      blocks = [];
    } else blocks.push(reader.read(part.under("0."), part.under("1.")));
  }
  down.push({ blocks, resamples: false });
  const up: Level[] = [];
  blocks = [];
  const outputs = tensors.count("output_blocks.");
  limit(tensors, outputs, "output_blocks");
  for (let index = 0; index < outputs; index++) {
    const part = tensors.under(`output_blocks.${index}.`);
    blocks.push(reader.read(part.under("0."), part.has("1.conv.weight") ? undefined : part.under("1.")));
    if (part.has("1.conv.weight") || part.has("2.conv.weight")) {
      up.push({ blocks, resamples: true });
      blocks = [];
    }
  }
  up.push({ blocks, resamples: false });
  return configOf(tensors, {
    inChannels: tensors.need("input_blocks.0.0.weight", 4)[1],
    outChannels: tensors.need("out.2.weight", 4)[0],
    down,
    up,
    middle: reader.read(tensors.under("middle_block.0."), tensors.under("middle_block.1.")),
    addedFeatures: tensors.shape("label_emb.0.0.weight")?.[1],
    classes: tensors.shape("label_emb.weight")?.[0],
    ...reader.found("input_blocks.1.1."),
  }, context);
}

/** @throws UserError as above. */
export function unetFromDiffusers(tensors: TensorShapes, context: UnetContext): Json {
  const reader = new BlockReader(tensors, diffusers);
  const levels = (side: "down_blocks" | "up_blocks", resampler: string) => {
    const count = tensors.count(`${side}.`);
    limit(tensors, count, side);
    return Array.from({ length: count }, (_, index): Level => {
      const level = tensors.under(`${side}.${index}.`);
      const resnets = level.count("resnets.");
      limit(tensors, resnets, `${side}.${index}.resnets`);
      return {
        blocks: Array.from({ length: resnets }, (_, block) => reader.read(level.under(`resnets.${block}.`), level.under(`attentions.${block}.`))),
        resamples: level.hasUnder(resampler),
      };
    });
  };
  return configOf(tensors, {
    inChannels: tensors.need("conv_in.weight", 4)[1],
    outChannels: tensors.need("conv_out.weight", 4)[0],
    down: levels("down_blocks", "downsamplers.0."),
    up: levels("up_blocks", "upsamplers.0."),
    middle: reader.read(tensors.under("mid_block.resnets.0."), tensors.under("mid_block.attentions.0.")),
    addedFeatures: tensors.shape("add_embedding.linear_1.weight")?.[1] ?? tensors.shape("class_embedding.linear_1.weight")?.[1],
    classes: tensors.shape("class_embedding.weight")?.[0],
    ...reader.found("down_blocks.0.attentions.0."),
  }, context);
}

/** Reads blocks and keeps what all transformers of a UNet have in common. */
class BlockReader {
  private crossFeatures?: number;
  private linearProjection = false;

  constructor(private readonly tensors: TensorShapes, private readonly layout: Layout) {}

  read(resnet: TensorShapes, attention?: TensorShapes): Block {
    const [width] = resnet.need(this.layout.resnet, 4);
    if (!attention || attention.isEmpty) return { width, depth: 0, onlyCross: false };
    const depth = attention.count("transformer_blocks.");
    limit(attention, depth, "transformer_blocks");
    const [, crossFeatures] = attention.need("transformer_blocks.0.attn2.to_k.weight", 2);
    if (this.crossFeatures !== undefined && this.crossFeatures !== crossFeatures) {
      attention.fail("transformer_blocks.0.attn2.to_k.weight", `It takes ${crossFeatures} features, and another one takes ${this.crossFeatures}; such UNets are not supported.`);
    }
    this.crossFeatures = crossFeatures;
    this.linearProjection = attention.need("proj_in.weight", 2, 4).length === 2;
    const [, selfFeatures] = attention.need("transformer_blocks.0.attn1.to_k.weight", 2);
    return { width, depth, onlyCross: selfFeatures !== width && selfFeatures === crossFeatures };
  }

  found(usualPlace: string): { readonly crossFeatures: number; readonly linearProjection: boolean } {
    if (this.crossFeatures === undefined) this.tensors.fail(`${usualPlace}transformer_blocks.0.attn2.to_k.weight`, "No block attends to a text, as a UNet2DConditionModel does.");
    return { crossFeatures: this.crossFeatures, linearProjection: this.linearProjection };
  }
}

function limit(tensors: TensorShapes, found: number, name: string): void {
  if (found === 0) tensors.fail(name, "There are no such blocks.");
  if (found > maxBlocks) tensors.fail(name, `${found} blocks; at most ${maxBlocks} are supported.`);
}

function configOf(tensors: TensorShapes, structure: Structure, { pooledFeatures, sampleSize }: UnetContext): Json {
  const { down, up, middle, crossFeatures, linearProjection } = structure;
  const layersPerBlock = down[0].blocks.length;
  checkRegular(tensors, down, up, layersPerBlock);
  const widths = down.map(({ blocks }) => blocks[0].width);
  const depths = down.map(({ blocks }, index) => blocks[0].depth || (index === down.length - 1 ? middle.depth || 1 : 1));
  const cross = (level: Level) => level.blocks[0].depth > 0;
  const onlyCross = down.map(({ blocks }) => blocks[0].onlyCross);
  return {
    _class_name: "UNet2DConditionModel",
    sample_size: sampleSize,
    in_channels: structure.inChannels,
    out_channels: structure.outChannels,
    down_block_types: down.map((level) => (cross(level) ? "CrossAttnDownBlock2D" : "DownBlock2D")),
    up_block_types: up.map((level) => (cross(level) ? "CrossAttnUpBlock2D" : "UpBlock2D")),
    mid_block_type: middle.depth > 0 ? "UNetMidBlock2DCrossAttn" : "UNetMidBlock2D",
    block_out_channels: widths,
    layers_per_block: layersPerBlock,
    transformer_layers_per_block: depths.every((depth) => depth === 1) ? 1 : depths,
    cross_attention_dim: crossFeatures,
    attention_head_dim: linearProjection ? widths.map((width) => headsOf(width)) : 8,
    use_linear_projection: linearProjection,
    ...(onlyCross.includes(true) && { only_cross_attention: onlyCross }),
    ...(structure.classes !== undefined && { num_class_embeds: structure.classes }),
    ...addedEmbedding(structure, pooledFeatures),
  };
}

/** Not to be seen in shapes: models that project linearly have heads of 64 features, the older ones 8 heads. diffusers calls both "attention_head_dim". */
function headsOf(width: number): number {
  return width % 64 === 0 ? width / 64 : 1;
}

/** Size and crop of the image, six numbers (five in a refiner), each as an embedding beside the pooled text's; or an embedded image (unCLIP). */
function addedEmbedding({ addedFeatures, crossFeatures }: Structure, pooledFeatures = 1280): Json {
  if (addedFeatures === undefined) return {};
  if (crossFeatures === 1024) return { class_embed_type: "projection", projection_class_embeddings_input_dim: addedFeatures };
  const rest = addedFeatures - pooledFeatures;
  return { addition_embed_type: "text_time", addition_time_embed_dim: rest % 6 === 0 ? rest / 6 : rest / 5, projection_class_embeddings_input_dim: addedFeatures };
}

/** Every level is alike inside, and the way up mirrors the way down: what the configuration can say. */
function checkRegular(tensors: TensorShapes, down: readonly Level[], up: readonly Level[], layersPerBlock: number): void {
  if (up.length !== down.length) tensors.fail("", `The UNet has ${down.length} levels on its way down and ${up.length} up.`);
  const alike = (level: Level, layers: number) => level.blocks.length === layers && level.blocks.every(({ width, depth, onlyCross }) => width === level.blocks[0].width && depth === level.blocks[0].depth && onlyCross === level.blocks[0].onlyCross);
  down.forEach((level, index) => {
    const mirrored = up[up.length - 1 - index];
    const fits = alike(level, layersPerBlock) && alike(mirrored, layersPerBlock + 1) && mirrored.blocks[0].width === level.blocks[0].width && mirrored.blocks[0].depth === level.blocks[0].depth;
    if (!fits) tensors.fail("", `Level ${index} of the UNet has blocks that differ from each other or from those on the way up; such a pruned model is not supported.`);
    if (level.resamples !== index < down.length - 1) tensors.fail("", `Level ${index} of the UNet does not end as the others do.`);
  });
}
