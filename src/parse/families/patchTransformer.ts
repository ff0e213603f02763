/**
 * What DiT and PixArt have in common: their settings, and a fixed table of sinusoidal positions, "pos_embed", [L, C] with one row per
 * patch, row by row of the image. diffusers makes it when the model is built and, for another size, anew; it is no parameter.
 */
import { z } from "zod";
import { UserError } from "../../model/errors";
import type { OperatorList } from "../../model/operator";
import type { ComponentInput, LayerDescription } from "../component";
import { channels, count, epsilon, flag, only } from "../config";
import { OperatorListBuilder } from "../operatorListBuilder";
import { feedForwardActivations } from "./blocks/feedForward";
import { imageToPatches } from "./blocks/patches";

/** Defaults are those of DiTTransformer2DModel and PixArtTransformer2DModel. */
export const patchTransformerSettings = {
  num_attention_heads: channels.default(16),
  attention_head_dim: channels.default(72),
  in_channels: channels.default(4),
  num_layers: count.default(28),
  dropout: only([0]).optional(),
  attention_bias: flag.default(true),
  patch_size: z.int().min(1).max(1024).default(2),
  activation_fn: z.enum(feedForwardActivations).default("gelu-approximate"),
  norm_elementwise_affine: flag.default(false),
};

export const sampleSize = z.int().min(1).max(1_000_000);
export const normEpsilon = epsilon;

/** @throws UserError for a width that positions cannot be made for: they need four equal parts. */
export function checkWidth(features: number, file: string): void {
  if (features % 4 !== 0) throw new UserError(`Positions need heads times attention_head_dim to be a multiple of 4, found ${features}.`, { file, field: "attention_head_dim" });
}

interface PatchSizes {
  readonly inChannels: number;
  readonly features: number;
  readonly patch: number;
}

export function patchInputs({ inChannels, features, patch }: PatchSizes): readonly ComponentInput[] {
  return [
    { name: "hidden_states", type: "float32", shape: ({ height, width }) => [inChannels, height, width] },
    { name: "pos_embed", type: "float32", fixed: true, shape: ({ height, width }) => [(height / patch) * (width / patch), features] },
  ];
}

export function patchEmbeddingLayer(sizes: PatchSizes): LayerDescription {
  const sources = { hidden_states: { input: "hidden_states" }, pos_embed: { input: "pos_embed" } };
  return { name: "pos_embed", kind: "patch_embedding", modules: ["pos_embed"], root: "pos_embed.", body: patchEmbedding(sizes), sources };
}

function patchEmbedding(sizes: PatchSizes): OperatorList {
  const list = new OperatorListBuilder(["hidden_states", "pos_embed"]);
  return list.finish(list.sum(imageToPatches(list, "proj", "hidden_states", sizes), "pos_embed"));
}
