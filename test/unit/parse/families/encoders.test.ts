import assert from "node:assert/strict";
import { UserError } from "../../../../src/model/errors";
import type { ComponentDescription } from "../../../../src/parse/component";
import { families } from "../../../../src/parse/families/registry";

const file = "part/config.json";

function parse(className: string, config: Readonly<Record<string, unknown>> = {}) {
  const family = families.get(className);
  assert.ok(family, `${className} is not registered`);
  return family(config, file);
}

function refused(call: () => unknown, field: string, text: RegExp): void {
  assert.throws(call, (error) => error instanceof UserError && error.field === field && text.test(error.message));
}

const last = ({ layers }: ComponentDescription) => layers[layers.length - 1];

describe("families of encoders", () => {
  const refusals: readonly (readonly [className: string, config: Readonly<Record<string, unknown>>, field: string, text: RegExp])[] = [
    ["CLIPTextModel", { text_config: {} }, "text_config", /combined/],
    ["CLIPTextModel", { num_attention_heads: 3 }, "num_attention_heads", /multiple of 3 heads/],
    ["CLIPTextModelWithProjection", { projection_dim: null }, "projection_dim", /number of features/],
    ["CLIPVisionModel", { patch_size: 300 }, "patch_size", /300 pixels/],
    ["CLIPVisionModelWithProjection", { vision_config: {} }, "vision_config", /combined/],
    ["T5EncoderModel", { feed_forward_proj: "gated-some-thing" }, "feed_forward_proj", /gated-gelu/],
    ["T5EncoderModel", { relative_attention_num_buckets: 30 }, "relative_attention_num_buckets", /30 buckets/],
    ["UMT5EncoderModel", { relative_attention_max_distance: 4 }, "relative_attention_max_distance", /above 8/],
    ["LlamaModel", { num_key_value_heads: 5 }, "num_key_value_heads", /share 5 key heads/],
    ["LlamaModel", { model_type: "qwen2" }, "model_type", /another model/],
    ["MistralModel", { head_dim: 5 }, "head_dim", /5 features/],
    ["Qwen2Model", { layer_types: ["full_attention"] }, "layer_types", /1 values for 32 layers/],
    ["Qwen2_5_VLForConditionalGeneration", { text_config: { num_hidden_layers: 0 } }, "text_config.num_hidden_layers", /.+/],
    ["Qwen2_5_VLForConditionalGeneration", { text_config: 5 }, "text_config", /.+/],
    ["Gemma3ForConditionalGeneration", { text_config: { num_attention_heads: 7 } }, "text_config.num_attention_heads", /7 heads/],
    ["AutoencoderKL", { block_out_channels: [32, 64] }, "block_out_channels", /2 values for 1 blocks/],
    ["AsymmetricAutoencoderKL", { down_block_out_channels: [32, 64] }, "down_block_out_channels", /2 values for 1 blocks/],
    ["AutoencoderKLTemporalDecoder", { act_fn: "gelu" }, "act_fn", /not supported/],
    ["VQModel", { norm_num_groups: 5 }, "norm_num_groups", /5 groups/],
    ["AutoencoderTiny", { encoder_block_out_channels: [64, 64, 32, 64] }, "encoder_block_out_channels", /one width/],
    ["AutoencoderKLCogVideoX", { use_quant_conv: true }, "out_channels", /takes 6 channels/],
    ["AutoencoderKLWan", { dim_mult: [1, 1, 1, 1], temperal_downsample: [true, true, true] }, "temperal_downsample", /at most 2/],
    ["AutoencoderKLWan", { patch_size: 2 }, "in_channels", /2 x 2/],
  ];
  for (const [className, config, field, text] of refusals) {
    it(`${className} refuses ${JSON.stringify(config)}`, () => refused(() => parse(className, config), field, text));
  }

  it("take no longer text than they have positions for", () => {
    const { description } = parse("CLIPTextModel");
    const sizes = { height: 1, width: 1 };
    description.checkSizes?.({ ...sizes, sequenceLength: 77 });
    refused(() => description.checkSizes?.({ ...sizes, sequenceLength: 78 }), "sequenceLength", /at most 77/);
  });

  it("take images of the size that their positions are for", () => {
    const { description } = parse("CLIPVisionModel");
    refused(() => description.checkSizes?.({ height: 224, width: 256, sequenceLength: 1 }), "width", /224 x 224/);
  });

  it("take clips that they can halve, and no still images", () => {
    const { description } = parse("AutoencoderKLWan");
    const sizes = { height: 64, width: 64, sequenceLength: 1 };
    description.checkSizes?.({ ...sizes, frames: 9 });
    for (const frames of [1, 8]) refused(() => description.checkSizes?.({ ...sizes, frames }), "frames", /more than a multiple of 4/);
    refused(() => description.checkSizes?.({ ...sizes, height: 60, frames: 9 }), "height", /multiple of 8/);
  });

  it("of one layer have its embeddings before the last layer", () => {
    assert.equal(parse("CLIPTextModel", { num_hidden_layers: 1 }).description.outputs?.["hidden_states[-2]"].layer, "embeddings");
    assert.equal(parse("LlamaModel", { num_hidden_layers: 1 }).description.outputs?.["hidden_states[-2]"].layer, "embed_tokens");
  });

  it("compute T5's bias once and UMT5's in every block", () => {
    const biases = (className: string) => parse(className, { num_layers: 3 }).description.layers.map(({ body }) => body.operators.filter(({ op }) => op === "relativePositionBias").length);
    assert.deepEqual(biases("T5EncoderModel"), [0, 1, 0, 0, 0]);
    assert.deepEqual(biases("UMT5EncoderModel"), [0, 1, 1, 1, 0]);
  });

  it("of Gemma 3 turn by two kinds of tables, of which each layer takes its own", () => {
    const { description } = parse("Gemma3TextModel", { num_hidden_layers: 6 });
    assert.deepEqual(description.inputs.filter(({ fixed }) => fixed).map(({ name }) => name), ["rotary_local_cos", "rotary_local_sin", "rotary_cos", "rotary_sin"]);
    assert.deepEqual(description.layers[1].sources.rotary_cos, { input: "rotary_local_cos" });
    assert.deepEqual(description.layers[6].sources.rotary_cos, { input: "rotary_cos" });
  });

  it("end with the norm where the class has a head, which encoding does not run", () => {
    const { description } = parse("LlamaForCausalLM", { num_hidden_layers: 2 });
    assert.deepEqual(last(description).modules, ["model.norm"]);
  });
});
