import assert from "node:assert/strict";
import fc from "fast-check";
import { whySlow } from "../../../src/app/whySlow";
import { predictPlan } from "../../../src/plan/predict";
import { explainPeriod } from "../../../src/planner/explain/explain";
import { withoutFilling } from "../../../src/planner/fill/fill";
import { contextOf } from "../../../src/simulate/context";
import { operationKey } from "../../../src/timeline/layout/kinds";
import { clusterOf, cutPlan, free, problem, profileOf, type Kind } from "../planner/cases";

const trained = [3, 9, 4, 4, 7, 2, 5, 6].map((ms) => ({ forward: ms, backward: 2 * ms, launch: 0.5, cut: 20_000 }));
const kind: Kind = { schedule: "1f1b", stages: 2, microbatches: 4, dataParallel: 1, samples: 1 };

describe("why a plan is slow", () => {
  it("names operations of the plan's own prediction, and parts that add up to its period", () => {
    fc.assert(fc.property(problem, ({ plan: passes, context }) => {
      const { plan } = withoutFilling(passes, context);
      const { parts } = whySlow(plan, context);
      const { timeline } = predictPlan(plan, context);
      const byKey = new Map(timeline.operations.map((operation) => [operationKey(operation), operation]));
      for (const { reasons } of parts) for (const { operation } of reasons) assert.ok(byKey.has(operation), operation);
      const { periodMs, busiestRank } = explainPeriod(plan, context);
      assert.ok(Math.abs(parts.reduce((sum, { ms }) => sum + ms, 0) - periodMs) <= 1e-9 * periodMs);
      assert.equal(parts.filter(({ isBound }) => isBound).length, 1);
      const [work] = parts;
      for (const { operation } of work.reasons) assert.equal(byKey.get(operation)?.device, busiestRank);
    }), { numRuns: 40, seed: 5 });
  });

  it("points at the longest wait, and at the other device's work that it is for", () => {
    const context = contextOf(profileOf(trained), clusterOf(2, free));
    const plan = cutPlan(context, { ...kind, microbatches: 1 });
    const { verdict, parts } = whySlow(plan, context);
    assert.match(verdict, /bound by waiting for other stages/);
    const { reasons } = parts[1];
    assert.match(reasons[0].text, /^[\d.]+ ms idle before /);
    assert.match(reasons[1].text, /^which waits for (Backward|Forward), micro-batch 0, stage \d, device \d$/);
    const { busiestRank } = explainPeriod(plan, context);
    assert.equal(reasons[0].operation.split("|")[0], String(busiestRank));
    assert.equal(reasons[1].operation.split("|")[0], String(1 - busiestRank));
  });

  it("names no operations for parts that cost nothing", () => {
    const context = contextOf(profileOf(trained), clusterOf(2, free));
    const { parts } = whySlow(cutPlan(context, { ...kind, microbatches: 100 }), context);
    assert.deepEqual(parts.slice(2).map(({ reasons }) => reasons), [[], []]);
    assert.equal(parts[0].reasons.length, 3);
    assert.ok(parts[0].isBound);
  });

  it("names messages where links are slow, and sums of gradients where these are", () => {
    const slow = contextOf(profileOf(trained), clusterOf(2, { latencyUs: 30_000, bandwidthGBps: 1 }));
    const [, , messages] = whySlow(cutPlan(slow, kind), slow).parts;
    assert.ok(messages.isBound);
    assert.match(messages.reasons[0].text, /^Send, micro-batch \d, stage \d, device \d to \d: 30\.0 ms$/);
    const heavy = trained.map((one) => ({ ...one, cut: 0, params: 2e6 }));
    const copied = contextOf(profileOf(heavy), clusterOf(4, { latencyUs: 0, bandwidthGBps: 0.01 }));
    const sums = whySlow(cutPlan(copied, { ...kind, dataParallel: 2 }), copied).parts[3];
    assert.ok(sums.isBound);
    assert.match(sums.reasons[0].text, /^All-reduce of gradients/);
  });
});
