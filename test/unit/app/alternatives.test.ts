import assert from "node:assert/strict";
import { alternativesTo } from "../../../src/app/alternatives";
import { predictedFigures } from "../../../src/plan/predict";
import { contextOf } from "../../../src/simulate/context";
import { clusterOf, cutPlan, profileOf } from "../planner/cases";

const trained = [3, 9, 4, 4, 7, 2].map((ms) => ({ forward: ms, backward: 2 * ms, launch: 0.5, cut: 20_000 }));
const frozen = { encoder: { layers: [4, 4, 3].map((ms) => ({ forward: ms, backward: 0, launch: 0.5, cut: 1000 })) } };

describe("alternatives to a plan", () => {
  it("are ranked, with plans that are what their rows say, and count what was left out", async () => {
    const context = contextOf(profileOf(trained, frozen), clusterOf(4, { latencyUs: 20, bandwidthGBps: 5 }));
    const plan = cutPlan(context, { schedule: "1f1b", stages: 2, microbatches: 4, dataParallel: 2, samples: 1 });
    const progress: number[] = [];
    const { best, simulated, left } = await alternativesTo(plan, context, { onProgress: (done, all) => progress.push(done / all) });
    assert.deepEqual(progress, [...progress].sort((a, b) => a - b));
    assert.equal(progress.at(-1), 1);
    for (const schedule of ["ddp", "1f1b", "gpipe", "zb-h1"]) assert.ok(simulated.some(({ row }) => row.schedule === schedule), schedule);
    assert.ok(left.pruned > 0);
    const periods = simulated.map(({ row }) => row.predicted?.periodMs ?? NaN);
    assert.deepEqual(periods, [...periods].sort((a, b) => a - b));
    assert.equal(best.periodMs, simulated.find(({ row }) => row.runnable)?.row.predicted?.periodMs ?? periods[0]);
    for (const { row, plan: own } of simulated.slice(0, 12)) {
      assert.ok(own);
      assert.deepEqual([own.schedule.name, own.chains[0].stages.length, own.batch.microbatches, own.dataParallel], [row.schedule, row.stages, row.microbatches, row.dataParallel]);
      assert.equal(own.batch.global, plan.batch.global);
      assert.ok(Math.abs(predictedFigures(own, context).periodMs - (row.predicted?.periodMs ?? 0)) <= 1e-6 * own.predicted.periodMs);
    }
  });
});
