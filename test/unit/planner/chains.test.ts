import { strict as assert } from "node:assert";
import fc from "fast-check";
import { scheduleNames } from "../../../src/model/plan";
import { compilePlan } from "../../../src/plan/compile";
import { predictedFigures } from "../../../src/plan/predict";
import { validatePlan } from "../../../src/plan/validate";
import { joinedCuts } from "../../../src/planner/cuts";
import { partition } from "../../../src/planner/partition/partition";
import { excessOf, shapesOf } from "../../../src/planner/partition/shapes";
import { candidatesOf, planOf } from "../../../src/planner/search/candidates";
import { searchPlan } from "../../../src/planner/search/search";
import { trialsOf } from "../../../src/planner/trials";
import { checkProgram } from "../../../src/schedule/check";
import { contextOf, type Context } from "../../../src/simulate/context";
import { allCuts, base, chainsProfile, clusterOf, type LayerCase } from "./cases";

const layerCase: fc.Arbitrary<LayerCase> = fc.record({ forward: fc.integer({ min: 1, max: 30 }), backward: fc.integer({ min: 2, max: 60 }), launch: fc.constantFrom(0, 0.5), cut: fc.integer({ min: 0, max: 20_000 }) });

function contextWith(chains: readonly (readonly LayerCase[])[], devices: number, memoryBytes = 1e9): Context {
  return contextOf(chainsProfile(chains, [{ forward: 3, backward: 0, launch: 0.2, cut: 1000 }]), clusterOf(devices, { latencyUs: 20, bandwidthGBps: 1 }, true, memoryBytes));
}

describe("search over chains and schedules", () => {
  it("makes sound plans of every schedule, none better than its bound", async () => {
    const cases = fc.sample(fc.array(fc.array(layerCase, { minLength: 8, maxLength: 9 }), { minLength: 1, maxLength: 3 }), { numRuns: 2, seed: 11 });
    for (const chains of cases) {
      const context = contextWith(chains, 4);
      for (const schedule of scheduleNames) {
        const space = { globalBatch: 8, schedules: [schedule], fill: true };
        if (candidatesOf(space, context).length === 0) {
          assert(schedule === "bidirectional" && chains.length === 1);
          continue;
        }
        const { plan, rows } = await searchPlan(base, space, context);
        validatePlan(plan, context.workload, context.devices.length);
        assert.equal(checkProgram(compilePlan(plan, context)), undefined);
        assert.deepEqual(predictedFigures(plan, context), plan.predicted);
        for (const row of rows) if (row.predicted) assert(row.predicted.periodMs >= row.boundMs * (1 - 1e-9), schedule);
        // A search with every candidate held to itself finds nothing better.
        const best = rows[0].predicted?.periodMs ?? 0;
        for (const { stages, microbatches } of new Map(rows.map((row) => [`${row.stages} ${row.microbatches}`, row])).values()) {
          const one = await searchPlan(base, { ...space, stages, microbatches }, context);
          assert(one.plan.predicted.periodMs >= best * (1 - 2e-6), schedule);
        }
      }
    }
  }).timeout(120_000);

  it("cuts two chains in opposite directions nearly as well as exhaustive search", () => {
    let equal = 0;
    let worst = 1;
    const cases = fc.sample(fc.tuple(fc.array(layerCase, { minLength: 4, maxLength: 7 }), fc.array(layerCase, { minLength: 4, maxLength: 6 }), fc.integer({ min: 2, max: 3 }), fc.integer({ min: 1, max: 4 })), { numRuns: 200, seed: 4 });
    for (const [down, up, stages, microbatches] of cases) {
      const context = contextWith([down, up], stages);
      const candidate = { schedule: "bidirectional" as const, stages, microbatches, dataParallel: 1, boundMs: 0 };
      const [downCuts, upCuts] = [down, up].map(({ length }) => allCuts(length, stages));
      const start = planOf(base, candidate, microbatches, joinedCuts([downCuts[0], upCuts[0]]), context.workload);
      const shapes = shapesOf(start, context);
      const trials = trialsOf(start, context);
      const excess = excessOf(start, shapes, context);
      const found = partition(shapes, context, (cuts) => (excess(cuts) <= 0 ? trials.passesMs(cuts) : Infinity), 2000);
      assert(found);
      let best = Infinity;
      for (const one of downCuts) for (const other of upCuts) best = Math.min(best, trials.passesMs(joinedCuts([one, other])));
      worst = Math.max(worst, found.periodMs / best);
      if (found.periodMs <= best * (1 + 1e-9)) equal++;
    }
    assert(equal >= 0.98 * cases.length && worst <= 1.01, `${equal} of ${cases.length}, worst ${worst}`);
  }).timeout(120_000);

  it("keeps within memory where devices hold stages of several chains", async () => {
    const chains = fc.sample(fc.array(fc.array(layerCase, { minLength: 8, maxLength: 8 }), { minLength: 2, maxLength: 2 }), { numRuns: 1, seed: 2 })[0];
    const space = { globalBatch: 8, schedules: ["bidirectional"] as const, fill: false };
    const roomy = await searchPlan(base, space, contextWith(chains, 4));
    const most = Math.max(...roomy.plan.predicted.peakMemoryBytes);
    const limit = Math.floor(most * 0.97);
    const { plan } = await searchPlan(base, space, contextWith(chains, 4, limit));
    assert(plan.predicted.peakMemoryBytes.every((bytes) => bytes <= limit));
    await assert.rejects(searchPlan(base, space, contextWith(chains, 4, 20_000)), /No plan fits/);
  }).timeout(60_000);
});
