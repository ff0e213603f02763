/** The configurations of Llama-like language models, checked and brought to one form. */
import { z } from "zod";
import { UserError } from "../../model/errors";
import type { ActivationFunction } from "../../model/operator";
import { channels, checkConfig, count, epsilon, flag, only } from "../config";
import { transformersActivation } from "./activations";

export type DecoderKind = "llama" | "mistral" | "qwen2" | "qwen2_5_vl" | "qwen3" | "gemma" | "gemma2" | "gemma3_text" | "gemma3";

export interface DecoderConfig {
  readonly vocabulary: number;
  readonly features: number;
  readonly intermediate: number;
  readonly heads: number;
  readonly keyHeads: number;
  readonly headFeatures: number;
  readonly epsilon: number;
  /** 1 where a norm's weight of zero means no scaling. */
  readonly normOffset: 0 | 1;
  /** A norm behind attention and perceptron as well. */
  readonly postNorms: boolean;
  readonly queryKeyNorm: boolean;
  readonly activation: ActivationFunction;
  readonly bias: { readonly queryKeyValue: boolean; readonly output: boolean; readonly perceptron: boolean };
  readonly embeddingScale: number;
  readonly scoreScale: number;
  readonly softcap: number | undefined;
  readonly layers: readonly DecoderLayerConfig[];
}

export interface DecoderLayerConfig {
  /** Tokens that a token sees; all before it where undefined. */
  readonly window: number | undefined;
  /** Prefix of the inputs with the layer's rotary tables. */
  readonly tables: string;
}

const windows = z.int().min(1).max(100_000_000).nullable();

/** Settings of all, without defaults: those of each kind are in `kinds`. How rotary tables are made is not among them: they are inputs. */
const common = z.object({
  vocab_size: z.int().min(1).max(100_000_000),
  hidden_size: channels,
  intermediate_size: channels,
  num_hidden_layers: count,
  num_attention_heads: channels,
  num_key_value_heads: channels.nullable(),
  head_dim: channels.nullable().default(null),
  hidden_act: transformersActivation.default("silu"),
  hidden_activation: transformersActivation.default("geluTanh"),
  rms_norm_eps: epsilon.default(1e-6),
  attention_bias: z.boolean().default(false),
  mlp_bias: z.boolean().default(false),
  attention_dropout: only([0, null]).optional(),
  query_pre_attn_scalar: z.number().positive().max(1e9).default(256),
  attn_logit_softcapping: z.number().positive().max(1e9).nullable(),
  sliding_window: windows.default(4096),
  use_sliding_window: flag.default(false),
  max_window_layers: z.int().min(0).max(1_000_000).default(28),
  sliding_window_pattern: z.int().min(1).max(1_000_000).default(6),
  layer_types: z.array(z.enum(["full_attention", "sliding_attention"])).max(10_000).nullable().default(null),
  use_bidirectional_attention: only([false, null]).optional(),
});

type Settings = z.infer<typeof common>;

interface Kind {
  /** Its settings where the configuration leaves them out, as transformers has them. */
  readonly defaults: Readonly<Record<string, unknown>>;
  readonly modelTypes: readonly string[];
  /** The field that holds the language model's own configuration; one that is left out holds it itself. */
  readonly nested?: "text_config";
  /** Heads of their own size (head_dim); else hidden_size is shared out. */
  readonly sharedFeatures?: boolean;
  readonly gemma?: boolean;
  readonly postNorms?: boolean;
  readonly queryKeyNorm?: boolean;
  readonly bias?: (settings: Settings) => DecoderConfig["bias"];
  readonly softcap?: boolean;
  /** transformers refuses a hidden_size that heads do not share out, though heads may have a size of their own. */
  readonly wholeHeads?: boolean;
  /** How many tokens a layer sees where it does not see all. */
  readonly window?: (layer: number, settings: Settings) => number | null;
  /** Layers with a window turn by tables of their own. */
  readonly localTables?: boolean;
}

const noBias = { queryKeyValue: false, output: false, perceptron: false };
const attentionBias = ({ attention_bias }: Settings) => ({ queryKeyValue: attention_bias, output: attention_bias, perceptron: false });
const qwenBias = () => ({ ...noBias, queryKeyValue: true });

/** layer_types decides where it is given. */
const windowWhere = (slides: (layer: number, settings: Settings) => boolean) => (layer: number, settings: Settings) =>
  (settings.layer_types ? settings.layer_types[layer] === "sliding_attention" : slides(layer, settings)) ? settings.sliding_window : null;
const qwenWindow = (layer: number, settings: Settings) =>
  settings.use_sliding_window ? windowWhere((index, { max_window_layers }) => index >= max_window_layers)(layer, settings) : null;

const llamaDefaults = { vocab_size: 32000, hidden_size: 4096, intermediate_size: 11008, num_hidden_layers: 32, num_attention_heads: 32, num_key_value_heads: null, attn_logit_softcapping: null };
const qwen2Defaults = { ...llamaDefaults, vocab_size: 151936, intermediate_size: 22016, num_key_value_heads: 32 };
const gemma2Defaults = { ...llamaDefaults, vocab_size: 256000, hidden_size: 2304, intermediate_size: 9216, num_hidden_layers: 26, num_attention_heads: 8, num_key_value_heads: 4, head_dim: 256, attn_logit_softcapping: 50 };

const gemma3: Kind = {
  defaults: { ...gemma2Defaults, vocab_size: 262208, attn_logit_softcapping: null },
  modelTypes: ["gemma3_text"],
  gemma: true,
  postNorms: true,
  queryKeyNorm: true,
  bias: attentionBias,
  wholeHeads: true,
  window: windowWhere((layer, { sliding_window_pattern }) => (layer + 1) % sliding_window_pattern !== 0),
  localTables: true,
};

const kinds: Readonly<Record<DecoderKind, Kind>> = {
  llama: { defaults: llamaDefaults, modelTypes: ["llama"], wholeHeads: true, bias: (settings) => ({ ...attentionBias(settings), perceptron: settings.mlp_bias }) },
  mistral: { defaults: { ...llamaDefaults, intermediate_size: 14336, num_key_value_heads: 8 }, modelTypes: ["mistral"], window: (_layer, { sliding_window }) => sliding_window },
  qwen2: { defaults: qwen2Defaults, modelTypes: ["qwen2"], bias: qwenBias, window: qwenWindow },
  qwen2_5_vl: {
    defaults: { ...llamaDefaults, vocab_size: 152064, hidden_size: 8192, intermediate_size: 29568, num_hidden_layers: 80, num_attention_heads: 64, num_key_value_heads: 8, rms_norm_eps: 1e-5, max_window_layers: 80 },
    modelTypes: ["qwen2_5_vl", "qwen2_5_vl_text"], nested: "text_config", sharedFeatures: true, bias: qwenBias, window: qwenWindow,
  },
  qwen3: { defaults: { ...qwen2Defaults, head_dim: 128 }, modelTypes: ["qwen3"], queryKeyNorm: true, bias: attentionBias, window: qwenWindow },
  gemma: {
    defaults: { ...llamaDefaults, vocab_size: 256000, hidden_size: 3072, intermediate_size: 24576, num_hidden_layers: 28, num_attention_heads: 16, num_key_value_heads: 16, head_dim: 256, hidden_act: "gelu_pytorch_tanh" },
    modelTypes: ["gemma"], gemma: true, bias: attentionBias,
  },
  gemma2: { defaults: gemma2Defaults, modelTypes: ["gemma2"], gemma: true, postNorms: true, bias: attentionBias, softcap: true, wholeHeads: true, window: windowWhere((layer) => layer % 2 === 0) },
  gemma3_text: gemma3,
  gemma3: { ...gemma3, modelTypes: ["gemma3", "gemma3_text"], nested: "text_config" },
};

/** One schema a kind: zod compiles each at its first use, which takes longer than to check a configuration. */
const schemas = Object.fromEntries(Object.entries(kinds).map(([kind, { modelTypes }]) => {
  const own = common.extend({ model_type: only(modelTypes, "This is the configuration of another model").optional() });
  return [kind, { own, nested: z.object({ text_config: own }) }];
}));
const anyObject = z.record(z.string(), z.unknown());

/** @throws UserError naming `file` and the field, for what transformers would refuse and for what is not supported. */
export function readDecoder(kind: DecoderKind, json: unknown, file: string): DecoderConfig {
  const rules = kinds[kind];
  const { config, at } = ownPart(rules, json, file);
  const whole = { ...rules.defaults, ...config };
  const settings = at === "" ? checkConfig(schemas[kind].own, whole, file) : checkConfig(schemas[kind].nested, { [at]: whole }, file).text_config;
  const { hidden_size, num_attention_heads: heads, layer_types, num_hidden_layers } = settings;
  const fail = (field: string, message: string) => new UserError(message, { file, field: at === "" ? field : `${at}.${field}` });
  const headFeatures = (rules.sharedFeatures ? null : settings.head_dim) ?? Math.floor(hidden_size / heads);
  const keyHeads = settings.num_key_value_heads ?? heads;
  if ((settings.head_dim === null || rules.wholeHeads) && hidden_size % heads !== 0) throw fail("num_attention_heads", `hidden_size ${hidden_size} is not a multiple of ${heads} heads.`);
  if (headFeatures % 2 !== 0) throw fail(settings.head_dim === null ? "num_attention_heads" : "head_dim", `Rotary embeddings turn pairs, but a head has ${headFeatures} features.`);
  if (heads % keyHeads !== 0) throw fail("num_key_value_heads", `${heads} heads cannot share ${keyHeads} key heads.`);
  if (layer_types && layer_types.length !== num_hidden_layers) throw fail("layer_types", `${layer_types.length} values for ${num_hidden_layers} layers.`);
  const { gemma = false, softcap } = rules;
  return {
    vocabulary: settings.vocab_size,
    features: hidden_size,
    intermediate: settings.intermediate_size,
    heads, keyHeads, headFeatures,
    epsilon: settings.rms_norm_eps,
    normOffset: gemma ? 1 : 0,
    postNorms: rules.postNorms ?? false,
    queryKeyNorm: rules.queryKeyNorm ?? false,
    activation: activationOf(kind, settings),
    bias: rules.bias?.(settings) ?? noBias,
    embeddingScale: gemma ? Math.sqrt(hidden_size) : 1,
    scoreScale: 1 / Math.sqrt(rules.postNorms ? settings.query_pre_attn_scalar : headFeatures),
    softcap: softcap ? (settings.attn_logit_softcapping ?? undefined) : undefined,
    layers: Array.from({ length: num_hidden_layers }, (_, layer) => layerConfig(rules, settings, layer)),
  };
}

/** The language model's own configuration, and the field that holds it, or nothing. */
function ownPart({ nested }: Kind, json: unknown, file: string): { readonly config: Readonly<Record<string, unknown>>; readonly at: "text_config" | "" } {
  const whole = checkConfig(anyObject, json, file);
  const part = nested === undefined ? undefined : whole[nested];
  if (nested === undefined || part === undefined || part === null) return { config: whole, at: "" };
  return { config: checkConfig(z.object({ [nested]: anyObject }), json, file)[nested], at: nested };
}

/** Gemma's first configurations say "gelu" and mean its approximation; its later ones have another name for the field. */
function activationOf(kind: DecoderKind, { hidden_act, hidden_activation }: Settings): ActivationFunction {
  if (kind === "gemma") return hidden_act === "gelu" ? "geluTanh" : hidden_act;
  return kinds[kind].gemma ? hidden_activation : hidden_act;
}

function layerConfig({ window, localTables }: Kind, settings: Settings, layer: number): DecoderLayerConfig {
  const seen = window?.(layer, settings) ?? undefined;
  return { window: seen, tables: localTables && seen !== undefined ? "rotary_local" : "rotary" };
}
