import assert from "node:assert/strict";
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { profileModel, ProfilingStopped, relativeTo, type ProfileHooks, type ProfileOptions, type ProfileServices } from "../../../src/app/profile";
import { parseDocument } from "../../../src/formats/document";
import { profileFormat } from "../../../src/formats/profile";
import { Cancelled, UserError } from "../../../src/model/errors";
import type { BoundModel } from "../../../src/model/model";
import { nodeFiles } from "../../../src/platform/nodeFiles";
import { nodeProcesses } from "../../../src/platform/nodeProcess";
import { nodeScript } from "../../../src/platform/nodeScript";
import { modelOf, productGraph, productLayer } from "./layers";

let folder = "";
let services: ProfileServices;
const quick: ProfileOptions = { batches: [1, 2], provider: "cpu", threads: 1, budgetMs: 5 };

/** Profiles and counts the measuring processes that were needed (the probe of the provider is not one of them). */
async function run(model: BoundModel, options: ProfileOptions = quick, hooks: ProfileHooks = {}) {
  const started: number[] = [];
  const notices: string[] = [];
  const profile = await profileModel(services, model, options, { ...hooks, onStart: (pid) => { started.push(pid); hooks.onStart?.(pid); }, onNotice: (text) => notices.push(text) });
  const layer = (name: string) => profile.components.flatMap((component) => component.layers).find((found) => found.name === name)!;
  return { profile, layer, started, notices };
}

function isGone(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return false;
  } catch {
    return true;
  }
}

describe("profileModel with onnxruntime in a process of its own", function () {
  this.timeout(60_000);

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "diffusionpipe-profile-"));
    services = {
      files: nodeFiles,
      processes: nodeProcesses,
      cacheFolder: join(folder, "cache"),
      measure: nodeScript(resolve("dist/measure.js")),
      busy: nodeScript(resolve("dist/busy.js")),
      machine: "a machine",
      now: () => performance.now(),
    };
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  it("measures the gradients of layers that have graphs of them, each pass apart, and takes one that fails for an estimate", async () => {
    const heavy = { inputGrad: productGraph(256, 1), weightGrad: productGraph(8, 1), inputs: ["x"], parameters: ["w"] };
    const whole = productLayer(64, { signature: "whole", name: "whole", backward: () => heavy });
    const passing = productLayer(64, { signature: "passing", name: "passing", needsWeightGrad: false, backward: () => heavy });
    const broken = productLayer(64, { signature: "broken", name: "broken", backward: () => ({ ...heavy, inputGrad: { ...productGraph(8, 1), nodes: [{ op: "NoSuchOperator", inputs: ["x", "w"], outputs: ["y"] }] } }) });
    const unknown = productLayer(64, { signature: "unknown", name: "unknown", backward: () => { throw new UserError('Layer unknown: the operator "fold" has no gradient.'); } });
    const { layer, notices } = await run(modelOf([whole, passing, broken, unknown]), { ...quick, batches: [1], budgetMs: 40 });
    const [time] = layer("whole").times;
    assert.equal(time!.gradSource, undefined);
    assert.ok(time!.inputGradMs > 2 * time!.weightGradMs, `${time!.inputGradMs} and ${time!.weightGradMs}`);
    assert.deepEqual([layer("passing").times[0]!.weightGradMs, layer("passing").times[0]!.gradSource], [0, undefined]);
    for (const [name, problem] of [["broken", /NoSuchOperator/], ["unknown", /"fold" has no gradient/]] as const) {
      const [estimated] = layer(name).times;
      assert.equal(estimated!.gradSource, "estimate");
      assert.equal(estimated!.inputGradMs, estimated!.forwardMs);
      assert.match(estimated!.message!, problem);
      assert.match(notices.join("\n"), problem);
    }
  });

  it("makes a valid profile: forward measured, gradients estimated where layers have no graphs of them", async () => {
    const frozenBelow = productLayer(64, { name: "first", needsInputGrad: false });
    const { profile, layer, notices } = await run(modelOf([frozenBelow, productLayer(64, { name: "second" }), productLayer(96, { name: "third", needsWeightGrad: false })]));
    const read = parseDocument(profileFormat, JSON.stringify(profile), "net.profile.json");
    assert.deepEqual(read, JSON.parse(JSON.stringify(profile)));
    assert.deepEqual(layer("second").times.map(({ batch, source, gradSource }) => ({ batch, source, gradSource })), [1, 2].map((batch) => ({ batch, source: "measured", gradSource: "estimate" })));
    for (const time of layer("second").times) {
      assert.ok(time.forwardMs > 0 && time.spreadMs !== undefined);
      assert.equal(time.inputGradMs, time.forwardMs);
      assert.equal(time.weightGradMs, 2 * time.forwardMs);
    }
    assert.equal(layer("first").times[0]!.inputGradMs, 0);
    assert.equal(layer("third").times[0]!.weightGradMs, 0);
    assert.equal(layer("third").gradBytes, 0);
    assert.equal(layer("second").gradBytes, layer("second").paramBytes);
    assert.deepEqual(layer("encode").times.map((time) => [time.inputGradMs, time.weightGradMs]), [[0, 0], [0, 0]]);
    assert.deepEqual(layer("first").times.map((time) => time.forwardMs), layer("second").times.map((time) => time.forwardMs), "equal layers are measured once");
    assert.equal(profile.device.provider, "cpu");
    assert.equal(profile.device.threads, 1);
    assert.ok(profile.device.memoryBytes > 0 && profile.device.name !== "");
    assert.match(profile.runtimeVersion!, /^onnxruntime \d+\.\d+/);
    assert.match(notices.join("\n"), /Measuring with cpu on .* of a machine, float32, 1 thread\./);
  });

  it("ranks layers by their work", async () => {
    const { layer } = await run(modelOf([productLayer(64), productLayer(512)]), { ...quick, batches: [1, 8], budgetMs: 40 });
    const at = (width: number, batch: number) => layer(`product.${width}`).times.find((time) => time.batch === batch)!.forwardMs;
    assert.ok(at(512, 1) > at(64, 1), "64 times the work takes longer");
    assert.ok(at(512, 8) > at(512, 1), "8 times the batch takes longer");
  });

  it("takes what is known from the cache, whatever the layers are called, and measures damaged entries again", async () => {
    const first = await run(modelOf([productLayer(64)]));
    assert.equal(first.started.length, 1);
    const again = await run(modelOf([productLayer(64)]));
    assert.equal(again.started.length, 0, "no measuring process is needed");
    assert.deepEqual(again.profile, first.profile);
    assert.equal((await run(modelOf([productLayer(64)]), { ...quick, threads: 2 })).started.length, 1, "other threads, other times");
    const entries = await readdir(services.cacheFolder);
    assert.equal(entries.length, 10, "four times each with one and two threads, and each time the reference product");
    for (const [index, entry] of entries.entries()) await writeFile(join(services.cacheFolder, entry), ["", "{", "{}", "[1]"][index % 4]!);
    assert.equal((await run(modelOf([productLayer(64)]))).started.length, 1);
    assert.equal((await run(modelOf([productLayer(64)]))).started.length, 0);
  });

  it("measures a layer again whose operators changed under an unchanged signature", async () => {
    await run(modelOf([productLayer(64)]));
    const renamed = productLayer(64, { graph: (batch) => {
      const graph = productGraph(64, batch);
      return { ...graph, name: "other", inputs: [{ ...graph.inputs[0]!, name: "z" }], nodes: [{ ...graph.nodes[0]!, inputs: ["z", "w"] }] };
    } });
    assert.equal((await run(modelOf([renamed]))).started.length, 0);
    const changed = productLayer(64, { graph: (batch) => {
      const graph = productGraph(64, batch);
      return { ...graph, nodes: [{ op: "MatMul", inputs: ["x", "w"], outputs: ["h"] }, { op: "Relu", inputs: ["h"], outputs: ["y"] }] };
    } });
    assert.equal((await run(modelOf([changed]))).started.length, 1);
  });

  it("survives the death of the measuring process: that layer's result, and a new process for the others", async () => {
    const killed: number[] = [];
    const slow = productLayer(1024, { name: "slow", graph: (batch) => productGraph(1024, 64 * batch) });
    let pid = 0;
    const { layer, started, profile, notices } = await run(modelOf([productLayer(64), slow]), { ...quick, batches: [1], budgetMs: 2000 }, {
      onStart: (id) => (pid = id),
      onProgress: ({ what }) => {
        if (what.includes("slow")) {
          const timer = setInterval(() => {
            if (pid === 0 || killed.length > 0) return;
            clearInterval(timer);
            killed.push(pid);
            process.kill(pid, "SIGKILL");
          }, 200);
        }
      },
    });
    assert.equal(killed.length, 1);
    const crashed = layer("slow").times.find((time) => time.status === "crashed")!;
    assert.match(crashed.message!, /SIGKILL/);
    const estimate = layer("slow").times.find((time) => time.source === "estimate")!;
    assert.ok(estimate.forwardMs > 0, "an estimate stands in, marked as one");
    assert.equal(layer("product.64").times[0]!.source, "measured");
    assert.ok(started.length >= 1);
    assert.match(notices.join("\n"), /net slow F, batch 1: failed/);
    parseDocument(profileFormat, JSON.stringify(profile), "net.profile.json");
  });

  it("tells an impossible size and a broken graph apart, and goes on in the same process", async () => {
    const huge = productLayer(65536, { name: "huge", signature: "huge", graph: (batch) => productGraph(2 ** 20, batch) });
    const broken = productLayer(8, { name: "broken", signature: "broken", graph: (batch) => ({ ...productGraph(8, batch), nodes: [{ op: "NoSuchOperator", inputs: ["x", "w"], outputs: ["y"] }] }) });
    const { layer, started } = await run(modelOf([huge, productLayer(64), broken]));
    assert.deepEqual(layer("huge").times.map(({ batch, status, source }) => [batch, status, source]), [[1, "oom", "measured"], [1, undefined, "estimate"]], "larger batches are not tried");
    assert.deepEqual(layer("broken").times.map((time) => time.status), ["crashed", "crashed", undefined]);
    assert.match(layer("broken").times[0]!.message!, /NoSuchOperator/);
    assert.equal(layer("product.64").times.length, 2);
    assert.equal(started.length, 1);
  });

  it("stops in the middle of a measurement when cancelled, leaves no process, and goes on from what it had", async () => {
    const abort = new AbortController();
    const pids: number[] = [];
    const slow = productLayer(1024, { name: "slow", graph: (batch) => productGraph(1024, 64 * batch) });
    const model = modelOf([productLayer(64), slow]);
    let before = -1;
    const cancelling = run(model, { ...quick, batches: [1, 2], budgetMs: 2000 }, {
      signal: abort.signal,
      onStart: (pid) => pids.push(pid),
      onProgress: ({ done, what }) => {
        if (what !== "net slow F, batch 2") return;
        before = done;
        setTimeout(() => abort.abort(), 300);
      },
    });
    const stopped: unknown = await cancelling.catch((error: unknown) => error);
    assert.ok(stopped instanceof ProfilingStopped && stopped instanceof Cancelled);
    parseDocument(profileFormat, JSON.stringify(stopped.profile), "net.profile.json");
    assert.equal(stopped.missing, 0);
    assert.deepEqual(stopped.profile.components[1].layers.map(({ times }) => times[0]!.source), ["measured", "measured"], "what was measured is usable");
    assert.ok(pids.length > 0 && pids.every(isGone));
    assert.equal((await readdir(services.cacheFolder)).length, before + 1, "the reference product beside the layers");
    const progress: [number, number][] = [];
    const { layer } = await run(model, { ...quick, budgetMs: 2000 }, { onProgress: ({ done, total }) => progress.push([done, total]) });
    assert.deepEqual(progress, Array.from({ length: 7 }, (_, done) => [done, 6]));
    assert.equal(layer("slow").times.length, 2);
  });

  it("shares one cache between two processes at once", async () => {
    const model = modelOf([productLayer(64), productLayer(96)]);
    const [one, two] = await Promise.all([run(model), run(model)]);
    for (const { profile } of [one, two]) parseDocument(profileFormat, JSON.stringify(profile), "net.profile.json");
    const names = await readdir(services.cacheFolder);
    assert.equal(names.filter((name) => name.endsWith(".json")).length, 7);
    assert.equal(names.length, 7, "no temporary files are left");
    assert.equal((await run(model)).started.length, 0);
  });

  it("records the cores that were kept busy, and ends their processes", async () => {
    const { profile } = await run(modelOf([productLayer(64)]), { ...quick, busyCores: 1 });
    assert.equal((profile.device as { busyCores?: number }).busyCores, 1);
    await assert.rejects(profileModel({ ...services, busy: nodeScript(join(folder, "missing.js")) }, modelOf([productLayer(80)]), { ...quick, budgetMs: 300, busyCores: 1 }), /keeps a core busy ended too early/);
  });

  it("refuses a provider that does not work, and batch sizes that are none", async () => {
    const missing = process.platform === "win32" ? "coreml" : "directml";
    await assert.rejects(run(modelOf([productLayer(64)]), { ...quick, provider: missing }), (error) => error instanceof UserError && error.message.includes(`"${missing}" cannot be used here`));
    await assert.rejects(run(modelOf([productLayer(64)]), { ...quick, batches: [0] }), UserError);
  });

  it("says which providers were passed over and why", async () => {
    const { profile, notices } = await run(modelOf([productLayer(64)]), { ...quick, provider: undefined });
    if (profile.device.provider === "cpu") {
      assert.match(notices.join("\n"), /webgpu is not used: ./);
    } else {
      assert.match(notices.join("\n"), new RegExp(`Measuring with ${profile.device.provider} on `));
    }
  });
});

describe("relativeTo", () => {
  it("writes paths as seen from the document", () => {
    const sha256 = "0".repeat(64);
    assert.deepEqual(relativeTo("/work/plans/net.profile.json", { path: "/work/model", sha256 }), { path: "../model", sha256 });
    assert.deepEqual(relativeTo("/work/model/net.profile.json", { path: "/work/model", sha256 }), { path: ".", sha256 });
  });
});
