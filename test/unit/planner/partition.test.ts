import { strict as assert } from "node:assert";
import { compilePlan } from "../../../src/plan/compile";
import { bestCuts } from "../../../src/planner/partition/dynamic";
import { partition } from "../../../src/planner/partition/partition";
import { simulationBudget } from "../../../src/planner/partition/refine";
import { shapesOf } from "../../../src/planner/partition/shapes";
import { stageCosts } from "../../../src/planner/partition/stageCosts";
import { contextOf } from "../../../src/simulate/context";
import { simulate } from "../../../src/simulate/engine";
import { allCuts, clusterOf, planAt, profileOf, type Kind } from "./cases";

/** Numerical Recipes' quick generator: the same cases on every machine. */
function generator(seed: number): () => number {
  let state = seed;
  return () => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) / 2 ** 32;
}

describe("partition", () => {
  it("equals exhaustive search by simulation on small cases, nearly always", () => {
    const random = generator(1);
    const cases = 150;
    let equal = 0;
    let worst = 1;
    for (let i = 0; i < cases; i++) {
      const layers = 4 + Math.floor(random() * 7);
      const stages = 2 + Math.floor(random() * 3);
      const heavy = () => 1 + 20 * random() ** -0.5; // a heavy tail: now and then one layer outweighs the others
      const trained = Array.from({ length: layers }, () => ({ forward: heavy(), backward: 2 * heavy(), launch: random(), cut: random() * 4e6 }));
      const kind: Kind = { schedule: random() < 0.5 ? "1f1b" : "gpipe", stages, microbatches: 1 + Math.floor(random() * 8), dataParallel: random() < 0.3 ? 2 : 1, samples: 1 };
      const context = contextOf(profileOf(trained), clusterOf(stages * kind.dataParallel, { latencyUs: 50, bandwidthGBps: random() < 0.5 ? 0.2 : 20 }, random() < 0.7));
      const period = (cuts: readonly number[]) => simulate(compilePlan(planAt(context, kind, cuts), context), context).periodMs;
      const found = partition(shapesOf(planAt(context, kind, []), context), context, period, simulationBudget(kind))!.periodMs;
      const best = Math.min(...allCuts(layers, stages).map(period));
      assert(found >= best * (1 - 1e-9), "exhaustive search missed a cut");
      if (found <= best * (1 + 1e-9)) equal++;
      worst = Math.max(worst, found / best);
    }
    assert(equal >= 0.98 * cases && worst <= 1.01, `${equal} of ${cases} equal, worst ${worst}`);
  }).timeout(20_000);

  it("stays within memory, and says when nothing does", () => {
    const trained = Array.from({ length: 6 }, () => ({ forward: 1, backward: 2, launch: 0, cut: 100 }));
    const kind: Kind = { schedule: "1f1b", stages: 3, microbatches: 4, dataParallel: 1, samples: 2 };
    // A layer has 4000 bytes of weights, as many of gradients, 8000 of states, and saves 200 per micro-batch.
    const cutsAt = (memoryBytes: number) => {
      const context = contextOf(profileOf(trained), clusterOf(3, { latencyUs: 1, bandwidthGBps: 10 }, true, memoryBytes));
      const [shape] = shapesOf(planAt(context, kind, []), context);
      return bestCuts(shape, stageCosts(shape, context), context);
    };
    assert.deepEqual(cutsAt(1e6), [0, 2, 4, 6]);
    assert.deepEqual(cutsAt(2 * 16_000 + 3 * 2 * 200), [0, 2, 4, 6]);
    assert.equal(cutsAt(2 * 16_000 + 3 * 2 * 200 - 1), undefined);
  });
});
