import assert from "node:assert/strict";
import { mkdtemp, readdir, rm, utimes } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { nodeFiles } from "../../../src/platform/nodeFiles";
import { MeasurementCache, type MeasurementKey } from "../../../src/profile/cache";
import { candidates } from "../../../src/profile/choose";
import { failureOf, failureOfExit } from "../../../src/profile/failure";
import { distinctLayers, measureLayers, type Measured, type MeasureSettings, type PassOutcomes } from "../../../src/profile/measureLayers";
import { parseReply } from "../../../src/profile/messages";
import { workKey } from "../../../src/profile/passes";
import { kernelsIn } from "../../../src/profile/runtimeProfile";
import { measurementNotices } from "../../../src/profile/notices";
import { median, medianHalfWidth, quantile, quietRounds, shuffled, warmRounds } from "../../../src/profile/statistics";
import { modelOf, productLayer } from "./layers";

const place = { provider: "cpu", device: "d", precision: "float32", threads: 1, busyCores: 0, runtimeVersion: "1" } as const;

describe("statistics of measuring", () => {
  it("quantiles are between neighbours and in order", () => {
    assert.equal(median([3, 1, 2]), 2);
    assert.equal(median([4, 1, 2, 3]), 2.5);
    fc.assert(fc.property(fc.array(fc.double({ noNaN: true, min: 0, max: 1e6 }), { minLength: 1 }), fc.double({ min: 0, max: 1, noNaN: true }), (values, share) => {
      const found = quantile(values, share);
      const below = values.filter((value) => value < found - 1e-6).length;
      assert.ok(below <= share * (values.length - 1) + 1 && found >= Math.min(...values) && found <= Math.max(...values));
    }));
  });

  it("knows the median within an interval that holds the true one in about 95 of 100 cases, and narrows with more values", () => {
    let state = 7;
    const random = () => (state = (state * 48271) % 2147483647) / 2147483647;
    const held = (count: number) => Array.from({ length: 2000 }, () => {
      const values = Array.from({ length: count }, () => -Math.log(random()));
      const [middle, half] = [median(values), medianHalfWidth(values)];
      const sorted = [...values].sort((a, b) => a - b);
      assert.ok(half >= 0 && half <= (sorted[count - 1]! - sorted[0]!) / 2);
      // Around the interval's own middle, which is not the median of skewed values: twice its half to either side holds it.
      return Math.abs(middle - Math.LN2) <= 2 * half ? 1 : 0;
    }).reduce<number>((sum, hit) => sum + hit, 0) / 2000;
    for (const count of [6, 10, 25, 40]) assert.ok(held(count) > 0.9, `${count}`);
    const normal = Array.from({ length: 400 }, (_, index) => index);
    assert.ok(medianHalfWidth(normal) < 25 && medianHalfWidth(normal) > 15);
    assert.equal(medianHalfWidth([3]), 0);
  });

  it("leaves out the first rounds where they were slow", () => {
    const kept = (times: number[]) => warmRounds(times.map((ms) => ({ ms, coreShare: 1 }))).map(({ ms }) => ms);
    assert.deepEqual(kept([5]), [5]);
    assert.deepEqual(kept([5, 1, 1.05]), [1, 1.05]);
    assert.deepEqual(kept([9, 5, 1, 1.05, 0.9]), [1, 1.05, 0.9]);
    assert.deepEqual(kept([1, 1, 2]), [1, 1, 2]);
    assert.deepEqual(kept([1, 1.05, 1]), [1, 1.05, 1]);
    assert.deepEqual(kept([64, 32, 16, 8, 4, 2, 1, 1]), [2, 1, 1]);
  });

  it("shuffles by seed: a permutation, the same for the same seed", () => {
    const items = Array.from({ length: 50 }, (_, index) => index);
    fc.assert(fc.property(fc.integer({ min: 0 }), (seed) => {
      assert.deepEqual([...shuffled(items, seed)].sort((a, b) => a - b), items);
      assert.deepEqual(shuffled(items, seed), shuffled(items, seed));
    }));
    assert.notDeepEqual(shuffled(items, 1), shuffled(items, 2));
  });
});

describe("notices after measuring", () => {
  it("name failures and operators left to the CPU, and count the disturbed", () => {
    const layers = distinctLayers(modelOf([productLayer(64)]).components);
    const ok = { status: "ok", medianMs: 1, spreadMs: 0, rounds: 3, repeats: 2 } as const;
    const outcomes = new Map([
      [workKey(productLayer(64)), new Map<number, PassOutcomes>([[1, { forward: { ...ok, coreShare: 0.95 } }], [2, { forward: { ...ok, coreShare: 0.5 } }], [4, { forward: { status: "oom", message: "full" }, weightGrad: { status: "oom", message: "full" } }], [8, { forward: { status: "oom", message: "full" } }]])],
      [workKey(productLayer(32, { needsInputGrad: false, needsWeightGrad: false })), new Map<number, PassOutcomes>([[1, { forward: { ...ok, leftToCpu: ["Det"] } }]])],
    ]);
    const measured: Measured = { outcomes, complete: true, counts: { measured: 2, cached: 1 }, referenceMs: [10, 10.5, 13] };
    const notices = measurementNotices(layers, measured, "webgpu", "/cache");
    assert.equal(notices.length, 6);
    assert.equal(notices[0], "2 times measured, 1 taken from the cache.");
    assert.match(notices[1]!, /encode F, batch 1: webgpu left Det/);
    assert.match(notices[2]!, /product\.64 F, batch 4, 8: out of memory\. full/);
    assert.match(notices[3]!, /product\.64 W, batch 4: out of memory\. full/);
    assert.match(notices[4]!, /^1 of 3 times .*remove \/cache\.$/);
    assert.match(notices[5]!, /did not run at one speed.* 10\.00 to 13\.00 ms, 10\.50 in the middle/);
    assert.equal(measurementNotices(layers, { ...measured, referenceMs: [10, 10.5] }, "webgpu", "/cache").length, 5);
    assert.deepEqual(quietRounds([{ ms: 1, coreShare: 0.89 }, { ms: 2, coreShare: 0.9 }]), [{ ms: 2, coreShare: 0.9 }]);
  });
});

describe("batch sizes", () => {
  const layers = distinctLayers(modelOf([productLayer(64), productLayer(128)]).components);
  const settings: MeasureSettings = { batches: [1, 2, 4, 8], patienceMs: 100, budgetMs: 1, seed: 3, referenceSize: 8, place };

  /** A measuring process that takes 20 ms a sample for width 128 and has no memory for width 64 beyond batch 2. */
  async function measured(more: Partial<MeasureSettings> = {}) {
    const asked: string[] = [];
    const process: Parameters<typeof measureLayers>[1] = {
      request: (message) => {
        if (message.kind !== "measure") throw new Error("unexpected");
        const [samples, width] = message.graph.inputs[0]!.shape as [number, number];
        if (samples === 8) return Promise.resolve({ kind: "measured", id: 1, measurement: { medianMs: 1, spreadMs: 0, rounds: 3, repeats: 2 } });
        const batch = samples / 16;
        asked.push(`${width} at ${batch}`);
        if (width === 64 && batch > 2) return Promise.resolve({ kind: "failed", status: "oom", message: "full" });
        return Promise.resolve({ kind: "measured", id: 1, measurement: { medianMs: width === 128 ? 20 * batch : 1, spreadMs: 0, rounds: 3, repeats: 2 } });
      },
    };
    const files = { ...nodeFiles, read: () => Promise.reject(new Error("empty")), write: () => Promise.resolve() };
    const { outcomes } = await measureLayers(layers, process, new MeasurementCache(files, "/nowhere"), { ...settings, ...more }, { now: () => 0 });
    return { asked, batchesOf: (width: number) => [...outcomes.get(layers.find(({ layer }) => layer.signature === `product ${width}`)!.key)!].map(([batch, { forward }]) => `${batch} ${forward!.status}`) };
  }

  it("end for a layer where memory or patience ends, not for the others", async () => {
    const { asked, batchesOf } = await measured();
    assert.deepEqual(batchesOf(64), ["1 ok", "2 ok", "4 oom"]);
    assert.deepEqual(batchesOf(128), ["1 ok", "2 ok", "4 ok"]);
    assert.deepEqual(batchesOf(32), ["1 ok", "2 ok", "4 ok", "8 ok"]);
    assert.equal(asked.length, 10);
    assert.equal(new Set(asked).size, 10);
  });

  it("are measured in an order that the seed decides", async () => {
    const orders = await Promise.all([0, 1, 2, 3, 4].map(async (seed) => (await measured({ seed, batches: [1, 2] })).asked.join()));
    assert.ok(new Set(orders).size > 1);
    assert.equal((await measured({ seed: 2, batches: [1, 2] })).asked.join(), orders[2]);
  });
});

describe("the cache of measurements", () => {
  it("keeps the newest entries within its bound, and tells keys apart", async () => {
    const folder = await mkdtemp(join(tmpdir(), "diffusionpipe-cache-"));
    try {
      const cache = new MeasurementCache(nodeFiles, folder, 10);
      const key = (batch: number): MeasurementKey => ({ ...place, graph: "g", batch, budgetMs: 1 });
      const value = (batch: number) => ({ medianMs: batch, spreadMs: 0, rounds: 3, repeats: 2 });
      for (let batch = 1; batch <= 12; batch += 1) {
        const before = new Set(await readdir(folder));
        await cache.write(key(batch), value(batch));
        const [added] = (await readdir(folder)).filter((name) => !before.has(name));
        await utimes(join(folder, added!), batch, batch);
      }
      await cache.prune();
      const kept = await Promise.all(Array.from({ length: 12 }, async (_, index) => (await cache.read(key(index + 1)))?.medianMs));
      assert.deepEqual(kept, [undefined, undefined, undefined, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
      assert.equal(await cache.read({ ...key(12), runtimeVersion: "2" }), undefined);
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});

describe("what the measuring process says", () => {
  it("is understood where it is a reply and passed over where it is not", () => {
    assert.deepEqual(parseReply('{"kind":"failed","id":1,"status":"oom","message":"m"}'), { kind: "failed", id: 1, status: "oom", message: "m" });
    for (const line of ["", "Warning: no Vulkan", "[]", '{"kind":"measured","id":1,"measurement":{"medianMs":-1}}', '{"kind":"other"}']) assert.equal(parseReply(line), undefined);
  });

  it("tells memory from other failures", () => {
    assert.equal(failureOf("std::bad_alloc").status, "oom");
    assert.equal(failureOf("Failed to allocate memory for requested buffer of size 12").status, "oom");
    assert.equal(failureOf("Array buffer allocation failed").status, "oom");
    assert.equal(failureOf("Fatal error: NoSuchOperator is not registered").status, "crashed");
    assert.equal(failureOf("/src/webgpu/context.cc:136 void f(const A&)::<lambda()> status == A::Success was false. No supported adapters\n").message, "No supported adapters");
    assert.ok(failureOf("x".repeat(10_000)).message.length < 1000);
    assert.deepEqual(failureOfExit({ code: 3, errorOutput: "a\nb\n" }), { status: "crashed", message: "The measuring process ended with code 3. It said: a b" });
  });

  it("tells where operators ran and on what, from onnxruntime's profile", () => {
    const event = (op: string, provider: string) => ({ cat: "Node", args: { op_name: op, provider, input_type_shape: [{ float16: [2, 2] }, { int64: [1] }] } });
    assert.deepEqual(kernelsIn(JSON.stringify([event("MatMul", "WebGpuExecutionProvider"), event("Det", "CPUExecutionProvider"), { cat: "Session" }])), [
      { op: "MatMul", onCpu: false, inputTypes: ["float16", "int64"] },
      { op: "Det", onCpu: true, inputTypes: ["float16", "int64"] },
    ]);
  });
});

describe("providers", () => {
  it("are tried in the order of preference, each where it exists", () => {
    assert.deepEqual(candidates("linux"), ["cuda", "webgpu", "cpu"]);
    assert.deepEqual(candidates("win32"), ["cuda", "directml", "webgpu", "cpu"]);
    assert.deepEqual(candidates("darwin"), ["coreml", "webgpu", "cpu"]);
  });
});
