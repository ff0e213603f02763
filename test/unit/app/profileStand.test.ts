import assert from "node:assert/strict";
import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { inspectDocument, inspectModel } from "../../../src/app/inspect";
import { askedPatienceMs, defaultPatienceMs } from "../../../src/app/profile";
import { measureAgain, standOf } from "../../../src/app/profileStand";
import type { ModelChoice } from "../../../src/model/choice";
import type { Inspection } from "../../../src/model/inspection";
import type { LayerTime, Profile } from "../../../src/model/profile";
import { nodeFiles } from "../../../src/platform/nodeFiles";
import { profileOf } from "../../webview/profileDocument";

/** The profile that was made of a model as it is. */
function madeOf({ model, components, chains, bindings }: Inspection): Profile {
  return {
    ...profileOf(), model: { path: model.path, sha256: model.sha256 }, chains, bindings,
    components: components.map((component) => ({ ...component, layers: component.layers.map((layer) => ({ ...layer, paramBytes: 4 * layer.parameters, times: [] })) })),
  };
}

async function withModel(work: (model: string, inspected: (choice?: ModelChoice) => Promise<Inspection>) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "diffusionpipe-stand-"));
  const model = join(folder, "model");
  try {
    await cp("media/sample/model", model, { recursive: true, filter: (path) => !path.endsWith(".safetensors") });
    await work(model, async (choice) => inspectDocument(await inspectModel(nodeFiles, model, choice)));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

describe("how a profile stands to its model", () => {
  it("is as it should be right after it was made", () =>
    withModel(async (_, inspected) => {
      for (const choice of [{}, { train: ["text_encoder"] }]) {
        const inspection = await inspected(choice);
        assert.deepEqual(standOf(madeOf(inspection), inspection), { changed: [], gone: [], differences: [] });
      }
    }));

  it("names the layers whose work changed with a configuration, and no others", () =>
    withModel(async (model, inspected) => {
      const before = await inspected();
      const file = join(model, "text_encoder/config.json");
      const config = JSON.parse(await readFile(file, "utf8")) as { intermediate_size: number };
      await writeFile(file, JSON.stringify({ ...config, intermediate_size: 2 * config.intermediate_size }));
      const after = await inspected();
      const { changed, gone, differences } = standOf(madeOf(before), after);
      const layers = Array.from({ length: 6 }, (_, index) => ({ component: "text_encoder", layer: `layers.${index}` }));
      assert.deepEqual(changed, layers);
      assert.deepEqual(gone, layers);
      assert.deepEqual(differences, ["another state of the model's files"]);
    }));

  it("counts gradients that are new as work that is, and those that are not needed any more as none", () =>
    withModel(async (_, inspected) => {
      const [frozen, trained] = [await inspected(), await inspected({ train: ["text_encoder"] })];
      const { changed, gone, differences } = standOf(madeOf(frozen), trained);
      const encoder = trained.components.find(({ name }) => name === "text_encoder")?.layers ?? [];
      assert.deepEqual(changed.filter(({ component }) => component === "text_encoder").map(({ layer }) => layer), encoder.map(({ name }) => name));
      assert.deepEqual([gone, differences], [[], ["other roles"]]);
      assert.deepEqual(standOf(madeOf(trained), frozen), { changed: [], gone: [], differences: ["other roles"] });
    }));

  it("counts what is new by signature, however layers are named and arranged", () =>
    withModel(async (_, inspected) => {
      const inspection = await inspected();
      const all = inspection.components.flatMap(({ name, layers }) => layers.map(({ name: layer, signature }) => ({ component: name, layer, signature })));
      const signatures = [...new Set(all.map(({ signature }) => signature))];
      fc.assert(fc.property(fc.subarray(signatures, { maxLength: signatures.length - 1 }), (forgotten) => {
        const made = madeOf(inspection);
        const profile = { ...made, components: made.components.map((component) => ({ ...component, layers: component.layers.map((layer) => (forgotten.includes(layer.signature ?? "") ? { ...layer, signature: `was ${layer.signature}` } : layer)) })) };
        const expected = all.filter(({ signature }) => forgotten.includes(signature)).map(({ component, layer }) => ({ component, layer }));
        const { changed, gone } = standOf(profile, inspection);
        assert.deepEqual(changed, expected);
        assert.deepEqual(gone, expected);
      }), { seed: 7, numRuns: 30 });
    }));

  it("says nothing of layers where the profile has no signatures", () =>
    withModel(async (_, inspected) => {
      const inspection = await inspected();
      const made = madeOf(inspection);
      const unsigned = { ...made, components: made.components.map((component) => ({ ...component, layers: component.layers.map(({ signature: _signature, ...layer }) => layer) })) };
      assert.deepEqual(standOf(unsigned, inspection), { changed: [], gone: [], differences: [] });
    }));
});

describe("measuring again", () => {
  const profile = profileOf({ unmeasured: 1, layers: 6 });

  it("is with the profile's own model, choice, size, device and batch sizes", () => {
    const choice = { train: ["text_encoder"], lora: { unet: { rank: 4, targetModules: ["to_q"] } } };
    const bindings = { height: 64, width: 96, sequenceLength: 8, frames: 3, symbols: { n: 7 } };
    assert.deepEqual(measureAgain({ ...profile, choice, bindings, device: { ...profile.device, busyCores: 1 } }, "/work/profiles/a.profile.json"), {
      model: "/work/models/small", output: "/work/profiles/a.profile.json", choice, ...bindings, provider: "cpu", precision: "fp32", threads: 2, busyCores: 1, batches: [1, 2, 4], patienceMs: defaultPatienceMs,
    });
  });

  it("is refused where the times do not come from here", () => {
    const from = (provider: string) => measureAgain({ ...profile, device: { ...profile.device, provider } }, "/a.profile.json");
    assert.match((from("estimate") as { refused: string }).refused, /estimates/);
    assert.match((from("pytorch-cpu") as { refused: string }).refused, /--on TARGET/);
  });

  it("waits as long as the profile did: with that patience the same layers are timed at the same batch sizes", () => {
    const usual = [1, 2, 4, 8, 16, 32, 64];
    // The rule of the measurement: at a larger batch size a layer is not tried once it would take longer than the patience in proportion.
    const tried = (perSample: number, patience: number) => usual.filter((batch, index) => usual.slice(0, index).every((smaller) => perSample * smaller * (batch / smaller) <= patience));
    const time = (batch: number, perSample: number): LayerTime => ({ batch, forwardMs: perSample * batch, inputGradMs: 0, weightGradMs: 0, source: "measured" });
    fc.assert(fc.property(fc.array(fc.integer({ min: 1, max: 9000 }), { minLength: 1, maxLength: 6 }), fc.constantFrom(defaultPatienceMs, askedPatienceMs), (layers, patience) => {
      const [component] = profile.components;
      const made = { ...profile, components: [{ ...component, layers: layers.map((perSample, index) => ({ ...component.layers[0], name: String(index), times: tried(perSample, patience).map((batch) => time(batch, perSample)) })) }] };
      const again = measureAgain(made, "/a.profile.json");
      assert.ok(!("refused" in again));
      for (const perSample of layers) assert.deepEqual(tried(perSample, again.patienceMs).filter((batch) => again.batches.includes(batch)), tried(perSample, patience), `${perSample} ms a sample`);
    }), { seed: 9 });
  });
});
