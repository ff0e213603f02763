import { strict as assert } from "node:assert";
import fc from "fast-check";
import { Cancelled, UserError } from "../../../src/model/errors";
import { baselines } from "../../../src/planner/baselines/baselines";
import { fsdpPlan, peakOf, simulateSharded } from "../../../src/planner/baselines/fsdp";
import { contextOf } from "../../../src/simulate/context";
import { base, clusterOf, free, profileOf, type LayerCase } from "./cases";

/** Layers of equal weights, so that units of one layer are units of equal weights. */
const layerCases: fc.Arbitrary<readonly LayerCase[]> = fc
  .tuple(fc.array(fc.tuple(fc.integer({ min: 1, max: 20 }), fc.integer({ min: 1, max: 40 })), { minLength: 1, maxLength: 6 }), fc.integer({ min: 1, max: 40 }))
  .map(([times, thousands]) => times.map(([forward, backward]) => ({ forward, backward, launch: 0, cut: 1000, params: 4000 * thousands })));

const encoder = { text: { layers: [{ forward: 5, backward: 0, launch: 0, cut: 100 }] } };

/** Two streams by hand: passes in order, each after its weights; gathers one pass ahead, and scatters, in the order in which they are asked for. */
function byHand(layers: readonly LayerCase[], frozenMs: number, microbatches: number, devices: number, gigabytesPerSecond: number, optimizerMs: number): number {
  const ringMs = (bytes: number) => ((devices - 1) * bytes) / devices / (gigabytesPerSecond * 1e6);
  const each = [...layers.keys()];
  const uses = Array.from({ length: microbatches }, () => [...each.map((l) => ({ l, back: false })), ...each.toReversed().map((l) => ({ l, back: true }))]).flat();
  let [compute, link, period] = [0, 0, 0];
  for (let iteration = 0; iteration < 4; iteration++) {
    const from = compute;
    const there: number[] = [];
    const gather = (k: number) => {
      if (k >= uses.length) return;
      if (k > 0 && uses[k].l === uses[k - 1].l) there[k] = 0;
      else there[k] = link = Math.max(link, compute) + ringMs(layers[uses[k].l].params ?? 0);
    };
    gather(0);
    compute += frozenMs;
    uses.forEach(({ l, back }, k) => {
      gather(k + 1);
      compute = Math.max(compute, there[k]) + (back ? layers[l].backward : layers[l].forward);
      if (back) link = Math.max(link, compute) + ringMs(layers[l].params ?? 0);
    });
    compute = Math.max(compute, link) + optimizerMs;
    period = compute - from;
  }
  return period;
}

describe("fully sharded data parallelism", () => {
  it("takes what its two streams take, for any layers, links and micro-batches", () => {
    fc.assert(
      fc.property(layerCases, fc.integer({ min: 1, max: 4 }), fc.constantFrom(1, 2, 4), fc.constantFrom(1e-4, 1e-3, 1e-2, 1e9), (layers, microbatches, devices, bandwidthGBps) => {
        const context = contextOf(profileOf(layers, encoder), clusterOf(devices, { latencyUs: 0, bandwidthGBps }));
        const { periodMs } = simulateSharded(base, devices * microbatches, context, { microbatches, group: devices, units: layers.length, recompute: false });
        const parameters = layers.reduce((sum, { params = 0 }) => sum + params, 0);
        // Weights and gradients of 4 bytes, two states of 4: read and written once, at 1,000 GB/s.
        const optimizerMs = (2 * parameters + parameters + 2 * 2 * parameters) / devices / 1e9;
        const expected = byHand(layers, 5 * microbatches, microbatches, devices, bandwidthGBps, optimizerMs);
        assert(Math.abs(periodMs - expected) <= 1e-6 * expected, `${periodMs} ${expected}`);
      }),
      { numRuns: 300, seed: 11 },
    );
  });

  const heavy = [3, 9, 4, 4].map((ms) => ({ forward: ms, backward: 2 * ms, launch: 0, cut: 100, params: 8e6 }));

  it("is data parallelism where links cost nothing; where they decide, weights that are gathered twice cost more", async () => {
    const contextAt = (bandwidthGBps: number) => contextOf(profileOf(heavy, encoder), clusterOf(4, { latencyUs: 0, bandwidthGBps }));
    const at = async (bandwidthGBps: number) => {
      const [ddp, fsdp] = await baselines(base, 16, contextAt(bandwidthGBps), ["DDP", "FSDP"]);
      assert("predicted" in ddp.result && "predicted" in fsdp.result);
      return { ddp: ddp.result.predicted.periodMs, fsdp: fsdp.result.predicted.periodMs };
    };
    const fast = await at(1e9);
    // The optimizer works on a quarter of the state.
    assert(fast.fsdp <= fast.ddp && fast.fsdp > 0.99 * fast.ddp);
    const slow = await at(0.01);
    const layerByLayer = simulateSharded(base, 16, contextAt(0.01), { microbatches: 1, group: 4, units: 4, recompute: false });
    assert(layerByLayer.periodMs > 1.2 * slow.ddp);
    // All weights at once are gathered while frozen work runs, and then are there for both passes.
    assert(slow.fsdp < slow.ddp && slow.fsdp > slow.ddp - 4 * 5 - 1);
  });

  it("fits where whole states do not, sharded by node where nodes are far apart", async () => {
    const state = 4 * 8e6 * (1 + 1 + 2);
    const small = contextOf(profileOf(heavy, encoder), clusterOf(4, free, true, state / 2));
    const [ddp, fsdp] = await baselines(base, 16, small, ["DDP", "FSDP"]);
    assert("reason" in ddp.result && "predicted" in fsdp.result, "all state on one device is too much");
    assert(fsdp.result.predicted.peakMemoryBytes.every((bytes) => bytes <= state / 2 && bytes >= state / 4));
    assert.notEqual(fsdp.result.runnable, true);
    const none = contextOf(profileOf(heavy, encoder), clusterOf(4, free, true, 1e6));
    await assert.rejects(fsdpPlan(base, 16, none), (error) => error instanceof UserError && /MB are missing/.test(error.message));
    const sharding = { microbatches: 1, units: 4, recompute: false };
    const cluster = clusterOf(4, { latencyUs: 0, bandwidthGBps: 1e9 });
    const nodes = { ...cluster, nodeGroups: [{ ...cluster.nodeGroups[0], count: 2, devicesPerNode: 2 }], interNode: { latencyUs: 0, bandwidthGBps: 0.5 } };
    const far = contextOf(profileOf(heavy, encoder), nodes);
    assert(simulateSharded(base, 16, far, { ...sharding, group: 2 }).periodMs < simulateSharded(base, 16, far, { ...sharding, group: 4 }).periodMs);
    assert(peakOf(base, 16, far, { ...sharding, group: 2 }) > peakOf(base, 16, far, { ...sharding, group: 4 }));
    assert((await fsdpPlan(base, 16, far)).predicted.periodMs <= simulateSharded(base, 16, far, { ...sharding, group: 2 }).periodMs);
  });

  it("computes activations again where nothing else fits, and can be cancelled", async () => {
    const layers = heavy.map((one) => ({ ...one, params: 4000, saved: 1e6 }));
    const context = contextOf(profileOf(layers), clusterOf(2, free, true, 3e6));
    const plan = await fsdpPlan(base, 2, context);
    assert.equal(plan.recompute, true);
    assert(plan.predicted.periodMs >= 20 + 40 + 20 - 1e-6);
    await assert.rejects(fsdpPlan(base, 2, context, { signal: AbortSignal.abort() }), Cancelled);
  });
});
