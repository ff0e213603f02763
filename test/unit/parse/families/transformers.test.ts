import assert from "node:assert/strict";
import fc from "fast-check";
import { layerOutputShapes } from "../../../../src/graph/layer";
import { UserError } from "../../../../src/model/errors";
import type { Shape } from "../../../../src/model/operator";
import type { Bindings } from "../../../../src/model/profile";
import type { ComponentDescription } from "../../../../src/parse/component";
import type { Backbone } from "../../../../src/parse/families/family";
import { families } from "../../../../src/parse/families/registry";

type Config = Readonly<Record<string, unknown>>;

const file = "transformer/config.json";

/** Small ones of every class, so that each setting below is the only thing wrong. */
const small: Readonly<Record<string, Config>> = {
  DiTTransformer2DModel: { num_attention_heads: 2, attention_head_dim: 8, num_layers: 2, sample_size: 8 },
  PixArtTransformer2DModel: { num_attention_heads: 2, attention_head_dim: 12, num_layers: 2, sample_size: 8, cross_attention_dim: 24, caption_channels: 16 },
  Transformer2DModel: { num_attention_heads: 2, attention_head_dim: 8, num_layers: 2, sample_size: 8, norm_type: "ada_norm_zero" },
  SD3Transformer2DModel: { sample_size: 8, num_layers: 2, attention_head_dim: 8, num_attention_heads: 2, caption_projection_dim: 16, pos_embed_max_size: 9 },
  FluxTransformer2DModel: { attention_head_dim: 16, axes_dims_rope: [4, 4, 8], num_attention_heads: 2, num_layers: 2, num_single_layers: 2 },
  CogVideoXTransformer3DModel: { num_attention_heads: 2, attention_head_dim: 16, num_layers: 2, sample_width: 8, sample_height: 6, sample_frames: 9, max_text_seq_length: 5 },
  WanTransformer3DModel: { attention_head_dim: 16, num_attention_heads: 2, num_layers: 2, ffn_dim: 40, rope_max_seq_len: 64 },
};

function parse(name: string, settings: Config): Backbone {
  const family = families.get(name)?.({ ...small[name], ...settings }, file);
  assert.equal(family?.kind, "backbone");
  return family as Backbone;
}

/** Shapes of every layer's outputs, first to last. */
function outputShapes({ layers, inputs }: ComponentDescription, sizes: Bindings, batch: number): ReadonlyMap<string, readonly Shape[]> {
  const made = new Map<string, readonly Shape[]>();
  for (const layer of layers) {
    const values = layer.body.inputs.map((name) => {
      const source = layer.sources[name];
      const input = "input" in source ? inputs.find((one) => one.name === source.input) : undefined;
      const shape = "layer" in source ? made.get(source.layer)?.[source.output ?? 0] : input && [input.fixed ? 1 : batch, ...input.shape(sizes)];
      assert.ok(shape, `${layer.name} takes "${name}", which nothing makes`);
      return { name, type: "float32" as const, shape };
    });
    made.set(layer.name, layerOutputShapes(layer.body, values));
  }
  return made;
}

const refused = (field: string) => (error: unknown) => {
  assert.ok(error instanceof UserError, String(error));
  assert.deepEqual([error.file, error.field], [file, field], error.message);
  return true;
};

describe("A transformer's configuration that is refused names its field", () => {
  const cases: readonly [string, Config, string][] = [
    ["DiTTransformer2DModel", { norm_type: "ada_norm" }, "norm_type"],
    ["DiTTransformer2DModel", { num_embeds_ada_norm: null }, "num_embeds_ada_norm"],
    ["DiTTransformer2DModel", { attention_head_dim: 7 }, "attention_head_dim"],
    ["DiTTransformer2DModel", { activation_fn: "tanh" }, "activation_fn"],
    ["DiTTransformer2DModel", { dropout: 0.1 }, "dropout"],
    ["DiTTransformer2DModel", { num_layers: 0 }, "num_layers"],
    ["DiTTransformer2DModel", { num_layers: 1e300 }, "num_layers"],
    ["Transformer2DModel", { norm_type: "layer_norm" }, "norm_type"],
    ["Transformer2DModel", { norm_type: "ada_norm_single", cross_attention_dim: null }, "cross_attention_dim"],
    ["PixArtTransformer2DModel", { cross_attention_dim: 32 }, "cross_attention_dim"],
    ["PixArtTransformer2DModel", { use_additional_conditions: true, attention_head_dim: 8, cross_attention_dim: 16 }, "use_additional_conditions"],
    ["PixArtTransformer2DModel", { attention_type: "gated" }, "attention_type"],
    ["SD3Transformer2DModel", { caption_projection_dim: 32 }, "caption_projection_dim"],
    ["SD3Transformer2DModel", { qk_norm: "l2" }, "qk_norm"],
    ["SD3Transformer2DModel", { dual_attention_layers: [0, "1"] }, "dual_attention_layers[1]"],
    ["FluxTransformer2DModel", { axes_dims_rope: [4, 4, 4] }, "axes_dims_rope"],
    ["FluxTransformer2DModel", { axes_dims_rope: [3, 5, 8] }, "axes_dims_rope[0]"],
    ["FluxTransformer2DModel", { in_channels: 6 }, "in_channels"],
    ["FluxTransformer2DModel", { out_channels: 6 }, "out_channels"],
    ["FluxTransformer2DModel", { guidance_embeds: 1 }, "guidance_embeds"],
    ["CogVideoXTransformer3DModel", { use_learned_positional_embeddings: true }, "use_learned_positional_embeddings"],
    ["CogVideoXTransformer3DModel", { patch_size_t: 2 }, "patch_size_t"],
    ["CogVideoXTransformer3DModel", { use_rotary_positional_embeddings: true, use_learned_positional_embeddings: true, sample_width: 7 }, "sample_width"],
    ["CogVideoXTransformer3DModel", { ofs_embed_dim: 16 }, "ofs_embed_dim"],
    ["CogVideoXTransformer3DModel", { freq_shift: 16 }, "freq_shift"],
    ["CogVideoXTransformer3DModel", { attention_head_dim: 12 }, "attention_head_dim"],
    ["WanTransformer3DModel", { patch_size: [1, 2] }, "patch_size"],
    ["WanTransformer3DModel", { attention_head_dim: 15 }, "attention_head_dim"],
    ["WanTransformer3DModel", { freq_dim: 9 }, "freq_dim"],
    ["WanTransformer3DModel", { image_dim: 8 }, "added_kv_proj_dim"],
    ["WanTransformer3DModel", { added_kv_proj_dim: 32 }, "image_dim"],
    ["WanTransformer3DModel", { image_dim: 8, added_kv_proj_dim: 16 }, "added_kv_proj_dim"],
  ];
  for (const [name, settings, field] of cases) it(`${name} ${JSON.stringify(settings)}`, () => assert.throws(() => parse(name, settings), refused(field)));
});

describe("Sizes that do not fit a transformer", () => {
  const cases: readonly [string, Config, Partial<Bindings>, string][] = [
    ["DiTTransformer2DModel", {}, { height: 7, width: 7 }, "height"],
    ["DiTTransformer2DModel", {}, { height: 8, width: 6 }, "width"],
    ["PixArtTransformer2DModel", { patch_size: 4 }, { width: 6 }, "width"],
    ["SD3Transformer2DModel", {}, { height: 20 }, "height"],
    ["FluxTransformer2DModel", {}, { width: 5 }, "width"],
    ["CogVideoXTransformer3DModel", {}, { sequenceLength: 6 }, "sequenceLength"],
    ["CogVideoXTransformer3DModel", { use_rotary_positional_embeddings: true, use_learned_positional_embeddings: true }, { height: 8 }, "height"],
    ["CogVideoXTransformer3DModel", { use_rotary_positional_embeddings: true, patch_size_t: 2 }, { frames: 3 }, "frames"],
    ["WanTransformer3DModel", { patch_size: [2, 2, 2] }, { frames: 3 }, "frames"],
    ["WanTransformer3DModel", { rope_max_seq_len: 20 }, { frames: 21 }, "frames"],
    ["WanTransformer3DModel", { image_dim: 8, added_kv_proj_dim: 32 }, { sequenceLength: 256 }, "sequenceLength"],
  ];
  for (const [name, settings, sizes, field] of cases) {
    it(`${name} ${JSON.stringify(settings)} at ${JSON.stringify(sizes)}`, () => {
      const { description } = parse(name, settings);
      assert.throws(() => description.checkSizes?.({ ...description.defaultSizes, ...sizes }), (error: unknown) => error instanceof UserError && error.field === field);
    });
  }
});

describe("A transformer that is accepted", () => {
  it("keeps equal blocks equal, so that one measurement serves all", () => {
    const { layers } = parse("SD3Transformer2DModel", { num_layers: 5, dual_attention_layers: [1, 2] }).description;
    const bodies = layers.filter(({ kind }) => kind === "joint_transformer_block").map(({ body }) => body);
    assert.deepEqual([bodies[0] === bodies[3], bodies[1] === bodies[2], bodies[0] === bodies[1], bodies[3] === bodies[4]], [true, true, false, false]);
  });

  it("counts a FLUX's packed latents as latents", () => {
    const { inChannels, outChannels } = parse("FluxTransformer2DModel", { in_channels: 384, out_channels: 64 });
    assert.deepEqual([inChannels, outChannels], [96, 16]);
  });

  it("suggests frames that make whole patches", () => {
    const { description } = parse("CogVideoXTransformer3DModel", { sample_frames: 81, patch_size_t: 2, use_rotary_positional_embeddings: true });
    assert.equal(description.defaultSizes.frames, 22);
  });

  const values = fc.oneof(
    fc.constantFrom(1, 2, 3, 4, 8, 16, 24, 32), fc.integer(), fc.double(), fc.boolean(), fc.constant(null), fc.string(), fc.array(fc.constantFrom(0, 1, 2, 4, 8), { maxLength: 4 }), fc.jsonValue(),
    fc.constantFrom("gelu", "geglu", "silu", "rms_norm", "ada_norm_single"),
  );
  const keys = [
    "num_attention_heads", "attention_head_dim", "in_channels", "out_channels", "num_layers", "num_single_layers", "patch_size", "patch_size_t", "sample_size", "cross_attention_dim", "caption_channels",
    "activation_fn", "norm_type", "norm_eps", "use_additional_conditions", "qk_norm", "dual_attention_layers", "caption_projection_dim", "pos_embed_max_size", "axes_dims_rope", "guidance_embeds",
    "use_rotary_positional_embeddings", "use_learned_positional_embeddings", "ofs_embed_dim", "sample_frames", "max_text_seq_length", "image_dim", "added_kv_proj_dim", "pos_embed_seq_len", "freq_shift",
    "rope_max_seq_len", "sample_height", "sample_width", "time_embed_dim",
  ];
  const settings = fc.dictionary(fc.constantFrom(...keys), values, { maxKeys: 4 });
  for (const name of Object.keys(small)) {
    it(`fits together at the sizes that it suggests, whatever its settings: ${name}`, () => {
      fc.assert(
        fc.property(settings, fc.integer({ min: 1, max: 3 }), (changes, batch) => {
          let backbone: Backbone;
          try {
            backbone = parse(name, changes);
          } catch (error) {
            assert.ok(error instanceof UserError && error.file === file, String(error));
            return;
          }
          const { description, outChannels } = backbone;
          description.checkSizes?.(description.defaultSizes);
          const shapes = outputShapes(description, description.defaultSizes, batch);
          const [output] = shapes.get(description.layers[description.layers.length - 1].name) ?? [];
          const { height, width, frames = 1 } = description.defaultSizes;
          assert.equal(output[0], batch);
          assert.equal(output.reduce((product, size) => product * size, 1), batch * outChannels * frames * height * width);
        }),
        { numRuns: 300 },
      );
    });
  }
});
