/**
 * transformers' CLIPTextModel: token and position embeddings, causal encoder layers, a final norm and of it the end-of-text
 * token's vector; CLIPTextModelWithProjection projects that. Padding is not masked, as training pipelines call it.
 */
import { z } from "zod";
import { UserError } from "../../model/errors";
import type { OperatorList } from "../../model/operator";
import type { Bindings } from "../../model/profile";
import type { ComponentDescription, LayerDescription } from "../component";
import { channels, checkConfig, checkDescription, only } from "../config";
import { OperatorListBuilder } from "../operatorListBuilder";
import { checkHeads, encoderLayers, encoderSettings, layerNorm, penultimate } from "./blocks/clipEncoder";
import type { Encoder } from "./family";

const combined = z.undefined({ error: "A combined CLIP configuration is not supported: expected the text model's own configuration" }).optional();

/** Defaults are those of CLIPTextConfig. */
const schema = z.object({
  model_type: only(["clip_text_model"]).optional(),
  text_config: combined,
  ...encoderSettings,
  vocab_size: z.int().min(1).max(100_000_000).default(49408),
  hidden_size: encoderSettings.hidden_size.default(512),
  intermediate_size: encoderSettings.intermediate_size.default(2048),
  projection_dim: channels.nullable().default(512),
  num_hidden_layers: encoderSettings.num_hidden_layers.default(12),
  num_attention_heads: encoderSettings.num_attention_heads.default(8),
  max_position_embeddings: z.int().min(1).max(1_000_000).default(77),
  hidden_act: encoderSettings.hidden_act.default("quickGelu"),
  layer_norm_eps: encoderSettings.layer_norm_eps.default(1e-5),
  eos_token_id: z.int().min(0).max(100_000_000).default(49407),
});

/** Configurations of old say 2 where they mean the last token of the vocabulary: transformers takes the largest id of a text then. */
const oldEndOfText = 2;

/** @throws UserError for a configuration that transformers would refuse or that is not supported. */
export function parseClipTextModel(config: unknown, file: string): Encoder {
  return describe(config, file, false);
}

/** @throws UserError for a configuration that transformers would refuse or that is not supported. */
export function parseClipTextModelWithProjection(config: unknown, file: string): Encoder {
  return describe(config, file, true);
}

function describe(config: unknown, file: string, projects: boolean): Encoder {
  const settings = checkConfig(schema, config, file);
  checkHeads(settings, file);
  const { hidden_size: features, vocab_size, max_position_embeddings: positions, projection_dim } = settings;
  const prefix = projects ? "text_model." : "";
  const encoder = encoderLayers(settings, `${prefix}encoder`, "embeddings", true);
  const layers: LayerDescription[] = [
    {
      name: "embeddings", kind: "clip_text_embeddings", modules: [`${prefix}embeddings`], root: `${prefix}embeddings.`,
      body: embeddings(vocab_size, positions, features), sources: { input_ids: { input: "input_ids" } },
    },
    ...encoder,
    {
      name: "final_layer_norm", kind: "clip_text_pooling", modules: [`${prefix}final_layer_norm`], root: prefix,
      body: pooling(features, settings.layer_norm_eps, settings.eos_token_id),
      sources: { hidden_states: { layer: encoder[encoder.length - 1].name }, input_ids: { input: "input_ids" } },
    },
  ];
  if (projects) {
    if (projection_dim === null) throw new UserError("The projection needs a number of features.", { file, field: "projection_dim" });
    const list = new OperatorListBuilder(["pooled"]);
    layers.push({
      name: "text_projection", kind: "linear", modules: ["text_projection"], root: "",
      body: list.finish(list.linear("text_projection", "pooled", features, projection_dim, false)), sources: { pooled: { layer: "final_layer_norm", output: 1 } },
    });
  }
  const description: ComponentDescription = {
    class: projects ? "CLIPTextModelWithProjection" : "CLIPTextModel",
    inputs: [{ name: "input_ids", type: "int64", below: vocab_size, shape: ({ sequenceLength }: Bindings) => [sequenceLength] }],
    layers,
    outputs: {
      last_hidden_state: { layer: "final_layer_norm", features },
      ...penultimate(settings, "embeddings"),
      ...(projects ? { text_embeds: { layer: "text_projection", features: projection_dim ?? 0 } } : { pooler_output: { layer: "final_layer_norm", output: 1, features } }),
    },
    defaultSizes: { height: 1, width: 1, sequenceLength: positions },
    checkSizes({ sequenceLength }: Bindings) {
      if (sequenceLength > positions) throw new UserError(`The text encoder takes at most ${positions} tokens, found ${sequenceLength}.`, { field: "sequenceLength" });
    },
  };
  return { kind: "textEncoder", description: checkDescription(description, file, "") };
}

function embeddings(vocabulary: number, positions: number, features: number): OperatorList {
  const list = new OperatorListBuilder(["input_ids"]);
  const tokens = list.add({ op: "tokenEmbedding", module: "token_embedding", input: "input_ids", vocabulary, features });
  return list.finish(list.add({ op: "positionEmbedding", module: "position_embedding", input: tokens, positions, features }));
}

/** Outputs: every token normalised, and the end-of-text token's. */
function pooling(features: number, epsilon: number, endOfText: number): OperatorList {
  const list = new OperatorListBuilder(["hidden_states", "input_ids"]);
  const normalized = layerNorm(list, "final_layer_norm", "hidden_states", features, epsilon);
  const pooled = list.add({ op: "selectToken", input: normalized, ids: "input_ids", ...(endOfText !== oldEndOfText && { token: endOfText }) });
  return list.finish(normalized, pooled);
}
