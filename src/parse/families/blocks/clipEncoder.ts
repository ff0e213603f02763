/** What the text and the image encoders of CLIP and SigLIP share: pre-norm transformer layers, and reading which output is which. */
import { z } from "zod";
import { UserError } from "../../../model/errors";
import type { ActivationFunction, OperatorList } from "../../../model/operator";
import type { Bindings } from "../../../model/profile";
import type { ComponentDescription, LayerDescription } from "../../component";
import { channels, count, epsilon, only } from "../../config";
import { OperatorListBuilder } from "../../operatorListBuilder";
import { transformersActivation } from "../activations";

/** Settings of the transformer, with no defaults: each configuration has its own. */
export const encoderSettings = {
  hidden_size: channels,
  intermediate_size: channels,
  num_hidden_layers: count,
  num_attention_heads: channels,
  hidden_act: transformersActivation,
  layer_norm_eps: epsilon,
  attention_dropout: only([0, null]).optional(),
};

export interface EncoderSettings {
  readonly hidden_size: number;
  readonly intermediate_size: number;
  readonly num_hidden_layers: number;
  readonly num_attention_heads: number;
  readonly hidden_act: ActivationFunction;
  readonly layer_norm_eps: number;
}

/** Of one side; transformers takes a list of two as well. */
export const imageSide = z.union([z.int().min(1).max(100_000), z.tuple([z.int(), z.int()]).refine(([a, b]) => a === b, "Only square images and patches are supported").transform(([side]) => side)]);

/** @throws UserError for images of another size than the model's positions are for. */
export function expectSide(sizes: Bindings, side: number): void {
  for (const field of ["height", "width"] as const) {
    if (sizes[field] !== side) throw new UserError(`The image encoder takes images of ${side} x ${side} pixels, found ${sizes[field]}.`, { field });
  }
}

/** @throws UserError when the heads do not share the features out evenly. */
export function checkHeads({ hidden_size, num_attention_heads }: Pick<EncoderSettings, "hidden_size" | "num_attention_heads">, file: string): void {
  if (hidden_size % num_attention_heads !== 0) throw new UserError(`hidden_size ${hidden_size} is not a multiple of ${num_attention_heads} heads.`, { file, field: "num_attention_heads" });
}

/**
 * The transformer's layers "layers.0" … after a layer that makes embeddings.
 * @param path Module path of the encoder, e.g. "encoder".
 */
export function encoderLayers(settings: EncoderSettings, path: string, embeddings: string, causal: boolean): readonly LayerDescription[] {
  const body = encoderLayer(settings, causal);
  return Array.from({ length: settings.num_hidden_layers }, (_, index) => ({
    name: `layers.${index}`, kind: "clip_encoder_layer", modules: [`${path}.layers.${index}`], root: `${path}.layers.${index}.`,
    body, sources: { hidden_states: { layer: index === 0 ? embeddings : `layers.${index - 1}` } },
  }));
}

/** What transformers calls hidden_states[-2]: the input of the last of "layers.0" …, which conditions most models with two encoders. */
export function penultimate({ num_hidden_layers, hidden_size }: EncoderSettings, embeddings: string): ComponentDescription["outputs"] {
  return { "hidden_states[-2]": { layer: num_hidden_layers === 1 ? embeddings : `layers.${num_hidden_layers - 2}`, features: hidden_size } };
}

/** Self-attention and a two-layer perceptron, each normalised before and added to its input. */
function encoderLayer({ hidden_size: features, intermediate_size, num_attention_heads: heads, hidden_act, layer_norm_eps }: EncoderSettings, causal: boolean): OperatorList {
  const list = new OperatorListBuilder(["hidden_states"]);
  const project = (name: string, input: string) => list.linear(`self_attn.${name}`, input, features, features);
  const normalized = layerNorm(list, "layer_norm1", "hidden_states", features, layer_norm_eps);
  const attended = list.add({ op: "attention", query: project("q_proj", normalized), key: project("k_proj", normalized), value: project("v_proj", normalized), heads, causal });
  const hidden = list.sum("hidden_states", project("out_proj", attended));
  const widened = list.linear("mlp.fc1", layerNorm(list, "layer_norm2", hidden, features, layer_norm_eps), features, intermediate_size);
  return list.finish(list.sum(hidden, list.linear("mlp.fc2", list.activation(hidden_act, widened), intermediate_size, features)));
}

export function layerNorm(list: OperatorListBuilder, module: string, input: string, features: number, epsilon: number): string {
  return list.add({ op: "layerNorm", module, input, features, epsilon, affine: "weight and bias" });
}
