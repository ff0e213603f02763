import assert from "node:assert/strict";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { measuredPrecision } from "../../../src/app/profile";
import { UserError } from "../../../src/model/errors";
import type { BoundModel } from "../../../src/model/model";
import { nodeFiles } from "../../../src/platform/nodeFiles";
import { nodeProcesses } from "../../../src/platform/nodeProcess";
import { nodeScript } from "../../../src/platform/nodeScript";
import { MeasurementCache } from "../../../src/profile/cache";
import { chooseProvider } from "../../../src/profile/choose";
import { distinctLayers, measureLayers, type MeasureSettings } from "../../../src/profile/measureLayers";
import { MeasuringProcess } from "../../../src/profile/measuringProcess";
import type { Precision } from "../../../src/profile/messages";
import { workKey } from "../../../src/profile/passes";
import { profileDocument } from "../../../src/profile/record";
import { profileSkeleton } from "../../../src/profile/skeleton";
import { contextOf } from "../../../src/simulate/context";
import { stageBytes } from "../../../src/simulate/durations";
import { modelOf, productLayer } from "./layers";

const script = nodeScript(resolve("dist/measure.js"));

describe("float16", function () {
  this.timeout(60_000);

  it("is refused on a CPU that only casts, by name and by choice", async function () {
    if (process.arch !== "x64") this.skip();
    for (const forced of ["cpu", undefined] as const) {
      await assert.rejects(chooseProvider(nodeProcesses, script, { forced, precision: "float16", platform: process.platform }), (error) =>
        error instanceof UserError && /in float16\./.test(error.message) && /cpu: It computes float16 as float32, with casts/.test(error.message));
    }
    assert.equal((await chooseProvider(nodeProcesses, script, { forced: "cpu", precision: "float32", platform: process.platform })).provider, "cpu");
  });

  it("is measured where it is asked for, and kept apart from float32", async () => {
    const folder = await mkdtemp(join(tmpdir(), "diffusionpipe-precision-"));
    const measuring = new MeasuringProcess(nodeProcesses, script);
    try {
      const layers = distinctLayers(modelOf([productLayer(64)]).components);
      const cache = new MeasurementCache(nodeFiles, folder);
      const measured = (precision: Precision) => {
        const settings: MeasureSettings = { batches: [1], patienceMs: 1000, budgetMs: 1, seed: 0, referenceSize: 8, place: { provider: "cpu", device: "d", precision, threads: 1, busyCores: 0, runtimeVersion: "1" } };
        return measureLayers(layers, measuring, cache, settings, { now: () => performance.now() });
      };
      for (const [precision, kept] of [["float32", 3], ["float16", 6], ["float16", 6]] as const) {
        const { outcomes } = await measured(precision);
        assert.deepEqual([...outcomes.values()].flatMap((batches) => [...batches.values()].map(({ forward }) => forward!.status)), ["ok", "ok"]);
        assert.equal((await readdir(folder)).length, kept);
      }
    } finally {
      await measuring.close();
      await rm(folder, { recursive: true, force: true });
    }
  });

  it("has names on the command line", () => {
    assert.deepEqual([undefined, "fp32", "fp16"].map(measuredPrecision), [undefined, "float32", "float16"]);
    for (const wrong of ["bf16", "constructor"]) assert.throws(() => measuredPrecision(wrong), UserError);
  });

  it("halves the bytes of all that layers hold and make, not of what comes with the data", () => {
    const tensor = (component: string) => ({ id: `${component}/x`, producer: { component, layer: "x" }, consumers: [], bytesPerSample: 80, bytesFixed: 16, hasGradient: false, transport: "chain" as const });
    const plain = modelOf([productLayer(64), productLayer(128, { trainableParameters: 10 })]);
    const bound: BoundModel = { ...plain, tensors: [tensor("data"), tensor("net")], chains: [{ ...plain.chains[0], selfConditioning: { probability: 0.5, feedbackBytesPerSample: 40 } }] };
    const [wide, half] = ["float32", "float16"].map((precision) => profileSkeleton(bound, { precision }));
    for (const [c, component] of wide.components.entries()) {
      for (const [l, layer] of component.layers.entries()) {
        const other = half.components[c].layers[l];
        assert.equal(other.paramBytes, layer.paramBytes / 2);
        assert.equal(other.gradBytes, layer.gradBytes! / 2);
        assert.equal(other.trafficBytesPerSample, layer.trafficBytesPerSample! / 2);
        assert.deepEqual(other.savedBytesPerSample, { untilInputGrad: 0, untilWeightGrad: layer.savedBytesPerSample.untilWeightGrad / 2 });
        assert.deepEqual(other.cutBytesPerSample, { forward: layer.cutBytesPerSample.forward / 2, backward: layer.cutBytesPerSample.backward / 2 });
        assert.equal(other.flopsPerSample, layer.flopsPerSample);
      }
    }
    assert.deepEqual(half.tensors!.map(({ bytesPerSample, bytesFixed }) => [bytesPerSample, bytesFixed]), [[80, 16], [40, 8]]);
    assert.equal(half.chains[0].selfConditioning!.feedbackBytesPerSample, 20);
    assert.deepEqual([wide.tensors, wide.chains], [bound.tensors, bound.chains], "float32 is as bound");
  });

  it("leaves a planner as many parameters, and so optimizer states, as float32", () => {
    const bound = modelOf([productLayer(64)]);
    const outcomes = new Map(bound.components.flatMap((component) => component.layers).map((layer) => [workKey(layer), new Map([[1, { forward: { status: "ok" as const, medianMs: 1, spreadMs: 0, rounds: 3, repeats: 2 } }]])]));
    const states = ["float32", "float16"].map((precision) => {
      const profile = profileDocument(bound, outcomes, { runtimeVersion: "r", device: { name: "d", provider: "cuda", precision, memoryBytes: 1e12 } });
      const kind = { name: "d", memoryBytes: 1e12, peakTflops: { fp16: 1, fp32: 1 }, bandwidthGBps: 1 };
      const cluster = { format: "diffusionpipe.cluster/1" as const, nodeGroups: [{ count: 1, devicesPerNode: 1, device: kind, intraNode: { latencyUs: 1, bandwidthGBps: 1 } }], interNode: { latencyUs: 1, bandwidthGBps: 1 } };
      return { profile, cluster };
    }).map(({ profile, cluster }) => stageBytes({ optimizer: { name: "adamw", stateBytesPerParam: 8, gradDtype: profile.device.precision === "float16" ? "fp16" : "fp32", ema: true } }, contextOf(profile, cluster), 0, 0, 1));
    const [wide, half] = states;
    assert.deepEqual([wide.optimizer, wide.ema], [64 * 64 * 8, 64 * 64 * 4]);
    assert.deepEqual(half, { ...wide, weights: wide.weights / 2, trained: wide.trained / 2, gradients: wide.gradients / 2 });
  });
});
