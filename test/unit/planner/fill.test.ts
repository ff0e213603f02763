import { strict as assert } from "node:assert";
import fc from "fast-check";
import { compilePlan } from "../../../src/plan/compile";
import { fillPlan, withoutFilling } from "../../../src/planner/fill/fill";
import type { Plan } from "../../../src/model/plan";
import { fillReport } from "../../../src/plan/fillReport";
import { fillBound } from "../../../src/planner/fill/bound";
import { cutsOf } from "../../../src/planner/cuts";
import { trialsOf } from "../../../src/planner/trials";
import { checkProgram } from "../../../src/schedule/check";
import { isComputing, simulate } from "../../../src/simulate/engine";
import { contextOf, type Context } from "../../../src/simulate/context";
import { clusterOf, cutPlan, free, problem, profileOf } from "./cases";
import { assertRunsOnce } from "./frozenOrder";

const runs = { numRuns: 60, seed: 11 };

describe("filling", () => {
  it("runs each frozen layer of each sample once, after the layers it needs", () => {
    fc.assert(
      fc.property(problem, ({ plan, context }) => {
        for (const { plan: filled } of [fillPlan(plan, context, false), fillPlan(plan, context, true), withoutFilling(plan, context)]) {
          assertRunsOnce(filled, context);
        }
      }),
      runs,
    );
  });

  it("never lengthens the period", () => {
    fc.assert(
      fc.property(problem, ({ plan, context }) => {
        for (const thorough of [false, true]) assert(fillPlan(plan, context, thorough).simulation.periodMs <= withoutFilling(plan, context).simulation.periodMs);
      }),
      runs,
    );
  });

  it("gives programs that pass the static check", () => {
    fc.assert(
      fc.property(problem, ({ plan, context }) => {
        for (const { plan: made } of [fillPlan(plan, context, false), fillPlan(plan, context, true), withoutFilling(plan, context)]) assert.equal(checkProgram(compilePlan(made, context)), undefined);
      }),
      runs,
    );
  });

  it("hides frozen work that fits into the bubbles", () => {
    // Four equal stages, four micro-batches, a barrier: 3 of 7 slots idle. Frozen work of an eighth of that must vanish.
    const trained = Array.from({ length: 4 }, () => ({ forward: 10, backward: 20, launch: 0, cut: 0 }));
    const context = contextOf(profileOf(trained, { text: { layers: Array.from({ length: 3 }, () => ({ forward: 1, backward: 0, launch: 0, cut: 0 })) } }), clusterOf(4, free));
    const plan = cutPlan(context, { schedule: "1f1b", stages: 4, microbatches: 4, dataParallel: 1, samples: 4 }, 1);
    const unhidden = withoutFilling(plan, context).simulation.periodMs;
    const hidden = fillPlan(plan, context, true).simulation.periodMs;
    assert(Math.abs(hidden - 7 * 120) < 1e-2, `${hidden}`);
    assert(unhidden > hidden + 10);
  });

  it("does not depend on the fills that a plan has", () => {
    fc.assert(
      fc.property(problem, ({ plan, context }) => {
        const filled = fillPlan(plan, context, false).plan;
        assert.deepEqual(fillPlan(filled, context, false).plan.fills, filled.fills);
      }),
      runs,
    );
  });

  it("is never below the bound, and near it where frozen work is more than the bubbles hold", () => {
    fc.assert(
      fc.property(problem, ({ plan, context }) => {
        const { ranks, passes } = firstPipeline(plan, context);
        const bound = fillBound(context, passes, ranks, plan.batch.global / plan.dataParallel);
        assert(fillPlan(plan, context, true).simulation.periodMs >= bound * (1 - 1e-9));
      }),
      { ...runs, numRuns: 30 },
    );
    // Two stages, two micro-batches: a third of the iteration idles on each device. Frozen work of half of all passes.
    const trained = Array.from({ length: 8 }, () => ({ forward: 5, backward: 10, launch: 0, cut: 0 }));
    for (const after of [[], ["text"]]) {
      const frozen = { text: { layers: Array.from({ length: 4 }, () => ({ forward: 1, backward: 0, launch: 0, cut: 0 })) }, image: { layers: Array.from({ length: 12 }, () => ({ forward: 7, backward: 0, launch: 0, cut: 0 })), after } };
      const context = contextOf(profileOf(trained, frozen), clusterOf(2, free));
      const plan = cutPlan(context, { schedule: "1f1b", stages: 2, microbatches: 2, dataParallel: 1, samples: 8 });
      const { ranks, passes } = firstPipeline(plan, context);
      const bound = fillBound(context, passes, ranks, 16);
      assert(bound > passes.periodMs * 1.1, "more frozen work than bubbles");
      const filled = fillPlan(plan, context, true);
      assert(filled.simulation.periodMs < bound * 1.02, `${filled.simulation.periodMs}, bound ${bound}`);
      const report = fillReport(filled.plan, context);
      for (const { hiddenMs } of report.devices) assert(hiddenMs > 0.9 * (passes.periodMs - passes.busyMs[0]), JSON.stringify(report));
    }
  });

  it("runs frozen work in the batches that are fastest", () => {
    const trained = Array.from({ length: 4 }, () => ({ forward: 10, backward: 20, launch: 0, cut: 0 }));
    const profile = profileOf(trained, { image: { layers: [{ forward: 10, backward: 0, launch: 0, cut: 0 }] } });
    // Twice as slow per sample beyond four samples.
    const components = profile.components.map((component) => (component.name === "image" ? { ...component, layers: component.layers.map((layer) => ({ ...layer, times: [1, 2, 4, 8, 16].map((batch) => ({ batch, forwardMs: 10 * batch * (batch > 4 ? 2 : 1), inputGradMs: 0, weightGradMs: 0, source: "measured" as const })) })) } : component));
    const context = contextOf({ ...profile, components }, clusterOf(2, free));
    const plan = cutPlan(context, { schedule: "1f1b", stages: 2, microbatches: 2, dataParallel: 1, samples: 8 });
    for (const { plan: made, simulation } of [fillPlan(plan, context, true), withoutFilling(plan, context)]) {
      const passes = firstPipeline(plan, context).passes;
      const frozenMs = [0, 1].reduce((ms, rank) => ms + simulation.busyMs[rank] - passes.busyMs[rank], 0);
      assert(Math.abs(frozenMs - 160) < 1e-6, `${frozenMs} ms for ${JSON.stringify(made.fills)}`);
    }
  });

  it("leaves as much of each bubble free as it is told to, and short ones whole", () => {
    let filledGaps = 0;
    fc.assert(
      fc.property(problem, fc.constantFrom(0.2, 0.5, 0.8), fc.double({ min: 0, max: 200, noNaN: true }), fc.boolean(), ({ plan, context }, margin, smallestMs, thorough) => {
        const { plan: filled } = fillPlan(plan, context, thorough, { margin, smallestMs });
        if (filled.fills.every(({ iteration }) => iteration === 0)) return; // not filling was better
        const room = idleBefore({ ...plan, fills: [] }, context);
        filledBefore(filled, context).forEach((ms, pass) => {
          const idleMs = room.get(pass) ?? 0;
          assert(ms <= idleMs * (1 - margin) + 1e-6, `${pass}: ${ms} of ${idleMs} ms`);
          assert(idleMs >= smallestMs - 1e-6, `${pass}: ${idleMs} ms`);
          filledGaps++;
        });
      }),
      runs,
    );
    assert(filledGaps > 20, `${filledGaps}`);
    // More small layers than the bubbles hold: a margin leaves what it says and hardly more.
    const trained = Array.from({ length: 4 }, () => ({ forward: 10, backward: 20, launch: 0, cut: 0 }));
    const context = contextOf(profileOf(trained, { image: { layers: Array.from({ length: 150 }, () => ({ forward: 1, backward: 0, launch: 0, cut: 0 })) } }), clusterOf(4, free));
    const plan = cutPlan(context, { schedule: "1f1b", stages: 4, microbatches: 4, dataParallel: 1, samples: 4 }, 1);
    const idleMs = [...idleBefore(plan, context).values()].reduce((sum, ms) => sum + ms, 0);
    const shareAt = (margin: number) => [...filledBefore(fillPlan(plan, context, false, { margin }).plan, context).values()].reduce((sum, ms) => sum + ms, 0) / idleMs;
    assert(shareAt(0) > 0.9 && shareAt(0.5) > 0.4 && shareAt(0.5) <= 0.5 + 1e-9, `${shareAt(0)}, ${shareAt(0.5)}`);
  });
});

/** Per pass (its rank and place among the rank's passes), the ms that `count` finds before it. */
function beforePasses(plan: Plan, context: Context, count: (op: "FILL" | "pass", ms: number, idleMs: number) => number): ReadonlyMap<string, number> {
  const { graph, last, previous } = simulate(compilePlan(plan, context), context);
  const found = new Map<string, number>();
  plan.chains[0].stages.flatMap(({ devices }) => devices).forEach((rank) => {
    let free = previous.end[graph.lastOnRank[rank]];
    let sum = 0;
    let passes = 0;
    graph.operations.forEach((op, i) => {
      if (graph.rank[i] !== rank || !isComputing(op)) return;
      sum += count(op.op === "FILL" ? "FILL" : "pass", graph.ms[i], last.start[i] - free);
      if (op.op === "F" || op.op === "B") {
        if (sum > 0) found.set(`rank ${rank}, pass ${passes}`, sum);
        passes++;
        sum = 0;
      } else if (op.op !== "FILL") sum = 0;
      free = last.end[i];
    });
  });
  return found;
}

/** Idle time of a plan without fills; what messages hold up is not told from it. */
function idleBefore(plan: Plan, context: Context): ReadonlyMap<string, number> {
  return beforePasses(plan, context, (_, __, idleMs) => idleMs);
}

function filledBefore(plan: Plan, context: Context): ReadonlyMap<string, number> {
  return beforePasses(plan, context, (op, ms) => (op === "FILL" ? ms : 0));
}

function firstPipeline(plan: Plan, context: Context) {
  return { ranks: plan.chains[0].stages.map((stage) => stage.devices[0]), passes: trialsOf(plan, context).passes(cutsOf(plan)) };
}
