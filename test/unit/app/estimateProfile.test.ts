import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import fc from "fast-check";
import { profileCommand } from "../../../src/app/commandLine/profile";
import { estimateNote, estimateProfile } from "../../../src/app/estimateProfile";
import { bindingsOf, inspectModel } from "../../../src/app/inspect";
import { makePlan } from "../../../src/app/plan";
import { simulatePlan } from "../../../src/app/simulate";
import { clusterFormat } from "../../../src/formats/cluster";
import { parseDocument, readDocument, writeDocument } from "../../../src/formats/document";
import { planFormat } from "../../../src/formats/plan";
import { profileFormat } from "../../../src/formats/profile";
import { catalogue } from "../../../src/hardware/catalogue";
import { precisionsOf } from "../../../src/hardware/precision";
import { estimateTimes } from "../../../src/hardware/scale";
import { wholeLayer } from "../../../src/hardware/wholeLayer";
import type { DeviceEntry, DeviceKind } from "../../../src/model/cluster";
import { UserError } from "../../../src/model/errors";
import type { BoundModel } from "../../../src/model/model";
import type { LayerTime, Profile } from "../../../src/model/profile";
import { workloadOf } from "../../../src/model/workload";
import { nodeFiles } from "../../../src/platform/nodeFiles";
import { tracedComponent } from "../../../src/parse/trace/component";
import { parseTrace } from "../../../src/parse/trace/document";
import { tracedModel } from "../../../src/parse/trace/model";
import { basisOf } from "../../../src/timeline/layout/describe";

const sample = resolve("media/sample/model");

async function described(path: string): Promise<BoundModel> {
  const model = await inspectModel(nodeFiles, path);
  return model.bind(bindingsOf(model, {}));
}

/** A module of a user's own: FLOPs and traffic of each layer, no operators. */
function traced(): BoundModel {
  const document = parseTrace(readFileSync("test/fixtures/trace/own_unet.trace.json", "utf8"), "own_unet:OwnUNet");
  const model = tracedModel(tracedComponent(document), "OwnUNet", { path: "/models/own.json", sha256: "a".repeat(64) }, {});
  return model.bind(model.defaultBindings);
}

const layersOf = (profile: Profile) => profile.components.flatMap(({ layers }) => layers);
const device = fc.constantFrom(...Object.values<DeviceEntry>(catalogue).map((entry): DeviceKind => entry.device));
const batches = fc.uniqueArray(fc.integer({ min: 1, max: 4096 }), { minLength: 1, maxLength: 4 });
const total = ({ forwardMs, inputGradMs, weightGradMs }: LayerTime) => forwardMs + inputGradMs + weightGradMs;

describe("a profile for a device that is not here", () => {
  it("is a document whose every time is an estimate, and says so", async () => {
    const bounds = [await described(sample), traced()];
    fc.assert(fc.property(fc.constantFrom(...bounds), device, batches, fc.nat(3), (bound, kind, sizes, choice) => {
      const there = precisionsOf(kind);
      const precision = there[choice % there.length];
      const notices: string[] = [];
      const profile = estimateProfile(bound, kind, { precision, batches: sizes }, { onNotice: (text) => notices.push(text) });
      assert.deepEqual(parseDocument(profileFormat, JSON.stringify(profile), "p"), JSON.parse(JSON.stringify(profile)));
      assert.ok(workloadOf(profile).chains.length > 0);
      assert.deepEqual(profile.device, { name: kind.name, provider: "estimate", precision, memoryBytes: kind.memoryBytes, note: estimateNote });
      for (const layer of layersOf(profile)) {
        assert.deepEqual(layer.times.map(({ batch, source, gradSource, status }) => [batch, source, gradSource, status]), sizes.toSorted((a, b) => a - b).map((batch) => [batch, "estimate", undefined, undefined]));
        for (const time of layer.times) {
          assert.ok(time.forwardMs > 0);
          assert.equal(time.inputGradMs > 0, layer.needsInputGrad);
          assert.equal(time.weightGradMs > 0, layer.needsWeightGrad);
        }
      }
      assert.match(notices[0], /error is unknown until "profile --on"/);
    }), { seed: 3, numRuns: 60 });
  });

  it("takes a layer without operators for one product of its FLOPs and traffic, and marks it", () => {
    const bound = traced();
    const kind: DeviceKind = { name: "made", memoryBytes: 1e9, peakTflops: { fp32: 2 }, bandwidthGBps: 100 };
    const notices: string[] = [];
    const profile = estimateProfile(bound, kind, { batches: [1, 8] }, { onNotice: (text) => notices.push(text) });
    const [component] = bound.components;
    for (const [l, layer] of component.layers.entries()) {
      assert.equal(layer.operators, undefined);
      for (const { batch, forwardMs, message } of profile.components[0].layers[l].times) {
        // One launch, 70 % of the peak where the output is large, 80 % of the bandwidth.
        const read = Math.min(layer.parameters, layer.flopsPerSample / 2) * 4;
        const moving = (layer.trafficBytesPerSample * batch + read) / (100e9 * 0.8) * 1e3;
        const outputs = layer.trafficBytesPerSample / 8 * batch;
        const computing = layer.flopsPerSample * batch / (2e12 * 0.7 * outputs / (outputs + 2 ** 20)) * 1e3;
        const expected = 0.005 + Math.max(moving, computing);
        assert.ok(Math.abs(forwardMs / expected - 1) < 1e-3, `${layer.name}: ${forwardMs}, ${expected}`);
        assert.match(message ?? "", /operators are not known/);
      }
    }
    assert.ok(notices.some((text) => text.startsWith(`${component.layers.length} of ${component.layers.length} layers`)));
  });

  it("is short for a layer without operators: hardly above the sum of its operators, and no less than a tenth of it over a model", async () => {
    for (const name of ["stable-diffusion-2-1", "stable-diffusion-1-5-controlnet", "ddpm-cifar10-32"]) {
      const layers = (await described(join("media/models", name))).components.flatMap((component) => component.layers);
      for (const batch of [1, 32]) {
        let [whole, sum] = [0, 0];
        for (const layer of layers) {
          assert.ok(layer.operators);
          const [one] = estimateTimes([wholeLayer(layer)], catalogue.h100.device, "bf16", [batch]);
          const [many] = estimateTimes(layer.operators, catalogue.h100.device, "bf16", [batch]);
          assert.ok(total(one) < 1.25 * total(many), `${layer.name} of ${name}: ${total(one)} against ${total(many)}`);
          whole += total(one);
          sum += total(many);
        }
        assert.ok(whole > 0.1 * sum && whole < sum, `${name}, batch ${batch}: ${whole} against ${sum}`);
      }
    }
  });

  it("has the bytes of its precision: sixteen bits are half of what thirty-two take, but what comes with the data stays", async () => {
    const bound = await described(sample);
    const at = (precision: string) => estimateProfile(bound, catalogue.a10g.device, { precision, batches: [1] });
    const bytes = ({ paramBytes, gradBytes, trafficBytesPerSample, savedBytesPerSample: saved, cutBytesPerSample: cut }: Profile["components"][number]["layers"][number]) =>
      [paramBytes, gradBytes ?? 0, trafficBytesPerSample ?? 0, saved.untilInputGrad, saved.untilWeightGrad, cut.forward, cut.backward];
    const [fp32, tf32, bf16] = ["fp32", "tf32", "bf16"].map(at);
    for (const [l, layer] of layersOf(fp32).entries()) {
      assert.deepEqual(bytes(layersOf(tf32)[l]), bytes(layer));
      assert.deepEqual(bytes(layersOf(bf16)[l]), bytes(layer).map((value) => value / 2));
    }
    const parameters = bound.components.flatMap(({ layers }) => layers).reduce((sum, layer) => sum + layer.parameters, 0);
    assert.equal(layersOf(bf16).reduce((sum, { paramBytes }) => sum + paramBytes, 0), 2 * parameters);
    for (const [t, { producer, bytesPerSample }] of (fp32.tensors ?? []).entries()) {
      assert.equal(bf16.tensors?.[t].bytesPerSample, producer.component === "data" ? bytesPerSample : bytesPerSample / 2);
    }
  });

  it("gives plans whose timeline says what it rests on", async () => {
    const folder = await mkdtemp(join(tmpdir(), "estimate "));
    try {
      const at = (name: string) => join(folder, name);
      const { device: kind, intraNode } = catalogue.h100;
      await writeDocument(profileFormat, nodeFiles, at("a.profile.json"), estimateProfile(await described(sample), kind, { batches: [1, 2, 4] }));
      await writeDocument(clusterFormat, nodeFiles, at("a.cluster.json"), { format: "diffusionpipe.cluster/1", nodeGroups: [{ count: 1, devicesPerNode: 2, device: kind, intraNode }], interNode: intraNode });
      const { plan } = await makePlan(nodeFiles, { profile: at("a.profile.json"), cluster: at("a.cluster.json"), plan: at("a.pipeplan.json") }, { batch: 8 });
      assert.equal(plan.training.precision, "bf16");
      await writeDocument(planFormat, nodeFiles, at("a.pipeplan.json"), plan);
      assert.equal(basisOf((await simulatePlan(nodeFiles, at("a.pipeplan.json"))).timeline), "estimate, error unknown");
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it("is refused for a precision that the device has no peak for, naming those that it has", () => {
    for (const precision of ["bf16", "tf32", "int8", "toString"]) {
      assert.throws(() => estimateProfile(traced(), catalogue.t4.device, { precision }), (error) => error instanceof UserError && /NVIDIA T4 has no peak for .*fp16, fp32/.test(error.message));
    }
    assert.equal(estimateProfile(traced(), catalogue.t4.device).device.precision, "fp16");
    assert.throws(() => estimateProfile(traced(), catalogue.t4.device, { batches: [0] }), UserError);
  });
});

describe("profile --for", () => {
  let folder = "";
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "estimate "));
  });
  after(() => rm(folder, { recursive: true }));

  const { signal } = new AbortController();
  const run = (...args: string[]) => profileCommand.run(args, signal);

  /** What is printed while `work` runs. */
  async function printed(stream: NodeJS.WriteStream, work: () => Promise<void>): Promise<string> {
    const { write } = stream;
    let text = "";
    stream.write = (chunk: string | Uint8Array) => {
      text += String(chunk);
      return true;
    };
    try {
      await work();
    } finally {
      stream.write = write;
    }
    return text;
  }

  it("writes what is estimated for a device of the catalogue, whatever the case of its name", async () => {
    const file = join(folder, "a.profile.json");
    const said = await printed(process.stderr, () => run(sample, "-o", file, "--for", "H100", "--batches", "1,4"));
    assert.match(said, /^Estimating for NVIDIA H100-SXM5-80GB, bf16\..*unknown.*profile --on/);
    const profile = await readDocument(profileFormat, nodeFiles, file);
    assert.deepEqual([profile.device.provider, profile.device.precision, profile.device.note], ["estimate", "bf16", estimateNote]);
    assert.equal(resolve(folder, profile.model.path), sample);
    const expected = estimateProfile(await described(sample), catalogue.h100.device, { batches: [1, 4] });
    assert.deepEqual(layersOf(profile).map(({ times }) => times), layersOf(expected).map(({ times }) => times));
  });

  it("takes a device file, and names file and field where it is wrong", async () => {
    const mine = join(folder, "mine.device.json");
    const document = { format: "diffusionpipe.device/1", device: { name: "Mine", memoryBytes: 8e9, peakTflops: { fp32: 5 }, bandwidthGBps: 200 }, intraNode: { latencyUs: 5, bandwidthGBps: 10 }, sources: ["measured by hand"] };
    await writeFile(mine, JSON.stringify(document));
    const file = join(folder, "b.profile.json");
    await printed(process.stderr, () => run(sample, "-o", file, "--for", mine));
    const { device } = await readDocument(profileFormat, nodeFiles, file);
    assert.deepEqual([device.name, device.precision, device.memoryBytes], ["Mine", "fp32", 8e9]);
    await writeFile(mine, JSON.stringify({ ...document, device: { ...document.device, bandwidthGBps: 0 } }));
    await assert.rejects(run(sample, "-o", file, "--for", mine), /mine\.device\.json: device\.bandwidthGBps: /);
    await assert.rejects(run(sample, "-o", file, "--for", join(folder, "none.device.json")), /none\.device\.json.*does not exist/);
  });

  it("lists the devices without a model, and for a name that is none", async () => {
    const list = await printed(process.stdout, () => run("--for", "list"));
    const names = Object.keys(catalogue);
    assert.deepEqual(list.trimEnd().split("\n").map((line) => line.split(" ")[0]), names);
    assert.deepEqual(JSON.parse(await printed(process.stdout, () => run("--for", "list", "--json"))), catalogue);
    await assert.rejects(run(sample, "-o", "p", "--for", "a100"), (error) => error instanceof UserError && names.every((name) => error.message.includes(name)));
  });

  it("goes with nothing that is about measuring", async () => {
    for (const other of [["--on", "t.target.json"], ["--provider", "cpu"], ["--threads", "1"], ["--busy-cores", "1"]]) {
      await assert.rejects(run(sample, "-o", "p", "--for", "h100", ...other), (error) => error instanceof UserError && error.message.startsWith(`${other[0]} does not go with --for`));
    }
    await assert.rejects(run(sample, "-o", "p", "--precision", "bf16"), /not measured in the precision "bf16"/);
    await assert.rejects(run(sample, "-o", "p", "--for", "t4", "--precision", "bf16"), /NVIDIA T4 has no peak for bf16/);
    await assert.rejects(run("-o", "p", "--for", "h100"), /Expected MODEL/);
  });
});
