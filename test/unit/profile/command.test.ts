import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { readDocument } from "../../../src/formats/document";
import { profileFormat } from "../../../src/formats/profile";
import { nodeFiles } from "../../../src/platform/nodeFiles";
import { nodeProcesses } from "../../../src/platform/nodeProcess";

const model = resolve("media/sample/model");

describe("diffusionpipe profile", function () {
  this.timeout(120_000);
  let folder = "";
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "diffusionpipe-command-"));
  });
  after(() => rm(folder, { recursive: true, force: true }));

  async function command(...args: string[]) {
    const environment = { ...process.env, XDG_CACHE_HOME: join(folder, "cache") };
    const { code, output, errorOutput } = await nodeProcesses.run({ argv: [process.execPath, resolve("dist/cli.js"), ...args], environment });
    return { code, output: new TextDecoder().decode(output), errorOutput };
  }

  it("measures every layer of the sample and writes where the model is as seen from the profile", async () => {
    const file = join(folder, "deep", "sample.profile.json");
    const { code, output, errorOutput } = await command("profile", model, "-o", file, "--batches", "1", "--threads", "1", "--provider", "cpu", "--json");
    assert.equal(code, 0, errorOutput);
    const profile = await readDocument(profileFormat, nodeFiles, file);
    assert.deepEqual(profile, JSON.parse(output));
    assert.equal(resolve(join(folder, "deep"), profile.model.path), model);
    const inspected = JSON.parse((await command("inspect", model, "--json")).output) as { model: { sha256: string }; components: { name: string; layers: { name: string }[] }[] };
    assert.equal(profile.model.sha256, inspected.model.sha256);
    const names = (components: readonly { name: string; layers: readonly { name: string }[] }[]) => components.map(({ name, layers }) => [name, layers.map((layer) => layer.name)]);
    assert.deepEqual(names(profile.components), names(inspected.components));
    for (const layer of profile.components.flatMap((component) => component.layers)) {
      assert.equal(layer.times.length, 1, layer.name);
      assert.deepEqual({ ...layer.times[0], forwardMs: 0, inputGradMs: 0, weightGradMs: 0, spreadMs: 0 }, { batch: 1, forwardMs: 0, inputGradMs: 0, weightGradMs: 0, spreadMs: 0, source: "measured" }, layer.name);
    }
    assert.match(errorOutput, /Measuring with cpu/);
  });

  it("refuses wrong options with exit 1 and says what would be right", async () => {
    for (const [args, message] of [
      [[model], /-o NAME\.profile\.json/],
      [[model, "-o", "p", "--provider", "tpu"], /no provider "tpu".*cuda/],
      [[model, "-o", "p", "--batches", "1,x"], /--batches/],
      [[join(folder, "missing"), "-o", "p"], /missing/],
    ] as const) {
      const { code, errorOutput } = await command("profile", ...args);
      assert.equal(code, 1, errorOutput);
      assert.match(errorOutput, message);
    }
  });
});
