/** diffusers' DiTTransformer2DModel: patches of an image, conditioned on the timestep and a class. */
import { z } from "zod";
import { UserError } from "../../model/errors";
import type { OperatorList } from "../../model/operator";
import type { Bindings } from "../../model/profile";
import type { ComponentDescription, LayerDescription } from "../component";
import { channels, checkConfig, checkDescription, only } from "../config";
import { OperatorListBuilder } from "../operatorListBuilder";
import { expectPatches, wholePatches } from "../sizes";
import { gatedSum, modulate, modulation, plainNorm } from "./blocks/adaptiveNorm";
import { attention } from "./blocks/attention";
import { embeddedNumber } from "./blocks/conditioning";
import { feedForward, type FeedForwardActivation } from "./blocks/feedForward";
import { patchesToImage } from "./blocks/patches";
import { stackedBlocks } from "./blocks/stack";
import type { Backbone } from "./family";
import { checkWidth, normEpsilon, patchEmbeddingLayer, patchInputs, patchTransformerSettings, sampleSize } from "./patchTransformer";

const schema = z.object({
  ...patchTransformerSettings,
  _class_name: only(["DiTTransformer2DModel", "Transformer2DModel"]).default("DiTTransformer2DModel"),
  out_channels: channels.nullable().default(null),
  sample_size: sampleSize.default(32),
  num_embeds_ada_norm: channels.default(1000),
  norm_type: only(["ada_norm_zero"]).optional(),
  norm_eps: normEpsilon.default(1e-5),
});

/** @throws UserError for a configuration that diffusers would refuse or that is not supported. */
export function parseDitTransformer2dModel(config: unknown, file: string): Backbone {
  const settings = checkConfig(schema, config, file);
  const { num_layers: blocks, patch_size: patch, in_channels: inChannels, num_embeds_ada_norm: classes } = settings;
  const outChannels = settings.out_channels ?? inChannels;
  const features = settings.num_attention_heads * settings.attention_head_dim;
  checkWidth(features, file);
  const options: BlockOptions = {
    features, heads: settings.num_attention_heads, classes, bias: settings.attention_bias, activation: settings.activation_fn,
    epsilon: settings.norm_eps, affine: settings.norm_elementwise_affine,
  };
  const [first, other] = [block(options, true), block(options, false)];
  const stack = {
    path: "transformer_blocks", kind: "dit_block", count: blocks, body: (index: number) => (index === 0 ? first : other),
    carried: { hidden_states: { layer: "pos_embed" } }, shared: { timestep: { input: "timestep" }, class_labels: { input: "class_labels" } },
  };
  const layers: readonly LayerDescription[] = [
    patchEmbeddingLayer({ inChannels, features, patch }),
    ...stackedBlocks(stack),
    {
      name: "proj_out", kind: "dit_output", modules: ["proj_out_1", "norm_out", "proj_out_2"], root: "", body: output(features, outChannels, patch),
      sources: { hidden_states: { layer: `transformer_blocks.${blocks - 1}` }, conditioning: { layer: "transformer_blocks.0", output: 1 }, sample: { input: "hidden_states" } },
    },
  ];
  const side = wholePatches(settings.sample_size, patch);
  const description: ComponentDescription = {
    class: settings._class_name,
    inputs: [
      ...patchInputs({ inChannels, features, patch }),
      { name: "timestep", type: "int64", below: 1000, shape: () => [] },
      { name: "class_labels", type: "int64", below: classes + 1, shape: () => [] },
    ],
    layers,
    defaultSizes: { height: side, width: side, sequenceLength: 1 },
    checkSizes(sizes: Bindings) {
      expectPatches(sizes, patch);
      if (sizes.width !== sizes.height) throw new UserError(`diffusers puts the patches of a DiT together as a square, found ${sizes.height} x ${sizes.width}.`, { field: "width" });
    },
  };
  return { kind: "backbone", description: checkDescription(description, file, ""), inChannels, outChannels };
}

interface BlockOptions {
  readonly features: number;
  readonly heads: number;
  readonly classes: number;
  readonly bias: boolean;
  readonly activation: FeedForwardActivation;
  readonly epsilon: number;
  readonly affine: boolean;
}

/** diffusers' BasicTransformerBlock with ada_norm_zero, which embeds timestep and class itself. @param tells Its second output is that embedding. */
function block({ features, heads, classes, bias, activation, epsilon, affine }: BlockOptions, tells: boolean): OperatorList {
  const list = new OperatorListBuilder(["hidden_states", "timestep", "class_labels"]);
  const time = embeddedNumber(list, "norm1.emb.timestep_embedder", "timestep", features, 1);
  // One class more than the data has: "none", for classifier-free guidance.
  const label = list.add({ op: "tokenEmbedding", module: "norm1.emb.class_embedder.embedding_table", input: list.rearrange("class_labels", "n -> n 1"), vocabulary: classes + 1, features });
  const conditioning = list.sum(time, list.rearrange(label, "n 1 c -> n c"));
  const [shift, scale, gate, shiftMlp, scaleMlp, gateMlp] = modulation(list, "norm1.linear", conditioning, { inFeatures: features, features, count: 6 });
  const normalized = modulate(list, plainNorm(list, "norm1.norm", "hidden_states", features), scale, shift);
  const attended = attention(list, "attn1.", normalized, normalized, { features, contextFeatures: features, heads, bias });
  const hidden = gatedSum(list, "hidden_states", gate, attended);
  const third = list.add({ op: "layerNorm", module: "norm3", input: hidden, features, epsilon, affine: affine ? "weight and bias" : "none" });
  const widened = feedForward(list, "ff.", modulate(list, third, scaleMlp, shiftMlp), { features, activation });
  return list.finish(gatedSum(list, hidden, gateMlp, widened), ...(tells ? [conditioning] : []));
}

function output(features: number, outChannels: number, patch: number): OperatorList {
  const list = new OperatorListBuilder(["hidden_states", "conditioning", "sample"]);
  const [shift, scale] = modulation(list, "proj_out_1", "conditioning", { inFeatures: features, features, count: 2 });
  const hidden = modulate(list, plainNorm(list, "norm_out", "hidden_states", features), scale, shift);
  return list.finish(patchesToImage(list, list.linear("proj_out_2", hidden, features, patch * patch * outChannels), patch, "sample"));
}
