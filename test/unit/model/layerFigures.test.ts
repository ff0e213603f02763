import assert from "node:assert/strict";
import fc from "fast-check";
import { batchesOf, figuresAt, sumOfTimes } from "../../../src/model/layerFigures";
import { isMeasured, measuredShare, sharing, unmeasuredLayers } from "../../../src/model/measured";
import type { LayerTime, ProfileLayer } from "../../../src/model/profile";
import { profileOf } from "../../webview/profileDocument";

const layerOf = (times: readonly LayerTime[], gradients = true): ProfileLayer => ({ ...profileOf().components[1].layers[0], needsInputGrad: gradients, needsWeightGrad: gradients, times });
const ms = (low: number, high: number) => fc.integer({ min: low, max: high });
const timed = fc.uniqueArray(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 6 }).chain((batches) => fc.tuple(...batches.map((batch) => fc.record({
  batch: fc.constant(batch), forwardMs: ms(1, 90), inputGradMs: ms(1, 90), weightGradMs: ms(1, 90), source: fc.constantFrom("measured" as const, "estimate" as const), gradSource: fc.constantFrom(undefined, "measured" as const, "estimate" as const),
}))));

describe("a layer's figures at a batch size", () => {
  it("are the profile's own where it has that batch size, and say whose they are", () => {
    fc.assert(fc.property(timed, fc.boolean(), (times, gradients) => {
      const layer = layerOf(times, gradients);
      for (const time of times) {
        const { ms: found, origin, gradOrigin, flopsPerSecond } = figuresAt(layer, time.batch);
        assert.deepEqual(found, { forward: time.forwardMs, inputGrad: gradients ? time.inputGradMs : undefined, weightGrad: gradients ? time.weightGradMs : undefined, total: time.forwardMs + (gradients ? time.inputGradMs + time.weightGradMs : 0) });
        assert.equal(origin, time.source);
        assert.equal(gradOrigin, gradients ? (time.gradSource ?? time.source) : undefined);
        assert.ok(Math.abs((flopsPerSecond ?? 0) * (time.forwardMs / 1000) - 1e9 * time.batch) < 1);
      }
    }), { seed: 3 });
  });

  it("are computed elsewhere: between what was timed they lie between, and it is said", () => {
    fc.assert(fc.property(timed, fc.integer({ min: 1, max: 60 }), (times, batch) => {
      if (times.some((time) => time.batch === batch)) return;
      const { ms: found, origin } = figuresAt(layerOf(times), batch);
      const [below, above] = [times.filter((time) => time.batch < batch), times.filter((time) => time.batch > batch)];
      assert.equal(origin, below.length > 0 && above.length > 0 ? "interpolated" : "extrapolated");
      if (origin !== "interpolated") return;
      const least = Math.max(...below.map(({ forwardMs }) => forwardMs));
      const most = Math.max(...times.map(({ forwardMs }) => forwardMs));
      assert.ok(found && found.forward >= least - 1e-9 && found.forward <= most + 1e-9);
    }), { seed: 4 });
  });

  it("are none where the layer failed, unless an estimate stands in", () => {
    const failed = { batch: 2, forwardMs: 0, inputGradMs: 0, weightGradMs: 0, source: "measured", status: "oom", message: "full" } as const;
    const ok = { batch: 1, forwardMs: 5, inputGradMs: 5, weightGradMs: 5, source: "measured" } as const;
    assert.deepEqual(figuresAt(layerOf([ok, failed]), 2), { origin: "measured", failure: { status: "oom", message: "full" } });
    const standIn = figuresAt(layerOf([failed, { ...ok, batch: 2, source: "estimate" }]), 2);
    assert.equal(standIn.ms?.total, 15);
    assert.deepEqual([standIn.origin, standIn.failure?.status], ["estimate", "oom"]);
  });

  it("add up over layers, without those that failed", () => {
    const times = fc.option(fc.record({ forward: ms(0, 99), inputGrad: fc.option(ms(0, 99), { nil: undefined }), weightGrad: fc.option(ms(0, 99), { nil: undefined }), total: ms(0, 99) }), { nil: undefined });
    fc.assert(fc.property(fc.array(times), (all) => {
      const sum = sumOfTimes(all);
      for (const pass of ["forward", "inputGrad", "weightGrad", "total"] as const) {
        assert.equal(sum[pass] ?? 0, all.reduce((total, one) => total + (one?.[pass] ?? 0), 0), pass);
      }
      assert.equal(sum.inputGrad === undefined, all.every((one) => one?.inputGrad === undefined));
    }), { seed: 5 });
  });
});

describe("how much of a profile is measured", () => {
  it("counts layers with a measured time, and names those without", () => {
    const profile = profileOf({ layers: 8, unmeasured: 3 });
    assert.deepEqual(measuredShare(profile), { layers: 14, forward: 11, withGradients: 8, gradients: 0 });
    assert.deepEqual(unmeasuredLayers(profile), [0, 1, 2].map((index) => ({ component: "unet", layer: `block.${index}` })));
    assert.ok(!isMeasured(profile.components[1].layers[0]) && isMeasured(profile.components[1].layers[3]));
    assert.deepEqual(batchesOf(profile), [1, 2, 4]);
  });

  it("has no layer left out where the whole profile is estimates for another device", () => {
    const profile = profileOf({ unmeasured: 3 });
    assert.deepEqual(unmeasuredLayers({ ...profile, device: { ...profile.device, provider: "estimate" } }), []);
  });

  it("knows how many layers share a measurement", () => {
    const profile = profileOf({ layers: 10 });
    const shared = sharing(profile);
    assert.deepEqual(profile.components.flatMap(({ layers }) => layers.map(shared)), [6, 6, 6, 6, 6, 6, 3, 3, 2, 2, 3, 3, 2, 2, 3, 3]);
    assert.equal(shared({ ...profile.components[0].layers[0], signature: undefined }), 1);
  });
});
