import assert from "node:assert/strict";
import fc from "fast-check";
import type { Plan } from "../../../src/model/plan";
import { editedPlan, type PlanEdit } from "../../../src/plan/edits";
import { fillNeeds } from "../../../src/plan/fillOrder";
import { mergeable } from "../../../src/plan/fillEdits";
import { isPinned, withPin } from "../../../src/plan/pins";
import { predictPlan } from "../../../src/plan/predict";
import { contextOf } from "../../../src/simulate/context";
import { placeAt, placesOn } from "../../../src/timeline/layout/fillPlaces";
import { clusterOf, planOf, profile } from "../../webview/documents";

const context = contextOf(profile, clusterOf(2));
const { workload } = context;
const plan = planOf(2, 4);
const edited = (edit: PlanEdit, from: Plan = plan) => editedPlan(from, edit, workload);

/** How often each frozen layer runs for each sample. */
function work({ fills }: Plan): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const { component, from, to, samples } of fills) {
    for (let layer = from; layer < to; layer++) for (let sample = samples[0]; sample < samples[1]; sample++) counts[`${component} ${layer} ${sample}`] = (counts[`${component} ${layer} ${sample}`] ?? 0) + 1;
  }
  return counts;
}

describe("edits of fills", () => {
  it("move one to another device and place, and pin it there", () => {
    const moved = edited({ kind: "moveFill", fill: 0, device: 0, before: { op: "B", chain: "unet", stage: 0, microbatch: 2 } });
    const fill = moved.fills.find(({ component }) => component === "text_encoder");
    assert.deepEqual({ device: fill?.device, before: fill?.before, pinned: fill?.pinned }, { device: 0, before: { op: "B", chain: "unet", stage: 0, microbatch: 2 }, pinned: true });
    assert.deepEqual(work(moved), work(plan));
    predictPlan(moved, context);
  });

  it("put one before those that need it, where they stand before the same operation", () => {
    const late = edited({ kind: "evictFill", fill: 1 });
    const vae = late.fills.filter(({ component, device }) => component === "vae" && device === 0);
    assert.deepEqual(vae.map(({ from }) => from), [0, 3]);
    predictPlan(late, context);
  });

  it("refuse what is no change, and a fill that is not there", () => {
    assert.throws(() => edited({ kind: "moveFill", fill: 1, device: 0, before: plan.fills[1].before }), /there already/);
    assert.throws(() => edited({ kind: "evictFill", fill: 2 }), /there already/);
    assert.throws(() => edited({ kind: "pinFill", fill: 9, pinned: true }), /4 fills; there is no fill 9/);
  });

  it("cut one in two and make them one again, whatever the sample", () => {
    fc.assert(fc.property(fc.integer({ min: 0, max: 3 }), fc.integer({ min: 0, max: 9 }), (fill, at) => {
      const [from, to] = plan.fills[fill].samples;
      if (at <= from || at >= to) return assert.throws(() => edited({ kind: "splitFill", fill, at }), /cannot be split/);
      const split = edited({ kind: "splitFill", fill, at });
      assert.equal(split.fills.length, plan.fills.length + 1);
      assert.deepEqual(work(split), work(plan));
      assert.deepEqual(mergeable(split, fill).includes(fill + 1), true);
      assert.deepEqual(edited({ kind: "mergeFill", fill, other: fill + 1 }, split), plan);
      assert.deepEqual(edited({ kind: "mergeFill", fill: fill + 1, other: fill }, split).fills.length, plan.fills.length);
    }), { seed: 3 });
  });

  it("make one of following layers, and refuse what does not go together", () => {
    const halves = { ...plan, fills: plan.fills.flatMap((fill, f) => (f === 0 ? [{ ...fill, to: 5 }, { ...fill, from: 5 }] : [fill])) };
    assert.deepEqual(edited({ kind: "mergeFill", fill: 1, other: 0 }, halves), plan);
    assert.throws(() => edited({ kind: "mergeFill", fill: 0, other: 1 }), /merged/);
    assert.throws(() => edited({ kind: "mergeFill", fill: 0, other: 0 }), /merged/);
  });

  it("pin and let go, leaving nothing behind", () => {
    const pinned = edited({ kind: "pinFill", fill: 2, pinned: true });
    assert.equal(pinned.fills[2].pinned, true);
    assert.deepEqual(edited({ kind: "pinFill", fill: 2, pinned: false }, pinned), plan);
    const schedule = withPin(plan, "schedule", true);
    assert.ok(isPinned(schedule, "schedule") && !isPinned(schedule, "stages"));
    assert.deepEqual(withPin(withPin(schedule, "boundary:unet:0", true), "schedule", false).pins, ["boundary:unet:0"]);
    assert.deepEqual(withPin(schedule, "schedule", false), plan);
  });

  it("keep all frozen work once, in an order in which nothing on a device stands before its input at the same place", () => {
    const places = [0, 1].flatMap((device) => placesOn(predictPlan(plan, context).timeline, device).map(({ anchor }) => ({ device, before: anchor })));
    const move = fc.record({ fill: fc.nat(3), to: fc.constantFrom(...places) });
    fc.assert(fc.property(fc.array(move, { minLength: 1, maxLength: 6 }), (moves) => {
      let now = plan;
      for (const { fill, to } of moves) {
        const { device, before } = now.fills[fill];
        if (device === to.device && JSON.stringify(before) === JSON.stringify(to.before)) continue;
        now = edited({ kind: "moveFill", fill, ...to }, now);
      }
      assert.deepEqual(work(now), work(plan));
      now.fills.forEach((user, u) => now.fills.slice(u + 1).forEach((maker) => {
        if (maker.device === user.device && JSON.stringify(maker.before) === JSON.stringify(user.before)) assert.ok(!fillNeeds(workload, user, maker));
      }));
    }), { seed: 5 });
  });
});

describe("places for fills", () => {
  const { timeline } = predictPlan(plan, context);

  it("are before each pass of a device, and one behind them, in the order of time", () => {
    const places = placesOn(timeline, 1);
    assert.deepEqual(places.map(({ atMs }) => atMs), [...places.map(({ atMs }) => atMs)].sort((a, b) => a - b));
    assert.equal(places.filter(({ anchor }) => anchor.op === "OPTIM").length, 2, "one for each iteration shown");
    assert.equal(places.filter(({ anchor }) => anchor.op === "F").length, 8);
  });

  it("come after a time, or are the first one where no pass is left", () => {
    const places = placesOn(timeline, 0);
    for (const { anchor, atMs } of places) assert.deepEqual(placeAt(timeline, 0, atMs)?.anchor, anchor);
    assert.deepEqual(placeAt(timeline, 0, 1e9)?.anchor, places[0].anchor);
    assert.equal(placeAt(timeline, 7, 0), undefined);
  });
});
