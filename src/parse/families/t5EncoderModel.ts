/**
 * transformers' T5EncoderModel (T5, T5 v1.1, Flan) and UMT5EncoderModel: pre-norm layers whose attention scores get a learned
 * bias per distance. T5 computes it once, in its first block; UMT5 in each. Padding is not masked.
 */
import { z } from "zod";
import { UserError } from "../../model/errors";
import type { ActivationFunction, OperatorList } from "../../model/operator";
import type { ComponentDescription, LayerDescription } from "../component";
import { channels, checkConfig, checkDescription, count, epsilon, flag, only } from "../config";
import { OperatorListBuilder } from "../operatorListBuilder";
import { transformersActivation } from "./activations";
import type { Encoder } from "./family";

/** "relu", "gated-gelu" and the like. */
const feedForward = z.string().max(100);

/** Defaults that differ between the two are those of T5Config and UMT5Config. */
const t5Schema = z.object({
  model_type: only(["t5", "umt5"]).optional(),
  vocab_size: z.int().min(1).max(100_000_000).default(32128),
  d_model: channels.default(512),
  d_kv: channels.default(64),
  d_ff: channels.default(2048),
  num_layers: count.default(6),
  num_heads: channels.default(8),
  relative_attention_num_buckets: z.int().min(4).max(100_000).default(32),
  relative_attention_max_distance: z.int().min(2).max(1_000_000).default(128),
  layer_norm_epsilon: epsilon.default(1e-6),
  feed_forward_proj: feedForward.default("relu"),
  dense_act_fn: transformersActivation.optional(),
  is_gated_act: flag.optional(),
  is_decoder: only([false], "Only the encoder is supported").optional(),
});

const umt5Schema = t5Schema.extend({
  vocab_size: t5Schema.shape.vocab_size.unwrap().default(250112),
  d_ff: channels.default(1024),
  num_layers: count.default(8),
  num_heads: channels.default(6),
  feed_forward_proj: feedForward.default("gated-gelu"),
});

/** What diffusers' pipelines tokenise to, unless told otherwise. */
const defaultTokens = 512;

interface Settings {
  readonly features: number;
  readonly headFeatures: number;
  readonly heads: number;
  readonly intermediate: number;
  readonly epsilon: number;
  readonly activation: ActivationFunction;
  readonly gated: boolean;
  readonly buckets: number;
  readonly maxDistance: number;
}

/** @throws UserError for a configuration that transformers would refuse or that is not supported. */
export function parseT5EncoderModel(config: unknown, file: string): Encoder {
  return describe("T5EncoderModel", checkConfig(t5Schema, config, file), file, false);
}

/** @throws UserError for a configuration that transformers would refuse or that is not supported. */
export function parseUmt5EncoderModel(config: unknown, file: string): Encoder {
  return describe("UMT5EncoderModel", checkConfig(umt5Schema, config, file), file, true);
}

function describe(className: string, config: z.infer<typeof t5Schema>, file: string, everyBlock: boolean): Encoder {
  const settings = read(config, file);
  const { features, epsilon } = settings;
  const layers: LayerDescription[] = [{ name: "shared", kind: "token_embedding", modules: ["encoder.embed_tokens"], root: "", body: embedding(config.vocab_size, features), sources: { input_ids: { input: "input_ids" } } }];
  for (let index = 0; index < config.num_layers; index++) {
    const place = index === 0 || everyBlock ? "computed" : "given";
    const sources = { hidden_states: { layer: index === 0 ? "shared" : `block.${index - 1}` }, ...(place === "given" && { position_bias: { layer: "block.0", output: 1 } }) };
    const body = block(settings, place, index === 0 && !everyBlock && config.num_layers > 1);
    layers.push({ name: `block.${index}`, kind: `t5_block_${place}_bias`, modules: [`encoder.block.${index}`], root: `encoder.block.${index}.`, body, sources });
  }
  const norm = new OperatorListBuilder(["hidden_states"]);
  layers.push({
    name: "final_layer_norm", kind: "rms_norm", modules: ["encoder.final_layer_norm"], root: "encoder.",
    body: norm.finish(rmsNorm(norm, "final_layer_norm", "hidden_states", features, epsilon)), sources: { hidden_states: { layer: `block.${config.num_layers - 1}` } },
  });
  const description: ComponentDescription = {
    class: className,
    inputs: [{ name: "input_ids", type: "int64", below: config.vocab_size, shape: ({ sequenceLength }) => [sequenceLength] }],
    layers,
    outputs: { last_hidden_state: { layer: "final_layer_norm", features } },
    defaultSizes: { height: 1, width: 1, sequenceLength: defaultTokens },
  };
  return { kind: "textEncoder", description: checkDescription(description, file, "") };
}

function read(config: z.infer<typeof t5Schema>, file: string): Settings {
  const { feed_forward_proj: name, relative_attention_num_buckets: buckets, relative_attention_max_distance: maxDistance } = config;
  const [, gate, activationName] = /^(gated-)?([^-]*)$/.exec(name) ?? [];
  const known = transformersActivation.safeParse(name === "gated-gelu" ? "gelu_new" : activationName);
  if (!known.success) throw new UserError(`Expected an activation such as "relu" or "gated-gelu", found ${JSON.stringify(name.slice(0, 40))}.`, { file, field: "feed_forward_proj" });
  if (buckets % 4 !== 0) throw new UserError(`${buckets} buckets cannot be divided into near and far ones on both sides.`, { file, field: "relative_attention_num_buckets" });
  if (maxDistance <= buckets / 4) throw new UserError(`${buckets} buckets need distances above ${buckets / 4}.`, { file, field: "relative_attention_max_distance" });
  return {
    features: config.d_model, headFeatures: config.d_kv, heads: config.num_heads, intermediate: config.d_ff, epsilon: config.layer_norm_epsilon,
    activation: config.dense_act_fn ?? known.data, gated: config.is_gated_act ?? gate !== undefined, buckets, maxDistance,
  };
}

function embedding(vocabulary: number, features: number): OperatorList {
  const list = new OperatorListBuilder(["input_ids"]);
  return list.finish(list.add({ op: "tokenEmbedding", module: "shared", input: "input_ids", vocabulary, features }));
}

function rmsNorm(list: OperatorListBuilder, module: string, input: string, features: number, epsilon: number): string {
  return list.add({ op: "rmsNorm", module, input, features, epsilon, affine: "weight", offset: 0 });
}

/** @param passesOn The bias is a second output. */
function block(settings: Settings, place: "computed" | "given", passesOn: boolean): OperatorList {
  const { features, headFeatures, heads, intermediate, epsilon, activation, gated, buckets, maxDistance } = settings;
  const list = new OperatorListBuilder(["hidden_states", ...(place === "given" ? ["position_bias"] : [])]);
  const inner = heads * headFeatures;
  const attention = "layer.0.SelfAttention";
  const bias = place === "given" ? "position_bias" : list.add({ op: "relativePositionBias", module: `${attention}.relative_attention_bias`, like: "hidden_states", heads, buckets, maxDistance });
  const normalized = rmsNorm(list, "layer.0.layer_norm", "hidden_states", features, epsilon);
  const project = (name: string) => list.linear(`${attention}.${name}`, normalized, features, inner, false);
  const attended = list.add({ op: "attention", query: project("q"), key: project("k"), value: project("v"), heads, scale: 1, causal: false, bias });
  const hidden = list.sum("hidden_states", list.linear(`${attention}.o`, attended, inner, features, false));
  const dense = "layer.1.DenseReluDense";
  const input = rmsNorm(list, "layer.1.layer_norm", hidden, features, epsilon);
  const widen = (name: string) => list.linear(`${dense}.${name}`, input, features, intermediate, false);
  const wide = gated ? list.add({ op: "multiply", left: list.activation(activation, widen("wi_0")), right: widen("wi_1") }) : list.activation(activation, widen("wi"));
  const output = list.sum(hidden, list.linear(`${dense}.wo`, wide, intermediate, features, false));
  return list.finish(output, ...(passesOn ? [bias] : []));
}
