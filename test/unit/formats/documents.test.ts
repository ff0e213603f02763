import assert from "node:assert/strict";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { clusterFormat } from "../../../src/formats/cluster";
import { formatDocument, parseDocument, readDocument, writeDocument } from "../../../src/formats/document";
import { planFormat } from "../../../src/formats/plan";
import { profileFormat } from "../../../src/formats/profile";
import { formats, publishedSchemas } from "../../../src/formats/published";
import { targetFormat } from "../../../src/formats/target";
import { UserError } from "../../../src/model/errors";
import { nodeFiles } from "../../../src/platform/nodeFiles";

const layer = (name: string, times: unknown[] = [{ batch: 1, forwardMs: 1, inputGradMs: 1, weightGradMs: 1, source: "measured" }]) => ({
  name,
  needsInputGrad: true,
  needsWeightGrad: true,
  paramBytes: 4,
  savedBytesPerSample: { untilInputGrad: 1, untilWeightGrad: 1 },
  cutBytesPerSample: { forward: 1, backward: 1 },
  times,
});

const profile = () => ({
  format: "diffusionpipe.profile/1",
  model: { path: "model", sha256: "" },
  bindings: { height: 64, width: 64, sequenceLength: 8 },
  device: { name: "cpu", provider: "cpu", precision: "fp32", memoryBytes: 1 },
  chains: [{ id: "unet", segments: [{ component: "unet", from: 0, to: 2 }] }],
  components: [
    { name: "vae", after: [] as string[], layers: [layer("encoder")] },
    { name: "unet", after: ["vae"], layers: [layer("in"), layer("out")] },
  ],
});

const cluster = {
  format: "diffusionpipe.cluster/1",
  nodeGroups: [{ count: 1, devicesPerNode: 2, device: { name: "x", memoryBytes: 1e9, peakTflops: { fp32: 1 }, bandwidthGBps: 1 }, intraNode: { latencyUs: 1, bandwidthGBps: 1 } }],
  interNode: { latencyUs: 1, bandwidthGBps: 1 },
};

/** The error that reading `document` gives. */
function refusal(format: (typeof formats)[number], document: unknown): UserError {
  try {
    parseDocument(format as typeof profileFormat, JSON.stringify(document), "some.json");
  } catch (error) {
    assert.ok(error instanceof UserError, String(error));
    return error;
  }
  return assert.fail("the document was accepted");
}

describe("documents", () => {
  it("publishes exactly the schemas that reading validates with", async () => {
    for (const [file, schema] of publishedSchemas()) {
      assert.deepEqual(JSON.parse(await readFile(join("media/schemas", file), "utf8")), JSON.parse(JSON.stringify(schema)), `${file}: run npm run schemas`);
    }
    assert.equal((await readdir("media/schemas")).length, formats.length);
  });

  it("names the file and the field of what is wrong", () => {
    const cases: [unknown, RegExp][] = [
      [{ ...profile(), bindings: { height: "64", width: 64, sequenceLength: 8 } }, /^some\.json: bindings\.height: /],
      [{ ...profile(), chains: [{ id: "unet", segments: [{ component: "net", from: 0, to: 2 }] }] }, /chains\[0\]\.segments\[0\]: There is no component "net"/],
      [{ ...profile(), chains: [{ id: "unet", segments: [{ component: "unet", from: 0, to: 3 }] }] }, /not within the 2 of "unet"/],
      [{ ...profile(), format: "diffusionpipe.profile/9" }, /some\.json: format: Expected "diffusionpipe\.profile\/1"/],
      [[], /format/],
    ];
    for (const [document, expected] of cases) assert.match(refusal(profileFormat, document).message, expected);
    assert.throws(() => parseDocument(profileFormat, "{", "broken.json"), /broken\.json: This is not JSON/);
  });

  it("refuses components that need each other in a circle", () => {
    const document = profile();
    document.components[0].after = ["unet"];
    assert.match(refusal(profileFormat, document).message, /circle/);
  });

  it("refuses a layer without a usable time", () => {
    const document = profile();
    document.components[0].layers = [layer("encoder", [{ batch: 1, forwardMs: 0, inputGradMs: 0, weightGradMs: 0, source: "measured", status: "oom" }])];
    assert.match(refusal(profileFormat, document).message, /no usable time/);
  });

  it("refuses a host that ssh would read as an option, and a misspelt key of a target", () => {
    const target = { format: "diffusionpipe.target/1", kind: "ssh", cluster: "c", interpreter: "python3", folder: "~/runs", ssh: { host: "-oProxyCommand=x" } };
    assert.match(refusal(targetFormat, target).message, /ssh\.host/);
    assert.match(refusal(targetFormat, { ...target, ssh: { host: "a" }, pincores: true }).message, /pincores/);
    assert.match(refusal(targetFormat, { ...target, ssh: undefined }).field ?? "", /ssh/);
  });

  it("keeps unknown keys through reading and writing", async () => {
    const folder = await mkdtemp(join(tmpdir(), "formats-"));
    const file = join(folder, "a.cluster.json");
    await writeFile(file, JSON.stringify({ ...cluster, rack: "left", nodeGroups: [{ ...cluster.nodeGroups[0], note: 1 }] }));
    await writeDocument(clusterFormat, nodeFiles, file, await readDocument(clusterFormat, nodeFiles, file));
    const read = JSON.parse(await readFile(file, "utf8")) as { rack: string; nodeGroups: { note: number }[] };
    assert.equal(read.rack, "left");
    assert.equal(read.nodeGroups[0].note, 1);
    assert.deepEqual(await readdir(folder), ["a.cluster.json"], "no temporary file stays behind");
    await rm(folder, { recursive: true });
  });

  it("refuses bytes that are not UTF-8, folders and missing files", async () => {
    const folder = await mkdtemp(join(tmpdir(), "formats-"));
    await writeFile(join(folder, "bytes.json"), Buffer.from([0xff, 0xfe, 0x80]));
    await assert.rejects(readDocument(clusterFormat, nodeFiles, join(folder, "bytes.json")), /not UTF-8/);
    await assert.rejects(readDocument(clusterFormat, nodeFiles, folder), /not a regular file/);
    await assert.rejects(readDocument(clusterFormat, nodeFiles, join(folder, "none.json")), /does not exist/);
    await rm(folder, { recursive: true });
  });

  it("formats any JSON so that it parses back to itself", () => {
    fc.assert(fc.property(fc.jsonValue(), (value) => assert.deepEqual(JSON.parse(formatDocument(value)), JSON.parse(JSON.stringify(value)))));
    assert.deepEqual(JSON.parse(formatDocument({ text: "[ 1, 2 ]" })), { text: "[ 1, 2 ]" });
    assert.match(formatDocument({ devices: [0, 1, 2] }), /"devices": \[0, 1, 2\]/);
  });

  it("never throws anything but a UserError on damaged documents", () => {
    const text = JSON.stringify(profile());
    fc.assert(
      fc.property(fc.nat(text.length - 1), fc.string({ maxLength: 4 }), fc.nat(6), (at, insert, remove) => {
        try {
          parseDocument(profileFormat, text.slice(0, at) + insert + text.slice(at + remove), "damaged.json");
        } catch (error) {
          assert.ok(error instanceof UserError, String(error));
        }
      }),
      { numRuns: 500 },
    );
  });

  it("holds plans to the rules that need no profile", () => {
    const plan = {
      format: "diffusionpipe.plan/1",
      model: { path: "m", sha256: "" },
      profile: { path: "p", sha256: "" },
      cluster: { path: "c", sha256: "" },
      batch: { global: 8, microbatches: 2 },
      dataParallel: 1,
      schedule: { name: "1f1b" },
      chains: [{ id: "unet", stages: [{ from: 0, to: 1, devices: [0] }, { from: 1, to: 2, devices: [1] }] }],
      optimizer: { name: "adamw", stateBytesPerParam: 8, gradDtype: "fp32", ema: false },
      fills: [],
      training: { steps: 1, learningRate: 1e-3, seed: 0, resolution: 64, precision: "fp32", predictionType: "epsilon", checkpointEvery: 0 },
      runnable: true,
      predicted: { periodMs: 1, makespanMs: 1, bubbleRatio: 0, throughputPerSecond: 1, peakMemoryBytes: [1, 1] },
    };
    assert.ok(parseDocument(planFormat, JSON.stringify(plan), "a"));
    assert.equal(refusal(planFormat, { ...plan, batch: { global: 7, microbatches: 2 } }).field, "batch.global");
    assert.equal(refusal(planFormat, { ...plan, dataParallel: 2 }).field, "chains[0].stages[0].devices");
    const gap = [{ ...plan.chains[0].stages[0] }, { from: 2, to: 3, devices: [1] }];
    assert.equal(refusal(planFormat, { ...plan, chains: [{ id: "unet", stages: gap }] }).field, "chains[0].stages[1].from");
  });
});
