import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { inspectModel } from "../../../src/app/inspect";
import { UserError } from "../../../src/model/errors";
import { nodeFiles } from "../../../src/platform/nodeFiles";
import { changedFolder, changedSettings, fixtureJson, folder, inspectChanged, type ConfigName, type Contents } from "./folders";

const userError = (file: string, field: string | undefined, message?: RegExp) => (error: unknown) => {
  assert.ok(error instanceof UserError, String(error));
  assert.equal(error.file, `${folder}/${file}`, error.message);
  assert.equal(error.field, field, error.message);
  if (message) assert.match(error.message, message);
  return true;
};

describe("A folder that is no model", () => {
  const cases: readonly [string, Contents, string, string | undefined, RegExp][] = [
    ["without unet/config.json", { "unet/config.json": undefined }, "unet/config.json", undefined, /does not exist/],
    ["without a scheduler file that its index names", { "scheduler/scheduler_config.json": undefined }, "scheduler/scheduler_config.json", undefined, /does not exist/],
    ["with text that is not JSON", { "vae/config.json": "{" }, "vae/config.json", undefined, /not JSON/],
    ["with a list for an object", { "vae/config.json": "[]" }, "vae/config.json", undefined, /JSON object/],
    ["with bytes that are not UTF-8", { "unet/config.json": new Uint8Array([0x7b, 0xff, 0x7d]) }, "unet/config.json", undefined, /not UTF-8/],
    ["with a file of two megabytes", { "unet/config.json": " ".repeat(2 ** 21) }, "unet/config.json", undefined, /too long/],
    ["nested a hundred thousand deep", { "unet/config.json": `{"block_out_channels":${"[".repeat(1e5)}${"]".repeat(1e5)}}` }, "unet/config.json", "block_out_channels[0]", /expected number/],
    ["with no pipeline class", { "model_index.json": "{}" }, "model_index.json", "_class_name", /pipeline class/],
  ];
  for (const [what, contents, file, field, message] of cases) {
    it(what, () => assert.rejects(inspectModel(changedFolder(contents), folder), userError(file, field, message)));
  }

  it("says which folder is missing", async () => {
    await assert.rejects(inspectModel(nodeFiles, "/no/such/folder"), (error: unknown) => error instanceof UserError && error.file === "/no/such/folder");
  });

  it("says what kind of folder is expected", async () => {
    await assert.rejects(inspectModel(nodeFiles, "test/fixtures/models"), (error: unknown) => error instanceof UserError && /no model_index\.json.*save_pretrained/.test(error.message));
  });
});

describe("Links", () => {
  it("may stay inside the model's folder and must not leave it", async () => {
    const scratch = await mkdtemp(join(tmpdir(), "diffusionpipe-parse-"));
    try {
      const model = join(scratch, "model");
      for (const file of ["model_index.json", "text_encoder/config.json", "vae/config.json", "scheduler/scheduler_config.json"] as const) {
        await mkdir(join(model, file, ".."), { recursive: true });
        await writeFile(join(model, file), JSON.stringify(fixtureJson("small", file)));
      }
      const config = JSON.stringify(fixtureJson("small", "unet/config.json"));
      await mkdir(join(model, "blobs"));
      await mkdir(join(scratch, "model-elsewhere"));
      await writeFile(join(model, "blobs", "config.json"), config);
      await writeFile(join(scratch, "model-elsewhere", "config.json"), config);
      await symlink("blobs", join(model, "unet"));
      assert.equal((await inspectModel(nodeFiles, model)).components.length, 3);
      await rm(join(model, "unet"));
      await symlink(join(scratch, "model-elsewhere"), join(model, "unet"));
      await assert.rejects(inspectModel(nodeFiles, model), (error: unknown) => error instanceof UserError && /leaves the model's folder/.test(error.message));
    } finally {
      await rm(scratch, { recursive: true });
    }
  });
});

describe("A configuration that is wrong", () => {
  const cases: readonly [ConfigName, Readonly<Record<string, unknown>>, string, RegExp?][] = [
    ["model_index.json", { unet: ["diffusers", "UNetOfTomorrow"] }, "unet", /UNetOfTomorrow.*trace it/],
    ["model_index.json", { text_encoder: ["CLIPTextModel"] }, "text_encoder", /\[library, class\]/],
    ["model_index.json", { "../../etc": ["diffusers", "X"] }, "../../etc", /not among/],
    ["scheduler/scheduler_config.json", { prediction_type: "guess" }, "prediction_type"],
    ["unet/config.json", { _class_name: "UNet2DModel" }, "_class_name"],
    ["unet/config.json", { block_out_channels: "320" }, "block_out_channels", /expected array/],
    ["unet/config.json", { block_out_channels: [16, 2_000_000] }, "block_out_channels[1]"],
    ["unet/config.json", { block_out_channels: [16, -32] }, "block_out_channels[1]"],
    ["unet/config.json", { block_out_channels: [16] }, "block_out_channels", /1 values for 2 blocks/],
    ["unet/config.json", { block_out_channels: [] }, "block_out_channels"],
    ["unet/config.json", { up_block_types: ["UpBlock2D"] }, "up_block_types"],
    ["unet/config.json", { down_block_types: ["KDownBlock2D", "DownBlock2D"] }, "down_block_types[0]"],
    ["unet/config.json", { layers_per_block: 1e9 }, "layers_per_block"],
    ["unet/config.json", { layers_per_block: 4900 }, "layers_per_block", /at most 5000/],
    ["unet/config.json", { transformer_layers_per_block: 4900 }, "transformer_layers_per_block", /at most 5000/],
    ["unet/config.json", { layers_per_block: [1, 2, 3] }, "layers_per_block", /3 values for 2 blocks/],
    ["unet/config.json", { norm_num_groups: 7 }, "norm_num_groups", /divided into 7 groups/],
    ["unet/config.json", { norm_num_groups: null }, "norm_num_groups"],
    ["unet/config.json", { attention_head_dim: 17 }, "attention_head_dim", /17 heads/],
    ["unet/config.json", { attention_head_dim: [17, 4] }, "attention_head_dim[0]", /17 heads/],
    ["unet/config.json", { num_attention_heads: 8 }, "num_attention_heads", /attention_head_dim/],
    ["unet/config.json", { cross_attention_dim: 32 }, "cross_attention_dim", /text encoders make 24/],
    ["unet/config.json", { in_channels: 3 }, "in_channels", /makes 4/],
    ["unet/config.json", { out_channels: 8 }, "out_channels"],
    ["unet/config.json", { class_embed_type: "guess" }, "class_embed_type"],
    ["unet/config.json", { conv_in_kernel: 4 }, "conv_in_kernel", /odd/],
    ["unet/config.json", { freq_shift: 8 }, "freq_shift", /by zero/],
    ["unet/config.json", { block_out_channels: [17, 32], norm_num_groups: 1 }, "block_out_channels[0]", /even/],
    ["unet/config.json", { act_fn: "tanh" }, "act_fn", /expected silu/],
    ["unet/config.json", { use_linear_projection: "yes" }, "use_linear_projection"],
    ["unet/config.json", { sample_size: [1, 2, 3] }, "sample_size"],
    ["vae/config.json", { down_block_types: ["DownEncoderBlock2D"] }, "block_out_channels"],
    ["vae/config.json", { down_block_types: ["DownEncoderBlock2D", "DownBlock2D"] }, "down_block_types[1]"],
    ["vae/config.json", { norm_num_groups: 5 }, "norm_num_groups"],
    ["vae/config.json", { layers_per_block: 4900 }, "layers_per_block", /5000/],
    ["text_encoder/config.json", { num_attention_heads: 5 }, "num_attention_heads", /multiple of 5/],
    ["text_encoder/config.json", { model_type: "clip" }, "model_type"],
    ["text_encoder/config.json", { text_config: {} }, "text_config", /combined/],
    ["text_encoder/config.json", { hidden_act: "gelu_10" }, "hidden_act"],
    ["text_encoder/config.json", { vocab_size: 1.5 }, "vocab_size"],
  ];
  for (const [file, settings, field, message] of cases) {
    it(`${file}: ${JSON.stringify(settings)}`, () => assert.rejects(inspectChanged(file, settings), userError(file, field, message)));
  }

  it("has more parameters than numbers can count", async () => {
    const settings = { block_out_channels: [1_000_000, 1_000_000], layers_per_block: 500, norm_num_groups: 1, attention_head_dim: 1 };
    await assert.rejects(inspectChanged("unet/config.json", settings), userError("unet/config.json", "block_out_channels", /more parameters/));
  });

  it("does not repeat a long value in the message", async () => {
    await assert.rejects(inspectChanged("unet/config.json", { class_embed_type: "x".repeat(5000) }), (error: unknown) => error instanceof UserError && error.message.length < 500);
  });
});

describe("Any change to a configuration", () => {
  const files = ["model_index.json", "text_encoder/config.json", "vae/config.json", "unet/config.json", "scheduler/scheduler_config.json"] as const;
  const value = fc.oneof(
    fc.jsonValue({ maxDepth: 2 }),
    fc.constantFrom(null, true, false, 0, 1, 2, 3, 8, 16, -1, 1e308, 0.5, "silu", "gelu", [1, 2], [16, 32], [8, 16], []),
  );
  const change = fc.constantFrom(...files).chain((file) =>
    fc.record({ file: fc.constant(file), settings: fc.dictionary(fc.constantFrom(...Object.keys(fixtureJson("small", file)), "class_embed_type", "time_embedding_dim", "__proto__"), value, { minKeys: 1, maxKeys: 3 }) }),
  );

  it("makes a model that binds, or an error for the user", async () => {
    await fc.assert(
      fc.asyncProperty(change, async ({ file, settings }) => {
        try {
          const model = await inspectModel(changedSettings(file, settings), folder);
          const bound = model.bind({ height: 64, width: 64, sequenceLength: 1 });
          for (const component of bound.components) {
            assert.ok(Number.isSafeInteger(component.parameters));
            assert.equal(component.parameters, component.layers.reduce((sum, layer) => sum + layer.parameters, 0));
            for (const layer of component.layers) assert.ok(Number.isFinite(layer.flopsPerSample) && layer.trafficBytesPerSample > 0);
          }
        } catch (error) {
          if (!(error instanceof UserError)) throw error;
        }
      }),
      { numRuns: 400 },
    );
  });

  it("to its bytes does too", async () => {
    const text = JSON.stringify(fixtureJson("small", "unet/config.json"));
    await fc.assert(
      fc.asyncProperty(fc.nat(text.length - 1), fc.uint8Array({ minLength: 1, maxLength: 4 }), async (at, inserted) => {
        const bytes = new TextEncoder().encode(text);
        bytes.set(inserted.subarray(0, bytes.length - at), at);
        await inspectModel(changedFolder({ "unet/config.json": bytes }), folder).then(
          (model) => assert.equal(model.components.length, 3),
          (error: unknown) => assert.ok(error instanceof UserError, String(error)),
        );
      }),
      { numRuns: 300 },
    );
  });
});
