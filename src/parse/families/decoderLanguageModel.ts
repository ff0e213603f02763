/**
 * Decoder-only language models of transformers as text encoders, one description for the Llama-like ones: Llama, Mistral,
 * Qwen2, Qwen3, Gemma, Gemma 2 and 3 and the text part of Qwen2.5-VL and Gemma 3. Encoding runs the model without its head, so the
 * head is no layer and its parameters are not counted (where it has its own, AutoModel has none of them either); nor are
 * the vision towers of the combined models. Padding is not masked. Rotary tables come as inputs: they are the same for all layers of a kind and hold no parameters.
 */
import type { OperatorList } from "../../model/operator";
import type { ComponentDescription, ComponentInput, LayerDescription } from "../component";
import { checkDescription } from "../config";
import { OperatorListBuilder } from "../operatorListBuilder";
import { readDecoder, type DecoderConfig, type DecoderKind } from "./decoderConfig";
import type { Encoder, FamilyParser } from "./family";

/** Where a class keeps the language model, with a final dot, and the kind of its configuration. */
const classes: ReadonlyMap<string, readonly [kind: DecoderKind, path: string]> = new Map([
  ["LlamaModel", ["llama", ""]],
  ["LlamaForCausalLM", ["llama", "model."]],
  ["MistralModel", ["mistral", ""]],
  ["MistralForCausalLM", ["mistral", "model."]],
  ["Qwen2Model", ["qwen2", ""]],
  ["Qwen2ForCausalLM", ["qwen2", "model."]],
  ["Qwen2_5_VLForConditionalGeneration", ["qwen2_5_vl", "model.language_model."]],
  ["Qwen3Model", ["qwen3", ""]],
  ["Qwen3ForCausalLM", ["qwen3", "model."]],
  ["GemmaModel", ["gemma", ""]],
  ["GemmaForCausalLM", ["gemma", "model."]],
  ["Gemma2Model", ["gemma2", ""]],
  ["Gemma2ForCausalLM", ["gemma2", "model."]],
  ["Gemma3TextModel", ["gemma3_text", ""]],
  ["Gemma3ForCausalLM", ["gemma3_text", "model."]],
  ["Gemma3ForConditionalGeneration", ["gemma3", "model.language_model."]],
] as const);

/** By class. */
export const decoderFamilies: readonly (readonly [className: string, FamilyParser])[] = [...classes].map(([className, [kind, path]]) => [
  className,
  (json, file) => describe(className, path, readDecoder(kind, json, file), file),
]);

/** What diffusers' pipelines tokenise to, unless told otherwise. */
const defaultTokens = 512;

function describe(className: string, path: string, config: DecoderConfig, file: string): Encoder {
  const { vocabulary, features, headFeatures, epsilon, normOffset } = config;
  const tables = [...new Set(config.layers.map(({ tables: set }) => set))];
  const layers: LayerDescription[] = [{ name: "embed_tokens", kind: "token_embedding", modules: [`${path}embed_tokens`], root: path, body: embedding(config), sources: { input_ids: { input: "input_ids" } } }];
  for (const [index, { window, tables: set }] of config.layers.entries()) {
    const name = `layers.${index}`;
    layers.push({
      name, kind: window === undefined ? "decoder_layer" : "decoder_layer_window", modules: [`${path}${name}`], root: `${path}${name}.`, body: decoderLayer(config, window),
      sources: { hidden_states: { layer: layers[index].name }, rotary_cos: { input: `${set}_cos` }, rotary_sin: { input: `${set}_sin` } },
    });
  }
  const norm = new OperatorListBuilder(["hidden_states"]);
  layers.push({
    name: "norm", kind: "rms_norm", modules: [`${path}norm`], root: path,
    body: norm.finish(norm.add({ op: "rmsNorm", module: "norm", input: "hidden_states", features, epsilon, affine: "weight", offset: normOffset })),
    sources: { hidden_states: { layer: layers[layers.length - 1].name } },
  });
  const table = (name: string): ComponentInput => ({ name, type: "float32", shape: ({ sequenceLength }) => [sequenceLength, headFeatures], fixed: true });
  const description: ComponentDescription = {
    class: className,
    inputs: [
      { name: "input_ids", type: "int64", below: vocabulary, shape: ({ sequenceLength }) => [sequenceLength] },
      ...tables.flatMap((set) => [table(`${set}_cos`), table(`${set}_sin`)]),
    ],
    layers,
    outputs: {
      last_hidden_state: { layer: "norm", features },
      "hidden_states[-2]": { layer: layers[config.layers.length - 1].name, features },
    },
    defaultSizes: { height: 1, width: 1, sequenceLength: defaultTokens },
  };
  return { kind: "textEncoder", description: checkDescription(description, file, "") };
}

function embedding({ vocabulary, features, embeddingScale }: DecoderConfig): OperatorList {
  const list = new OperatorListBuilder(["input_ids"]);
  const tokens = list.add({ op: "tokenEmbedding", module: "embed_tokens", input: "input_ids", vocabulary, features });
  return list.finish(embeddingScale === 1 ? tokens : list.add({ op: "scale", input: tokens, factor: embeddingScale }));
}

/** Self-attention with rotated queries and keys and a gated perceptron, each normalised before, in Gemma 2 and 3 also after, and added to its input. */
function decoderLayer(config: DecoderConfig, window: number | undefined): OperatorList {
  const { features, heads, keyHeads, headFeatures, intermediate, epsilon, normOffset, activation, bias, queryKeyNorm, postNorms, scoreScale, softcap } = config;
  const list = new OperatorListBuilder(["hidden_states", "rotary_cos", "rotary_sin"]);
  const norm = (module: string, input: string, size = features) => list.add({ op: "rmsNorm", module, input, features: size, epsilon, affine: "weight", offset: normOffset });
  const normalized = norm("input_layernorm", "hidden_states");
  const project = (name: string, count: number) => list.linear(`self_attn.${name}_proj`, normalized, features, count * headFeatures, bias.queryKeyValue);
  const rotated = (name: "q" | "k", count: number) => {
    const projected = project(name, count);
    return list.add({ op: "rotary", input: queryKeyNorm ? norm(`self_attn.${name}_norm`, projected, headFeatures) : projected, cos: "rotary_cos", sin: "rotary_sin", layout: "halves" });
  };
  const attended = list.add({
    op: "attention", query: rotated("q", heads), key: rotated("k", keyHeads), value: project("v", keyHeads), heads, keyHeads, scale: scoreScale, causal: true,
    ...(window !== undefined && { window }), ...(softcap !== undefined && { softcap }),
  });
  const projected = list.linear("self_attn.o_proj", attended, heads * headFeatures, features, bias.output);
  const hidden = list.sum("hidden_states", postNorms ? norm("post_attention_layernorm", projected) : projected);
  const input = norm(postNorms ? "pre_feedforward_layernorm" : "post_attention_layernorm", hidden);
  const gate = list.activation(activation, list.linear("mlp.gate_proj", input, features, intermediate, bias.perceptron));
  const wide = list.add({ op: "multiply", left: gate, right: list.linear("mlp.up_proj", input, features, intermediate, bias.perceptron) });
  const narrow = list.linear("mlp.down_proj", wide, intermediate, features, bias.perceptron);
  return list.finish(list.sum(hidden, postNorms ? norm("post_feedforward_layernorm", narrow) : narrow));
}
