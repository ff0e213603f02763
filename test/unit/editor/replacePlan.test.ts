import assert from "node:assert/strict";
import fc from "fast-check";
import { replacements } from "../../../src/editor/planText";
import { withDecisionsOf } from "../../../src/editor/replacePlan";
import type { Plan } from "../../../src/model/plan";
import { planOf } from "../../webview/documents";

function applied(text: string, wanted: Plan): string {
  const changes = [...replacements(text, wanted)].sort((a, b) => b.offset - a.offset);
  return changes.reduce((now, { offset, length, text: replacement }) => now.slice(0, offset) + replacement + now.slice(offset + length), text);
}

const plans = fc.record({
  stages: fc.integer({ min: 1, max: 4 }), microbatches: fc.integer({ min: 2, max: 6 }), warmup: fc.option(fc.integer({ min: 1, max: 3 }), { nil: undefined }),
  recompute: fc.option(fc.boolean(), { nil: undefined }), fills: fc.boolean(), steps: fc.integer({ min: 1, max: 9 }),
}).map(({ stages, microbatches, warmup, recompute, fills, steps }): Plan => {
  const plan = planOf(stages, microbatches);
  return {
    ...plan, training: { ...plan.training, steps }, schedule: { name: "1f1b", ...(warmup !== undefined && { warmup }) }, ...(recompute !== undefined && { recompute }),
    fills: fills ? plan.fills : [],
  };
});

describe("another plan in place of the document's", () => {
  it("leaves nothing of the former decisions, and all that is not a decision", () => {
    fc.assert(fc.property(plans, plans, fc.integer({ min: 1, max: 4 }), (before, other, indent) => {
      const own: Plan & { "own key"?: number } = { "own key": 1.5, ...before };
      const after = JSON.parse(applied(JSON.stringify(own, null, indent), withDecisionsOf(own, other))) as typeof own;
      assert.equal(after["own key"], 1.5);
      for (const key of ["batch", "dataParallel", "schedule", "chains", "fills", "runnable"] as const) assert.deepEqual(after[key], other[key], key);
      assert.equal(after.recompute, other.recompute);
      assert.deepEqual(after.training, before.training);
      assert.deepEqual(after.profile, before.profile);
    }), { numRuns: 100, seed: 3 });
  });

  it("refuses what is no plan", () => {
    const broken = { ...planOf(2, 4), dataParallel: 0 };
    assert.throws(() => withDecisionsOf(planOf(2, 4), broken), /dataParallel/);
  });
});
