/** Mutated configurations of every family and of whole folders. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { inspectModel } from "../../../src/app/inspect";
import { UserError } from "../../../src/model/errors";
import { families } from "../../../src/parse/families/registry";
import { folder, memoryFiles } from "../parse/folders";
import { fuzz } from "./fuzz";
import { mutated, mutatedBytes, pick } from "./mutate";

/** Written by test/tools/family_configurations.py. */
const configurations = JSON.parse(readFileSync("test/fixtures/families.json", "utf8")) as Readonly<Record<string, Readonly<Record<string, unknown>>>>;
const perFamily = Math.ceil(60_000 / families.size);
const encode = (value: unknown) => new TextEncoder().encode(JSON.stringify(value));

/** Sizes of the model's own: what does not fit them is an error of the sizes, not of a file. */
async function inspectAndBind(contents: ReadonlyMap<string, Uint8Array>): Promise<void> {
  const model = await inspectModel(memoryFiles(contents), folder);
  try {
    const bound = model.bind(model.defaultBindings);
    for (const { layers } of bound.components) assert.ok(layers.every(({ flopsPerSample }) => Number.isFinite(flopsPerSample) && flopsPerSample >= 0));
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    throw new UserError(error.message, { file: error.file ?? folder, field: error.field });
  }
}

describe("Mutated configurations", function () {
  this.timeout(600_000);

  it("are known for every family", () => assert.deepEqual([...families.keys()].filter((name) => !(name in configurations)), []));

  for (const [name, config] of Object.entries(configurations)) {
    it(`of ${name} give a model or an error that names file and field`, async () => {
      const tally = await fuzz(perFamily, 1, (random) => {
        const changed = mutated(random, { ...config });
        return { shown: () => JSON.stringify(changed), read: () => inspectAndBind(new Map([[`${folder}/config.json`, encode({ ...changed, _class_name: name })]])) };
      });
      assert.ok(tally.answers > perFamily / 100 && tally.refusals > perFamily / 100, JSON.stringify(tally));
    });
  }

  it("as bytes give a model or an error that names the file", async () => {
    const names = Object.keys(configurations);
    await fuzz(5_000, 2, (random) => {
      const name = pick(random, names);
      const bytes = mutatedBytes(random, encode({ ...configurations[name], _class_name: name }));
      return { named: false, shown: () => Buffer.from(bytes).toString("latin1"), read: () => inspectAndBind(new Map([[`${folder}/config.json`, bytes]])) };
    });
  });

  it("of an index give a model or an error that names file and field", async () => {
    const index = { _class_name: "SomePipeline", text_encoder: ["transformers", "CLIPTextModel"], vae: ["diffusers", "AutoencoderKL"], unet: ["diffusers", "UNet2DConditionModel"], scheduler: [null, null], tokenizer: ["transformers", "CLIPTokenizer"] };
    const parts = new Map(["text_encoder", "vae", "unet"].map((name) => [`${folder}/${name}/config.json`, encode(configurations[index[name as "unet"][1]])]));
    await fuzz(5_000, 3, (random) => {
      const changed = mutated(random, index);
      return { named: false, shown: () => JSON.stringify(changed), read: () => inspectAndBind(new Map([...parts, [`${folder}/model_index.json`, encode(changed)]])) };
    });
  });
});
