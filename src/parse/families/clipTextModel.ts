/** transformers' CLIPTextModel: token and position embeddings, causal encoder layers, a final norm. The pooled output is not used in training. */
import { z } from "zod";
import { UserError } from "../../model/errors";
import type { ActivationFunction, OperatorList } from "../../model/operator";
import type { Bindings } from "../../model/profile";
import type { LayerDescription } from "../component";
import { channels, checkConfig, checkDescription, count, epsilon, only } from "../config";
import { OperatorListBuilder } from "../operatorListBuilder";
import { transformersActivation } from "./activations";
import type { Encoder } from "./family";

/** Defaults are those of CLIPTextConfig. */
const schema = z.object({
  model_type: only(["clip_text_model"]).optional(),
  text_config: z.undefined({ error: "A combined CLIP configuration is not supported: expected the text model's own configuration" }).optional(),
  vocab_size: z.int().min(1).max(100_000_000).default(49408),
  hidden_size: channels.default(512),
  intermediate_size: channels.default(2048),
  num_hidden_layers: count.default(12),
  num_attention_heads: channels.default(8),
  max_position_embeddings: z.int().min(1).max(1_000_000).default(77),
  hidden_act: transformersActivation.default("quickGelu"),
  layer_norm_eps: epsilon.default(1e-5),
  attention_dropout: only([0, null]).optional(),
});

/** @throws UserError for a configuration that transformers would refuse or that is not supported. */
export function parseClipTextModel(config: unknown, file: string): Encoder {
  const settings = checkConfig(schema, config, file);
  const { hidden_size: features, num_attention_heads: heads, layer_norm_eps } = settings;
  if (features % heads !== 0) throw new UserError(`hidden_size ${features} is not a multiple of ${heads} heads.`, { file, field: "num_attention_heads" });

  const layers: LayerDescription[] = [
    {
      name: "embeddings", kind: "clip_text_embeddings", modules: ["embeddings"], root: "embeddings.",
      body: embeddings(settings.vocab_size, settings.max_position_embeddings, features), sources: { input_ids: { input: "input_ids" } },
    },
  ];
  const options = { features, intermediate: settings.intermediate_size, heads, activation: settings.hidden_act, epsilon: layer_norm_eps };
  for (let index = 0; index < settings.num_hidden_layers; index++) {
    layers.push({
      name: `layers.${index}`, kind: "clip_encoder_layer", modules: [`encoder.layers.${index}`], root: `encoder.layers.${index}.`,
      body: encoderLayer(options), sources: { hidden_states: { layer: layers[index].name } },
    });
  }
  const norm = new OperatorListBuilder(["hidden_states"]);
  layers.push({
    name: "final_layer_norm", kind: "layer_norm", modules: ["final_layer_norm"], root: "",
    body: norm.finish(norm.add({ op: "layerNorm", module: "final_layer_norm", input: "hidden_states", features, epsilon: layer_norm_eps, affine: "weight and bias" })),
    sources: { hidden_states: { layer: layers[layers.length - 1].name } },
  });
  const description = {
    class: "CLIPTextModel",
    inputs: [{ name: "input_ids", type: "int64", below: settings.vocab_size, shape: ({ sequenceLength }: Bindings) => [sequenceLength] } as const],
    layers,
    outputs: { last_hidden_state: { layer: "final_layer_norm", features } },
    defaultSizes: { height: 1, width: 1, sequenceLength: settings.max_position_embeddings },
    checkSizes({ sequenceLength }: Bindings) {
      if (sequenceLength > settings.max_position_embeddings) {
        throw new UserError(`The text encoder takes at most ${settings.max_position_embeddings} tokens, found ${sequenceLength}.`, { field: "sequenceLength" });
      }
    },
  };
  return { kind: "textEncoder", description: checkDescription(description, file, "") };
}

function embeddings(vocabulary: number, positions: number, features: number): OperatorList {
  const list = new OperatorListBuilder(["input_ids"]);
  const tokens = list.add({ op: "tokenEmbedding", module: "token_embedding", input: "input_ids", vocabulary, features });
  return list.finish(list.add({ op: "positionEmbedding", module: "position_embedding", input: tokens, positions, features }));
}

interface EncoderLayerOptions {
  readonly features: number;
  readonly intermediate: number;
  readonly heads: number;
  readonly activation: ActivationFunction;
  readonly epsilon: number;
}

/** Pre-norm: causal self-attention and a two-layer perceptron, each added to its input. */
function encoderLayer({ features, intermediate, heads, activation, epsilon }: EncoderLayerOptions): OperatorList {
  const list = new OperatorListBuilder(["hidden_states"]);
  const project = (name: string, input: string) => list.linear(`self_attn.${name}`, input, features, features);
  const normalized = list.add({ op: "layerNorm", module: "layer_norm1", input: "hidden_states", features, epsilon, affine: "weight and bias" });
  const attended = list.add({
    op: "attention", query: project("q_proj", normalized), key: project("k_proj", normalized), value: project("v_proj", normalized), heads, causal: true,
  });
  const hidden = list.sum("hidden_states", project("out_proj", attended));
  const widened = list.linear("mlp.fc1", list.add({ op: "layerNorm", module: "layer_norm2", input: hidden, features, epsilon, affine: "weight and bias" }), features, intermediate);
  const narrowed = list.linear("mlp.fc2", list.activation(activation, widened), intermediate, features);
  return list.finish(list.sum(hidden, narrowed));
}
