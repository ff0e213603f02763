import { strict as assert } from "node:assert";
import fc from "fast-check";
import type { Cluster } from "../../../src/model/cluster";
import { compilePlan } from "../../../src/plan/compile";
import { cutsOf } from "../../../src/planner/cuts";
import { afterPasses, bestFills, fillPlan, withoutFilling, type Filled } from "../../../src/planner/fill/fill";
import { trialsOf } from "../../../src/planner/trials";
import { checkProgram } from "../../../src/schedule/check";
import { contextOf, type Context } from "../../../src/simulate/context";
import { memoryUse } from "../../../src/simulate/memory";
import { clusterOf, cutPlan, free, problem, profileOf } from "./cases";
import { assertRunsOnce } from "./frozenOrder";

const peakOf = ({ program, simulation }: Filled, context: Context) => Math.max(...memoryUse(program, context, simulation).map(({ peakBytes }) => peakBytes));

const withMemory = (cluster: Cluster, memoryBytes: number): Cluster => ({ ...cluster, nodeGroups: cluster.nodeGroups.map((group) => ({ ...group, device: { ...group.device, memoryBytes } })) });

/** Problems whose fills take more memory than frozen work in a block, and devices with something between the two. */
const tight = fc
  .tuple(problem, fc.constantFrom(0.2, 0.5, 0.8))
  .map(([{ plan, context, profile, cluster }, share]) => {
    const unaware = fillPlan(plan, context, true);
    const blocks = [withoutFilling(plan, context), afterPasses(plan, context)];
    const least = Math.min(...blocks.map((block) => peakOf(block, context)));
    const most = peakOf(unaware, context);
    return { plan, unaware, blocks, least, most, context: contextOf(profile, withMemory(cluster, least + share * (most - least))), roomy: contextOf(profile, withMemory(cluster, most)) };
  })
  .filter(({ least, most }) => most > least);

const runs = { numRuns: 30, seed: 17 };

describe("filling with little memory", () => {
  it("fits wherever a block of frozen work does, and is no slower than that", () => {
    let shorter = 0;
    let cases = 0;
    fc.assert(
      fc.property(tight, ({ plan, context, blocks, unaware, most }) => {
        const usable = context.devices[0].kind.memoryBytes;
        assert(most > usable && peakOf(unaware, context) > usable, "what an unaware search finds does not fit");
        const filled = fillPlan(plan, context, true);
        assert(peakOf(filled, context) <= usable);
        const blockMs = Math.min(...blocks.filter((block) => peakOf(block, context) <= usable).map(({ simulation }) => simulation.periodMs));
        assert(filled.simulation.periodMs <= blockMs * (1 + 1e-9), `${filled.simulation.periodMs}, a block ${blockMs}`);
        assert(filled.simulation.periodMs >= unaware.simulation.periodMs * 0.9, "less memory is no help");
        if (unaware.simulation.periodMs > 0.99 * blockMs) return;
        cases++;
        if (filled.simulation.periodMs < 0.99 * blockMs) shorter++;
      }),
      runs,
    );
    assert(shorter > 0.3 * cases, `shorter than a block in ${shorter} of ${cases}`);
  });

  it("runs each frozen layer of each sample once, after the layers it needs", () => {
    fc.assert(
      fc.property(tight, fc.boolean(), ({ plan, context }, thorough) => {
        const filled = fillPlan(plan, context, thorough);
        assertRunsOnce(filled.plan, context);
        assert.equal(checkProgram(compilePlan(filled.plan, context)), undefined);
      }),
      runs,
    );
  });

  it("takes no fills of a first pipeline that do not fit", () => {
    let found = 0;
    fc.assert(
      fc.property(tight, fc.boolean(), ({ plan, context }, thorough) => {
        const trials = trialsOf(plan, context);
        const { fills, periodMs } = bestFills(plan, context, trials, thorough);
        if (periodMs === Infinity) return;
        const filled = trials.filled(cutsOf(plan), fills);
        assert.equal(periodMs, filled.periodMs);
        for (const { peakBytes } of trials.memory(cutsOf(plan), filled)) assert(peakBytes <= context.devices[0].kind.memoryBytes);
        found++;
      }),
      runs,
    );
    assert(found > 0.3 * runs.numRuns, `${found}`);
  });

  it("changes nothing where what is found without limits fits", () => {
    fc.assert(
      fc.property(tight, ({ plan, roomy, unaware }) => assert.deepEqual(fillPlan(plan, roomy, true).plan.fills, unaware.plan.fills)),
      runs,
    );
  });

  it("fills bubbles a few samples at a time where activations of all would not fit", () => {
    // A VAE's shape: what lies between the first layers is large, what comes out is small.
    const trained = Array.from({ length: 4 }, () => ({ forward: 10, backward: 20, launch: 0, cut: 0, saved: 1e6 }));
    const frozen = { image: { layers: [3e7, 3e7, 8e6, 1e6, 1e3, 1e3].map((cut) => ({ forward: 2, backward: 0, launch: 0, cut })) } };
    const profile = profileOf(trained, frozen);
    // Over a link that costs nothing devices may share samples; over a slow one each has its own.
    for (const link of [free, { latencyUs: 20, bandwidthGBps: 0.02 }]) {
      const at = (memoryBytes: number) => {
        const context = contextOf(profile, clusterOf(4, link, true, memoryBytes));
        const plan = cutPlan(context, { schedule: "1f1b", stages: 4, microbatches: 4, dataParallel: 1, samples: 4 }, 1);
        return { context, plan, filled: fillPlan(plan, context, true) };
      };
      const [roomy, tightly] = [at(1e9), at(6e7)];
      for (const unaware of [roomy.filled, withoutFilling(roomy.plan, roomy.context), afterPasses(roomy.plan, roomy.context)]) assert(peakOf(unaware, roomy.context) > 1e8);
      assert(peakOf(tightly.filled, tightly.context) <= 6e7);
      assert(roomy.filled.simulation.periodMs < 0.99 * withoutFilling(roomy.plan, roomy.context).simulation.periodMs, "filling is worth it");
      assert(tightly.filled.simulation.periodMs < 1.001 * roomy.filled.simulation.periodMs, `${tightly.filled.simulation.periodMs}, with all memory ${roomy.filled.simulation.periodMs}`);
    }
  });
});
