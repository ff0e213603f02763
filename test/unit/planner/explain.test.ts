import { strict as assert } from "node:assert";
import fc from "fast-check";
import { ablation, explainPeriod, explanationText } from "../../../src/planner/explain/explain";
import { differenceOf, differenceText } from "../../../src/planner/explain/difference";
import { fillPlan } from "../../../src/planner/fill/fill";
import { contextOf } from "../../../src/simulate/context";
import { clusterOf, cutPlan, free, problem, profileOf, type Kind } from "./cases";

const trained = [3, 9, 4, 4, 7, 2, 5, 6].map((ms) => ({ forward: ms, backward: 2 * ms, launch: 0.5, cut: 20_000 }));
const kind: Kind = { schedule: "1f1b", stages: 2, microbatches: 4, dataParallel: 2, samples: 1 };

describe("what a period is made of", () => {
  it("adds up, whatever the plan", () => {
    fc.assert(
      fc.property(problem, ({ plan, context }) => {
        const { periodMs, parts } = explainPeriod(plan, context);
        assert(Object.values(parts).every((ms: number) => ms >= -1e-9 * periodMs), JSON.stringify(parts));
        assert(Math.abs(Object.values(parts).reduce((sum: number, ms: number) => sum + ms, 0) - periodMs) <= 1e-9 * periodMs);
      }),
      { numRuns: 60, seed: 8 },
    );
  });

  it("names what holds a plan up", () => {
    const at = (link: { latencyUs: number; bandwidthGBps: number }, more: Partial<Kind> = {}, saved = trained) => {
      const context = contextOf(profileOf(saved), clusterOf(2 * (more.dataParallel ?? 2), link));
      return explainPeriod(cutPlan(context, { ...kind, ...more }), context);
    };
    const alone = at(free, { microbatches: 1 });
    assert.equal(alone.boundBy, "pipeline");
    assert(alone.parts.messages < 1e-6 && alone.parts.synchronisation < 1e-6);
    assert.match(explanationText(alone), /warm-up, flush/);
    assert.equal(at({ latencyUs: 30_000, bandwidthGBps: 1 }, { dataParallel: 1 }).boundBy, "messages");
    const heavy = trained.map((one) => ({ ...one, cut: 0, params: 2e6 }));
    assert.equal(at({ latencyUs: 0, bandwidthGBps: 0.01 }, {}, heavy).boundBy, "synchronisation");
  });

  it("is the fullest stage where many micro-batches hide the rest", () => {
    const context = contextOf(profileOf(trained), clusterOf(2, free));
    const { boundBy, parts, periodMs } = explainPeriod(cutPlan(context, { ...kind, dataParallel: 1, microbatches: 100 }), context);
    assert.equal(boundBy, "stage");
    assert(parts.work > 0.95 * periodMs);
  });

  it("filling, taken away part by part, never gains", () => {
    const context = contextOf(profileOf(trained, { text: { layers: trained.slice(0, 3).map((one) => ({ ...one, backward: 0 })) } }), clusterOf(4, { latencyUs: 50, bandwidthGBps: 5 }));
    const { plan } = fillPlan(cutPlan(context, kind), context, true);
    const [planned, whole, quick, none] = ablation(plan, context);
    assert(planned.periodMs <= whole.periodMs * (1 + 1e-9) && whole.periodMs <= none.periodMs * (1 + 1e-9));
    assert(planned.periodMs <= quick.periodMs * (1 + 1e-9) && quick.periodMs <= none.periodMs * (1 + 1e-9));
    assert(planned.periodMs < none.periodMs);
  });

  it("of two plans: what differs, and parts whose differences add up to that of the periods", () => {
    fc.assert(
      fc.property(problem, problem, (one, other) => {
        const { decisions, parts, periodMs } = differenceOf(one.plan, other.plan, { here: one.context, there: other.context });
        const sum = parts.reduce((ms, { here, there }) => ms + there - here, 0);
        assert(Math.abs(sum - (periodMs.there - periodMs.here)) <= 1e-9 * (periodMs.here + periodMs.there));
        const stages = decisions.find(({ what }) => what.startsWith("layers of"));
        assert.equal(stages !== undefined, JSON.stringify(one.plan.chains[0].stages.map(({ to }) => to)) !== JSON.stringify(other.plan.chains[0].stages.map(({ to }) => to)));
      }),
      { numRuns: 40, seed: 9 },
    );
    const context = contextOf(profileOf(trained), clusterOf(4, free));
    const plan = cutPlan(context, kind);
    assert.match(differenceText(differenceOf(plan, plan, { here: context, there: context })), /decide the same/);
    const more = cutPlan(context, { ...kind, microbatches: 8, samples: 1 });
    assert.match(differenceText(differenceOf(plan, more, { here: context, there: context })), /micro-batches +4 \| 8/);
  });
});
