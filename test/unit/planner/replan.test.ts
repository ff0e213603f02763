import assert from "node:assert/strict";
import fc from "fast-check";
import type { Fill, Plan } from "../../../src/model/plan";
import { planFormat } from "../../../src/formats/plan";
import { boundaryPin } from "../../../src/plan/pins";
import { editedPlan } from "../../../src/plan/edits";
import { predictPlan, predictedFigures } from "../../../src/plan/predict";
import { validatePlan } from "../../../src/plan/validate";
import { fillPlan } from "../../../src/planner/fill/fill";
import { fillAround, without } from "../../../src/planner/replan/around";
import { changedPlan, refilled } from "../../../src/planner/replan/change";
import { improvedPlan } from "../../../src/planner/replan/improve";
import type { PlanChange } from "../../../src/plan/planChange";
import { contextOf, type Context } from "../../../src/simulate/context";
import { placesOn } from "../../../src/timeline/layout/fillPlaces";
import { clusterOf, planOf, profile } from "../../webview/documents";
import { problem } from "./cases";

const small = contextOf(profile, clusterOf(2));
const eight = contextOf(profile, clusterOf(8));
const plan8 = (): Plan => changedPlan(withOwnFills(planOf(8, 8), eight), { microbatches: 4 }, eight);

function withOwnFills(plan: Plan, context: Context): Plan {
  const filled = fillPlan(plan, context, true).plan;
  return { ...filled, predicted: predictedFigures(filled, context) };
}

function assertSound(plan: Plan, context: Context): void {
  assert.equal(planFormat.check?.(plan), undefined);
  validatePlan(plan, context.workload, context.devices.length);
  assert.deepEqual(predictedFigures(plan, context), plan.predicted);
}

function cells(fills: readonly Fill[]): readonly string[] {
  return fills.flatMap(({ component, from, to, samples }) => Array.from({ length: to - from }, (_, l) => Array.from({ length: samples[1] - samples[0] }, (_, s) => `${component} ${from + l} ${samples[0] + s}`))).flat().sort();
}

describe("filling around pinned fills", () => {
  it("takes their work, and nothing else, out of the others", () => {
    const range = (most: number) => fc.tuple(fc.nat(most), fc.nat(most)).map(([a, b]) => [Math.min(a, b), Math.max(a, b) + 1] as const);
    const fill = fc.record({ component: fc.constantFrom("a", "b"), layers: range(5), samples: range(5) }).map(({ component, layers: [from, to], samples }): Fill => ({ component, from, to, samples, device: 0, before: { op: "OPTIM" } }));
    fc.assert(fc.property(fill, fc.array(fill, { maxLength: 3 }), (one, taken) => {
      const gone = new Set(cells(taken));
      assert.deepEqual(cells(without([one], taken)), cells([one]).filter((cell) => !gone.has(cell)));
    }), { seed: 2 });
  });

  it("leaves them where they are, runs all work once, and is no slower than what a person would leave it with", () => {
    let kept = 0;
    fc.assert(fc.property(problem, fc.nat(), fc.nat(), fc.nat(), ({ context, plan }, which, where, device) => {
      const free = withOwnFills(plan, context);
      if (free.fills.length === 0 || free.fills.some(({ iteration = 1 }) => iteration === 0)) return;
      const places = placesOn(predictPlan(free, context).timeline, device % context.devices.length);
      const place = places[where % places.length];
      let moved: Plan;
      try {
        moved = editedPlan(free, { kind: "moveFill", fill: which % free.fills.length, device: device % context.devices.length, before: place.anchor }, context.workload);
        predictPlan(moved, context);
      } catch {
        return;
      }
      const pinned = moved.fills.filter((fill) => fill.pinned);
      const again = fillAround({ ...moved, fills: [] }, pinned, context).plan;
      const figures = { ...again, predicted: predictedFigures(again, context) };
      assertSound(figures, context);
      for (const fill of pinned) assert.ok(again.fills.some((other) => JSON.stringify(other) === JSON.stringify(fill)), "a pinned fill is gone");
      assert.deepEqual(cells(again.fills), cells(free.fills));
      kept++;
    }), { seed: 4, numRuns: 60 });
    assert.ok(kept > 15, `${kept}`);
  });
});

describe("one decision changed", () => {
  const now = plan8();

  it("keeps stages and devices where the shape stays, and fills again", () => {
    for (const change of [{ microbatches: 8 }, { warmup: 2 }, { recompute: true }, { schedule: "gpipe" }, { schedule: "zb-h1" }, { batch: 32 }] satisfies PlanChange[]) {
      const changed = changedPlan(now, change, eight);
      assertSound(changed, eight);
      assert.deepEqual(changed.chains, now.chains, JSON.stringify(change));
    }
    assert.equal(changedPlan(now, { recompute: true }, eight).recompute, true);
    assert.ok(!("recompute" in changedPlan({ ...now, recompute: true }, { recompute: false }, eight)));
    assert.deepEqual(changedPlan(now, { warmup: 2 }, eight).schedule, { name: "1f1b", warmup: 2 });
  });

  it("uses all devices with another number of stages or replicas, or another way to place them", () => {
    for (const [change, stages, dataParallel] of [[{ stages: 4 }, 4, 2], [{ dataParallel: 4 }, 2, 4], [{ schedule: "ddp" }, 1, 8], [{ schedule: "chimera" }, 8, 2], [{ schedule: "zb-v", stages: 4 }, 4, 4]] as const) {
      const changed = changedPlan(now, change, eight);
      assertSound(changed, eight);
      assert.deepEqual([changed.chains[0].stages.length, changed.dataParallel], [stages, dataParallel], JSON.stringify(change));
      assert.equal(new Set(changed.chains[0].stages.flatMap(({ devices }) => devices)).size, 8);
    }
  });

  it("keeps what the plan knows beside it: pins, training, keys of others", () => {
    const own = { ...now, pins: ["schedule"], note: "mine" } as Plan;
    for (const change of [{ microbatches: 8 }, { stages: 4 }] satisfies PlanChange[]) {
      const changed = changedPlan(own, change, eight) as Plan & { readonly note?: string };
      assert.deepEqual([changed.pins, changed.note, changed.training], [["schedule"], "mine", now.training]);
    }
  });

  it("is refused with the reason, and with what there is instead", () => {
    assert.throws(() => changedPlan(now, { stages: 5 }, eight), /no such plan by 1f1b. Stages x pipelines on 8 devices: .*4 x 2/);
    assert.throws(() => changedPlan(now, { microbatches: 5 }, eight), /cannot be split evenly/);
    assert.throws(() => changedPlan(changedPlan(now, { schedule: "gpipe" }, eight), { warmup: 2 }, eight), /not for gpipe/);
    assert.throws(() => changedPlan(now, { microbatches: now.batch.microbatches }, eight), /so already/);
    const pinned: Plan = { ...now, fills: now.fills.map((fill, f) => (f === 0 ? { ...fill, before: { op: "B", chain: "unet", stage: 0, microbatch: 3 }, device: 0, pinned: true } : fill)) };
    assert.throws(() => changedPlan(pinned, { microbatches: 2 }, eight), /pinned on device 0 before B3 of stage 0, which the plan would not have/);
  });

  it("leaves a plan without cross-iteration filling without it", () => {
    const unfilled: Plan = { ...now, fills: now.fills.map((fill) => ({ ...fill, iteration: 0 as const })) };
    assert.ok(changedPlan(unfilled, { microbatches: 8 }, eight).fills.every(({ iteration }) => iteration === 0));
  });
});

describe("Improve", () => {
  const start = withOwnFills(planOf(2, 4), small);
  const usual = { schedules: ["ddp", "1f1b", "gpipe"] as const };

  it("finds a better plan from a poor one, and nothing from the best", async () => {
    const better = await improvedPlan(start, small, usual);
    assert.ok(better && better.predicted.periodMs < start.predicted.periodMs);
    assertSound(better, small);
    assert.equal(await improvedPlan(better, small, usual), undefined);
  });

  it("keeps what is pinned: schedule, stages, micro-batches", async () => {
    const gpipe = changedPlan(editedPlan(start, { kind: "moveBoundary", chain: "unet", stage: 0, layer: 8 }, small.workload), { schedule: "gpipe" }, small);
    const better = await improvedPlan({ ...gpipe, pins: ["schedule", "stages", "microbatches"] }, small, usual);
    assert.ok(better);
    assert.deepEqual([better.schedule.name, better.chains[0].stages.length, better.batch.microbatches, better.pins], ["gpipe", 2, 4, ["schedule", "stages", "microbatches"]]);
  });

  it("keeps pinned boundaries and fills", async () => {
    const poor = editedPlan(refilled(start, editedPlan(start, { kind: "moveBoundary", chain: "unet", stage: 0, layer: 8 }, small.workload), small), { kind: "pinFill", fill: 0, pinned: true }, small.workload);
    const pin = { ...poor, pins: [boundaryPin("unet", 0)] };
    const better = await improvedPlan(pin, small, usual);
    const kept = better ?? pin;
    assert.equal(kept.chains[0].stages[1].from, 8);
    assert.ok(kept.fills.some((fill) => JSON.stringify(fill) === JSON.stringify(poor.fills[0])));
    const free = await improvedPlan({ ...poor, pins: [] }, small, usual);
    assert.ok(free && free.predicted.periodMs < kept.predicted.periodMs, "a boundary that is free goes where it is best");
  });
});
