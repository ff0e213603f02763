import assert from "node:assert/strict";
import fc from "fast-check";
import { UserError } from "../../../../src/model/errors";
import { readSingleFile } from "../../../../src/parse/singleFile/read";
import { dataBytes, entriesOf, fileOf, headBytes, smallFlux, type Header } from "./files";

const path = "/models/flux.safetensors";

function read(header: Header, total?: number) {
  const head = headBytes(JSON.stringify(header));
  return readSingleFile(fileOf(path, head, total ?? head.length + dataBytes(header)), path);
}

const refused = (field: string | undefined, message: RegExp) => (error: unknown) => {
  assert.ok(error instanceof UserError, String(error));
  assert.equal(error.file, path);
  assert.equal(error.field, field, error.message);
  assert.match(error.message, message);
  return true;
};

describe("A single file of weights", () => {
  it("is recognised by its header alone", async () => {
    const source = await read(entriesOf(smallFlux("model.diffusion_model.")));
    assert.deepEqual((await source.index()).components, new Map([["transformer", "FluxTransformer2DModel"]]));
    const { json } = await source.read("transformer");
    assert.deepEqual(json, {
      _class_name: "FluxTransformer2DModel", patch_size: 1, in_channels: 64, num_layers: 2, num_single_layers: 1, attention_head_dim: 32, num_attention_heads: 2,
      joint_attention_dim: 24, pooled_projection_dim: 12, guidance_embeds: true, axes_dims_rope: [4, 14, 14],
    });
    await assert.rejects(source.read("vae"), refused(undefined, /has no "vae"/));
  });

  it("has a fingerprint of its header and its length", async () => {
    const one = await read(entriesOf(smallFlux()));
    const same = await read(entriesOf(smallFlux()));
    const another = await read({ __metadata__: { format: "pt" }, ...entriesOf(smallFlux()) });
    assert.equal(one.fingerprint(), same.fingerprint());
    assert.notEqual(one.fingerprint(), another.fingerprint());
  });

  const flux = smallFlux();
  const without = (name: string) => Object.fromEntries(Object.entries(flux).filter(([key]) => !key.startsWith(name)));
  const entry = (changes: object) => ({ x: { dtype: "F32", shape: [2, 3], data_offsets: [0, 24], ...changes } });
  const cases: readonly [string, Header, string | undefined, RegExp][] = [
    ["no tensors", { __metadata__: {} }, undefined, /no tensors/],
    ["metadata that is no text", { __metadata__: { a: 1 } }, "__metadata__", /texts/],
    ["an entry that is a number", { x: 3 }, "x", /expected object/],
    ["an unknown type", entry({ dtype: "F12" }), "x.dtype", /Unknown type "F12"/],
    ["a negative dimension", entry({ shape: [-1, 3] }), "x.shape.0", /expected/],
    ["a fraction for a dimension", entry({ shape: [1.5] }), "x.shape.0", /expected int/],
    ["a hundred dimensions", entry({ shape: Array(100).fill(1) }), "x.shape", /at most|<=8/],
    ["dimensions beyond counting", entry({ shape: [2 ** 40, 2 ** 40] }), "x.shape", /no countable size/],
    ["offsets that do not fit the shape", entry({ data_offsets: [0, 20] }), "x.data_offsets", /20 bytes for a F32 tensor of shape \[2, 3\], which has 24/],
    ["offsets in the wrong order", entry({ data_offsets: [24, 0] }), "x.data_offsets", /-24 bytes/],
    ["data that begins late", entry({ data_offsets: [8, 32] }), "x.data_offsets", /begins at byte 8, where 0/],
    ["tensors that overlap", { ...entry({}), y: { dtype: "U8", shape: [24], data_offsets: [12, 36] } }, "y.data_offsets", /begins at byte 12, where 24/],
    ["names of no family", entry({}), undefined, /no known family/],
    ["adapters", entriesOf({ "lora_unet_down.lora_up.weight": [4, 4] }), "lora_unet_down.lora_up.weight", /adapters/],
    ["packed weights", entriesOf({ "double_blocks.0.img_attn.qkv.weight.absmax": [4] }), "double_blocks.0.img_attn.qkv.weight.absmax", /quantisation/],
    ["Stable Diffusion 3", entriesOf({ "joint_blocks.0.x_block.attn.qkv.weight": [4, 4] }), "joint_blocks.0.x_block.attn.qkv.weight", /diffusers folder only/],
    ["no image projection", entriesOf(without("img_in")), "img_in.weight", /no tensor of this name/],
    ["a missing block", entriesOf(without("double_blocks.0.")), "double_blocks.0.img_attn.norm.query_norm.scale", /no tensor/],
    ["a gap between blocks", entriesOf({ ...flux, "single_blocks.5.linear1.bias": [4] }), "single_blocks.1", /none with the number 1/],
    ["heads that do not divide", entriesOf({ ...flux, "double_blocks.0.img_attn.norm.query_norm.scale": [48] }), "double_blocks.0.img_attn.norm.query_norm.scale", /Heads of 48/],
    ["a tensor of another rank", entriesOf({ ...flux, "img_in.weight": [64] }), "img_in.weight", /Expected 2 dimensions, found the shape \[64\]/],
    ["a UNet without attention", entriesOf({ "model.diffusion_model.input_blocks.0.0.weight": [32, 4, 3, 3] }), "model.diffusion_model.output_blocks", /no such blocks/],
  ];
  for (const [what, header, field, message] of cases) it(`is refused with ${what}`, () => assert.rejects(read(header), refused(field, message)));

  it("is refused when it is cut anywhere", async () => {
    const header = entriesOf(flux);
    const head = headBytes(JSON.stringify(header));
    const whole = head.length + dataBytes(header);
    for (const total of [0, 7, 8, 100, head.length - 1, head.length, head.length + 1000, whole - 1, whole + 1]) {
      await assert.rejects(readSingleFile(fileOf(path, head, total), path), (error: unknown) => error instanceof UserError && error.file === path, `${total} bytes`);
    }
    await readSingleFile(fileOf(path, head, whole), path);
  });

  it("is refused when the header's length is absurd", async () => {
    for (const length of [0n, 1n, 2n ** 40n, 2n ** 63n, 2n ** 64n - 1n]) {
      await assert.rejects(readSingleFile(fileOf(path, headBytes("{}", length), 1e15), path), (error: unknown) => error instanceof UserError && error.file === path, String(length));
    }
  });

  it("is refused or recognised whatever bytes of its header change", async () => {
    const text = new TextEncoder().encode(JSON.stringify(entriesOf(flux)));
    const total = 8 + text.length + dataBytes(entriesOf(flux));
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(fc.nat(text.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 }), async (changes) => {
        const changed = text.slice();
        for (const [at, byte] of changes) changed[at] = byte;
        await readSingleFile(fileOf(path, headBytes(changed), total), path).then(
          async (source) => assert.ok((await source.index()).components.size > 0),
          (error: unknown) => assert.ok(error instanceof UserError && error.file === path, String(error)),
        );
      }),
      { numRuns: 1000 },
    );
  });

  it("is refused or recognised whatever tensors it has", async () => {
    const part = fc.constantFrom("model.diffusion_model.", "input_blocks.", "output_blocks.", "middle_block.", "down_blocks.", "up_blocks.", "mid_block.", "double_blocks.", "single_transformer_blocks.", "encoder.", "down.", "block.", "0.", "1.", "2.", "199999.",
      "in_layers.2.weight", "transformer_blocks.0.attn2.to_k.weight", "transformer_blocks.0.attn1.to_k.weight", "proj_in.weight", "0.weight", "0.op.weight", "1.conv.weight", "conv_in.weight", "conv_out.weight", "resnets.0.conv1.weight", "x_embedder.weight", "text_model.embeddings.token_embedding.weight");
    const name = fc.array(part, { minLength: 1, maxLength: 5 }).map((parts) => parts.join(""));
    const shape = fc.array(fc.constantFrom(0, 1, 3, 32, 64), { maxLength: 4 });
    await fc.assert(
      fc.asyncProperty(fc.dictionary(name, shape, { minKeys: 1, maxKeys: 30 }), fc.boolean(), async (shapes, withFlux) => {
        await read(entriesOf({ ...(withFlux ? flux : {}), ...shapes })).then(
          async (source) => assert.ok((await source.index()).components.size > 0),
          (error: unknown) => assert.ok(error instanceof UserError && error.file === path, String(error)),
        );
      }),
      { numRuns: 1000 },
    );
  });
});
