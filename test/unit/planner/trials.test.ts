import { strict as assert } from "node:assert";
import fc from "fast-check";
import type { Fill } from "../../../src/model/plan";
import { compilePlan } from "../../../src/plan/compile";
import { fillReport } from "../../../src/plan/fillReport";
import { pipelineSamples } from "../../../src/plan/frozenWork";
import { allPipelines } from "../../../src/plan/placement";
import { bestFills, fillPlan, withoutFilling } from "../../../src/planner/fill/fill";
import { mostFillBytes } from "../../../src/planner/fill/room";
import { mergeFills } from "../../../src/planner/fill/merge";
import { cutsOf, withCuts } from "../../../src/planner/cuts";
import { forPipelines, trialsOf } from "../../../src/planner/trials";
import { contextOf } from "../../../src/simulate/context";
import { simulate } from "../../../src/simulate/engine";
import { memoryUse } from "../../../src/simulate/memory";
import { clusterOf, cutPlan, free, problem, profileOf } from "./cases";

const runs = { numRuns: 60, seed: 31 };

describe("quick looks", () => {
  it("give the period and the memory that the whole program has, at any cuts, with and without fills", () => {
    fc.assert(
      fc.property(problem, fc.nat(), ({ plan, context }, turn) => {
        const trials = trialsOf(plan, context);
        const layers = context.workload.chains[0].layers.length;
        const stages = plan.chains[0].stages.length;
        // Cuts far from the plan's own: the first or the last stage takes all it can.
        const lopsided = Array.from({ length: stages + 1 }, (_, s) => (turn % 2 ? (s === 0 ? 0 : layers - stages + s) : s === stages ? layers : s));
        for (const cuts of [cutsOf(plan), lopsided]) {
          const at = withCuts(plan, cuts);
          const whole = simulate(compilePlan(at, context), context);
          const isNear = (found: number, expected: number) => assert(Math.abs(found - expected) <= 1e-9 * Math.max(1, expected), `${found}, not ${expected}`);
          isNear(trials.passesMs(cuts), whole.periodMs);
          isNear(trials.passes(cuts).bubbleRatio, whole.bubbleRatio);
          const { fills, periodMs } = bestFills(at, context, trials, false);
          const filled = compilePlan({ ...at, fills: forPipelines(at, fills, allPipelines(at)) }, context);
          const simulation = simulate(filled, context);
          isNear(periodMs, simulation.periodMs);
          const quick = trials.filled(cuts, fills);
          const uses = trials.memory(cuts, quick);
          memoryUse(filled, context, simulation).forEach(({ baseBytes, peakBytes }, rank) => {
            if (quick.graph.present.includes(rank)) assert.deepEqual([uses[rank].baseBytes, uses[rank].peakBytes], [baseBytes, peakBytes]);
            assert(peakBytes <= context.devices[rank].kind.memoryBytes + trials.excessBytes(cuts) + mostFillBytes(context.workload, pipelineSamples(at, 0)[1]));
          });
        }
      }),
      runs,
    );
  });
});

describe("quick looks at orders that depend on times", () => {
  it("give the period that the whole program has, cuts in any order", () => {
    fc.assert(
      fc.property(problem, fc.constantFrom("zb-h1" as const, "zb-h2" as const), ({ plan: { schedule: _, ...rest }, context }, name) => {
        const plan = { ...rest, schedule: { name } };
        const trials = trialsOf(plan, context);
        const layers = context.workload.chains[0].layers.length;
        const stages = plan.chains[0].stages.length;
        const lopsided = Array.from({ length: stages + 1 }, (_, s) => (s === 0 ? 0 : layers - stages + s));
        for (const cuts of [cutsOf(plan), lopsided, cutsOf(plan)]) {
          const { periodMs } = simulate(compilePlan(withCuts(plan, cuts), context), context);
          assert(Math.abs(trials.passes(cuts).periodMs - periodMs) <= 1e-9 * periodMs);
        }
      }),
      runs,
    );
  });
});

describe("merged fills", () => {
  const at = (from: number, to: number, samples: readonly [number, number], component = "text", microbatch = 0): Fill => ({ component, from, to, samples, device: 0, before: { op: "F", chain: "main", stage: 0, microbatch } });

  const always = () => true;

  it("join following layers and neighbouring samples before one operation, and nothing else", () => {
    assert.deepEqual(mergeFills([at(0, 2, [0, 4]), at(0, 1, [0, 4], "image"), at(2, 3, [0, 4])], always), [at(0, 3, [0, 4]), at(0, 1, [0, 4], "image")]);
    assert.deepEqual(mergeFills([at(0, 2, [0, 4]), at(0, 2, [4, 6])], always), [at(0, 2, [0, 6])]);
    const apart = [at(0, 2, [0, 4]), at(2, 3, [0, 4], "text", 1), at(2, 3, [4, 6], "text", 1), at(4, 5, [0, 6], "text", 1), at(0, 2, [0, 3], "image"), at(0, 2, [4, 6], "image")];
    assert.deepEqual(mergeFills(apart, always), [apart[0], at(2, 3, [0, 6], "text", 1), ...apart.slice(3)]);
  });

  it("stay several calls where one would be slower", () => {
    const fills = [at(0, 2, [0, 4]), at(0, 2, [4, 8]), at(0, 2, [8, 10])];
    assert.deepEqual(mergeFills(fills, ({ samples }) => samples[1] - samples[0] <= 6), [fills[0], at(0, 2, [4, 10])]);
  });
});

describe("fill report", () => {
  it("counts what bubbles hold: all of what fits, nothing of what runs before the passes", () => {
    const trained = Array.from({ length: 4 }, () => ({ forward: 10, backward: 20, launch: 0, cut: 0 }));
    const context = contextOf(profileOf(trained, { text: { layers: Array.from({ length: 3 }, () => ({ forward: 1, backward: 0, launch: 0, cut: 0 })) } }), clusterOf(4, free));
    const plan = cutPlan(context, { schedule: "1f1b", stages: 4, microbatches: 4, dataParallel: 1, samples: 4 }, 1);
    const filled = fillReport(fillPlan(plan, context, true).plan, context);
    assert(filled.share > 0.999, `${filled.share}`);
    assert(Math.abs(filled.devices.reduce((ms, { frozenMs }) => ms + frozenMs, 0) - 48) < 1e-6);
    assert.equal(fillReport(withoutFilling(plan, context).plan, context).share, 0);
    assert.equal(fillReport(plan, context).share, 0);
  });

  it("a fill longer than its bubble is hidden as far as the bubble goes", () => {
    const trained = [{ forward: 10, backward: 20, launch: 0, cut: 0 }, { forward: 10, backward: 20, launch: 0, cut: 0 }];
    const context = contextOf(profileOf(trained, { text: { layers: [{ forward: 25, backward: 0, launch: 0, cut: 0 }] } }), clusterOf(2, free));
    const plan = cutPlan(context, { schedule: "gpipe", stages: 2, microbatches: 2, dataParallel: 1, samples: 1 });
    // The first stage waits from its last forward pass (20) to the first gradient (10 + 2 * 10 + 20).
    const before = { op: "B" as const, chain: "main", stage: 0, microbatch: 0 };
    const fills = [0, 1].map((sample) => ({ component: "text", from: 0, to: 1, samples: [sample, sample + 1] as const, device: 0, before }));
    const report = fillReport({ ...plan, fills }, context);
    assert.equal(report.partialFills, 2);
    assert(Math.abs(report.devices[0].frozenMs - 50) < 1e-6);
    assert(Math.abs(report.devices[0].hiddenMs - 30) < 1e-3, `${report.devices[0].hiddenMs}`);
    assert(Math.abs(report.share - 0.6) < 1e-4);
  });

  it("work before an optimizer that nobody waits for is hidden by the bubble after it", () => {
    const trained = [{ forward: 10, backward: 20, launch: 0, cut: 0 }, { forward: 10, backward: 20, launch: 0, cut: 0 }];
    const context = contextOf(profileOf(trained, { text: { layers: [{ forward: 25, backward: 0, launch: 0, cut: 0 }] } }), clusterOf(2, free));
    const hidden = (maxGradNorm?: number) => {
      const plan = cutPlan(context, { schedule: "1f1b", stages: 2, microbatches: 1, dataParallel: 1, samples: 4 }, maxGradNorm);
      return fillReport({ ...plan, fills: [{ component: "text", from: 0, to: 1, samples: [0, 4] as const, device: 1, before: { op: "OPTIM" } }] }, context).devices[1].hiddenMs;
    };
    // After its last pass the second stage idles for 80 ms until the first has ended its own, and 40 ms more until the next
    // forward pass reaches it. A norm starts after those 80 ms; the 100 ms of frozen work would hold it up.
    assert(Math.abs(hidden() - 100) < 1e-3 && Math.abs(hidden(1) - 80) < 1e-3, `${hidden()} ${hidden(1)}`);
  });
});
