import { strict as assert } from "node:assert";
import fc from "fast-check";
import { UserError } from "../../../src/model/errors";
import type { Fill } from "../../../src/model/plan";
import { compilePlan } from "../../../src/plan/compile";
import { pipelineSamples } from "../../../src/plan/frozenWork";
import { allPipelines, pipelineDevices } from "../../../src/plan/placement";
import { validatePlan } from "../../../src/plan/validate";
import { cutsOf } from "../../../src/planner/cuts";
import { batchCosts } from "../../../src/planner/fill/batches";
import { improved } from "../../../src/planner/fill/improve";
import { forPipelines, trialsOf } from "../../../src/planner/trials";
import { checkProgram } from "../../../src/schedule/check";
import { problem } from "./cases";

describe("improving fills", () => {
  it("spreads what one device has at its end, and stays a plan", () => {
    let shorter = 0;
    let cases = 0;
    fc.assert(
      fc.property(problem, ({ plan, context }) => {
        const { workload } = context;
        const ranks = pipelineDevices(plan, 0).flat();
        if (ranks.length === 1) return;
        const trials = trialsOf(plan, context);
        // All on the first device, before its optimizer, each sample for itself.
        const samples = Array.from({ length: pipelineSamples(plan, 0)[1] }, (_, sample) => [sample, sample + 1] as const);
        const start = workload.frozen.flatMap(({ component, to }) => samples.map((range): Fill => ({ component, from: 0, to, samples: range, device: ranks[0], before: { op: "OPTIM" } })));
        const simulate = (fills: readonly Fill[]) => trials.filled(cutsOf(plan), fills);
        const found = improved(workload, batchCosts(context), ranks, start, simulate, (_, periodMs) => periodMs, () => true, { simulations: 60, smallestMs: 0 });
        assert.deepEqual(improved(workload, batchCosts(context), ranks, start, simulate, (_, periodMs) => periodMs, () => false, { simulations: 20, smallestMs: 0 }).fills, start, "nothing else fits");
        const startMs = simulate(start).periodMs;
        assert(found.periodMs <= startMs);
        assert.equal(simulate(found.fills).periodMs, found.periodMs);
        cases++;
        if (found.periodMs < 0.99 * startMs) shorter++;
        const whole = { ...plan, fills: forPipelines(plan, found.fills, allPipelines(plan)) };
        validatePlan(whole, workload, context.devices.length);
        assert.equal(checkProgram(compilePlan(whole, context)), undefined);
      }),
      { numRuns: 60, seed: 5 },
    );
    assert(shorter > 0.8 * cases, `${shorter} of ${cases}`);
  });

  it("a fill that stands before what it needs is refused by its place in the plan", () => {
    const [{ plan, context }] = fc.sample(problem.filter(({ context: { workload } }) => workload.frozen.every(({ to }) => to > 1)), { numRuns: 1, seed: 1 });
    const [one, ...others] = context.workload.frozen;
    const everything = [0, plan.batch.global] as const;
    const fill = (component: string, from: number, to: number): Fill => ({ component, from, to, samples: everything, device: 0, before: { op: "OPTIM" } });
    const rest = others.map(({ component, to }) => fill(component, 0, to));
    const sound = { ...plan, fills: [fill(one.component, 0, 1), fill(one.component, 1, one.to), ...rest] };
    assert.equal(checkProgram(compilePlan(sound, context)), undefined);
    const swapped = { ...plan, fills: [fill(one.component, 1, one.to), fill(one.component, 0, 1), ...rest] };
    assert.throws(() => compilePlan(swapped, context), (error) => error instanceof UserError && error.field === "fills[0].before" && /stand before frozen work/.test(error.message));
  });

  it("a component that waits for another does not stand before it", () => {
    const [{ plan, context }] = fc.sample(problem.filter(({ context: { workload } }) => workload.frozen.some(({ after }) => after.length > 0)), { numRuns: 1, seed: 2 });
    const fills = context.workload.frozen.map(({ component, to }): Fill => ({ component, from: 0, to, samples: [0, plan.batch.global], device: 0, before: { op: "OPTIM" } }));
    assert.equal(checkProgram(compilePlan({ ...plan, fills }, context)), undefined);
    assert.throws(() => compilePlan({ ...plan, fills: fills.toReversed() }, context), /stand before frozen work/);
  });
});
