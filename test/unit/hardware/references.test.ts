import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { clusterFormat } from "../../../src/formats/cluster";
import { parseDocument } from "../../../src/formats/document";
import { profileFormat } from "../../../src/formats/profile";
import { inspectModel } from "../../../src/app/inspect";
import { nodeFiles } from "../../../src/platform/nodeFiles";
import { layerCost, timeAt } from "../../../src/model/costs";
import type { Profile } from "../../../src/model/profile";
import { workloadOf } from "../../../src/model/workload";
import { referenceFiles, references } from "../../tools/referenceProfiles";

/** Parameters that are known from the models themselves. */
const truths: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  "stable-diffusion-2-1": { unet: 865_910_724, text_encoder: 340_387_840, vae: 34_163_664 },
  "stable-diffusion-1-5-controlnet": { unet: 859_520_964, text_encoder: 123_060_480, vae: 34_163_664, controlnet: 361_279_120 },
  "stable-diffusion-xl": { unet: 2_567_463_684, text_encoder: 123_060_480, text_encoder_2: 694_659_840, vae: 34_163_664 },
  "ddpm-cifar10-32": { unet: 35_746_307 },
};

function committedProfile(name: string, device = "a100-80gb"): Profile {
  const file = `media/profiles/${name}.${device}.profile.json`;
  return parseDocument(profileFormat, readFileSync(file, "utf8"), file);
}

describe("reference profiles and clusters", () => {
  it("are what the script writes, and no others are there", async () => {
    const files = await referenceFiles(process.cwd());
    const there = ["media/profiles", "media/clusters"].flatMap((folder) => readdirSync(folder).filter((name) => name.endsWith(".json")).map((name) => join(folder, name)));
    assert.deepEqual(there.sort(), [...files.keys()].sort());
    for (const [file, text] of files) assert.ok(readFileSync(file, "utf8") === text, `${file} is not what "npm run reference-profiles" writes`);
  });

  it("are documents that the product reads, small, and marked as estimates", () => {
    for (const name of readdirSync("media/profiles").filter((file) => file.endsWith(".json"))) {
      const text = readFileSync(join("media/profiles", name), "utf8");
      assert.ok(text.length < 300_000, name);
      const profile = parseDocument(profileFormat, text, name);
      assert.ok(workloadOf(profile).chains.length > 0);
      const times = profile.components.flatMap(({ layers }) => layers.flatMap((layer) => layer.times));
      assert.ok(times.every(({ source }) => source === "estimate"));
      assert.deepEqual([...new Set(times.map(({ batch }) => batch))], [1, 2, 4, 8, 16, 32, 64]);
    }
    for (const name of readdirSync("media/clusters")) {
      const cluster = parseDocument(clusterFormat, readFileSync(join("media/clusters", name), "utf8"), name);
      const devices = cluster.nodeGroups.reduce((sum, { count, devicesPerNode }) => sum + count * devicesPerNode, 0);
      assert.ok(name.endsWith(`-x${devices}.cluster.json`), name);
    }
  });

  for (const [model, components] of Object.entries(truths)) {
    it(`have the parameters of ${model}`, async () => {
      const inspected = await inspectModel(nodeFiles, join("media/models", model));
      assert.deepEqual(Object.fromEntries(inspected.components.map(({ name, parameters }) => [name, parameters])), components);
      const reference = references.find((candidate) => candidate.model === model);
      assert.ok(reference);
      for (const component of committedProfile(reference.name).components) {
        assert.equal(component.layers.reduce((sum, { paramBytes }) => sum + paramBytes, 0), 2 * components[component.name]);
      }
    });
  }

  it("have two chains in the cascade, the smaller of 64 pixels", () => {
    const { chains, tensors } = committedProfile("cascade-64-256");
    assert.deepEqual(chains.map(({ id }) => id), ["unet", "super_resolution_unet"]);
    const noiseOf = (id: string) => tensors?.find((tensor) => tensor.id === `data/${id}`)?.bytesPerSample;
    assert.deepEqual([noiseOf("unet_noise"), noiseOf("noise")], [3 * 64 * 64 * 4, 3 * 256 * 256 * 4]);
  });

  /**
   * Published: UNet of Stable Diffusion 2 base, 8 A100s, latents and encodings computed before, 290 images/s at 512 pixels;
   * computing them while training makes it 1.4 times as expensive (https://github.com/mosaicml/diffusion, README).
   */
  it("come within a factor of two of published training throughput, and within a fifth of its frozen share", () => {
    const { components } = committedProfile("stable-diffusion-2-1-512");
    const msPerSample = (name: string) =>
      components.filter((component) => component.name === name).flatMap(({ layers }) => layers.map(layerCost)).reduce((sum, cost) => sum + timeAt(cost.forward, 32) + timeAt(cost.inputGrad, 32) + timeAt(cost.weightGrad, 32), 0) / 32;
    const unet = msPerSample("unet");
    const published = 1e3 / (290 / 8);
    assert.ok(published / unet > 0.5 && published / unet < 2, `${unet} ms a sample, published ${published}`);
    const withFrozen = (unet + msPerSample("text_encoder") + msPerSample("vae")) / unet;
    assert.ok(Math.abs(withFrozen / 1.4 - 1) < 0.2, `${withFrozen} times`);
  });

  it("take less time on an H100 than on an A100, and less there than on an RTX 4090, for whole models", () => {
    for (const { name } of references) {
      const [h100, a100, rtx] = ["h100", "a100-80gb", "rtx-4090"].map((device) =>
        committedProfile(name, device).components.flatMap(({ layers }) => layers).reduce((sum, layer) => sum + timeAt(layerCost(layer).forward, 16), 0));
      assert.ok(h100 < a100 && a100 < rtx, name);
    }
  });
});
