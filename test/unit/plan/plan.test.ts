import { strict as assert } from "node:assert";
import fc from "fast-check";
import type { Plan } from "../../../src/model/plan";
import { compilePlan } from "../../../src/plan/compile";
import { moveBoundary } from "../../../src/plan/edits";
import { predictPlan } from "../../../src/plan/predict";
import { staleInputs } from "../../../src/plan/staleness";
import { validatePlan } from "../../../src/plan/validate";
import { fillPlan, withoutFilling } from "../../../src/planner/fill/fill";
import { insertCommunication } from "../../../src/schedule/communication";
import { contextOf } from "../../../src/simulate/context";
import { clusterOf, cutPlan, profileOf } from "../planner/cases";

const trained = [3, 9, 4, 4, 7, 2].map((ms) => ({ forward: ms, backward: 2 * ms, launch: 0.5, cut: 20_000 }));
const frozen = { text: { layers: [4, 4, 9, 30].map((ms) => ({ forward: ms, backward: 0, launch: 0.2, cut: 1000 })) } };
const context = contextOf(profileOf(trained, frozen), clusterOf(2, { latencyUs: 50, bandwidthGBps: 5 }));
const kind = { schedule: "1f1b" as const, stages: 2, microbatches: 4, dataParallel: 1, samples: 2 };
const plan = fillPlan(cutPlan(context, kind), context, true).plan;

describe("plan", () => {
  it("refuses what does not fit the profile, naming the field", () => {
    const [first, ...rest] = plan.fills;
    const { stages } = plan.chains[0];
    const broken: readonly (readonly [Plan, RegExp])[] = [
      [{ ...plan, fills: rest }, /^fills: Layer \d of "text" does not run for sample/],
      [{ ...plan, fills: [first, ...plan.fills] }, /^fills\[1\]\.samples: .*already runs/],
      [{ ...plan, fills: [{ ...first, component: "backbone" }, ...rest] }, /^fills\[0\]\.component/],
      [{ ...plan, fills: [{ ...first, device: 5 }, ...rest] }, /^fills\[0\]\.device/],
      [{ ...plan, fills: [{ ...first, iteration: 0 }, ...rest] }, /^fills\[1\]\.iteration/],
      [{ ...plan, fills: [{ ...first, before: { op: "F", chain: "main", stage: 1 - plan.chains[0].stages.findIndex((stage) => stage.devices.includes(first.device)), microbatch: 0 } }, ...rest] }, /^fills\[0\]\.before/],
      [{ ...plan, chains: [{ id: "main", stages: [stages[0], { ...stages[1], devices: [2] }] }] }, /^chains\[0\]\.stages\[1\]\.devices\[0\]: The cluster has 2 devices/],
      [{ ...plan, chains: [{ id: "main", stages: [stages[0], { ...stages[1], devices: [0] }] }] }, /one stage per device, found 2 on 1 devices/],
      [{ ...plan, chains: [{ id: "main", stages: [stages[0], { ...stages[1], to: 5 }] }] }, /^chains\[0\]\.stages\[1\]\.to/],
      [{ ...plan, schedule: { name: "ddp" } }, /^schedule\.name/],
    ];
    validatePlan(plan, context.workload, 2);
    for (const [wrong, message] of broken) assert.throws(() => validatePlan(wrong, context.workload, 2), { message });
  });

  it("refuses a fill before an operation that is not there", () => {
    const [first, ...rest] = plan.fills;
    const stage = plan.chains[0].stages.findIndex((candidate) => candidate.devices.includes(first.device));
    const wrong = { ...plan, fills: [{ ...first, before: { op: "F" as const, chain: "main", stage, microbatch: 9 } }, ...rest] };
    assert.throws(() => compilePlan(wrong, context), /^UserError: fills\[0\]\.before/);
  });

  it("a moved boundary changes one cut, keeps the fills and can be simulated", () => {
    const at = plan.chains[0].stages[0].to;
    const layer = at > 1 ? at - 1 : at + 1;
    const moved = moveBoundary(plan, "main", 0, layer);
    assert.deepEqual(moved, { ...plan, chains: [{ id: "main", stages: [{ ...plan.chains[0].stages[0], to: layer }, { ...plan.chains[0].stages[1], from: layer }] }] });
    assert(predictPlan(moved, context).timeline.periodMs > 0);
    for (const wrong of [0, 6, 1.5]) assert.throws(() => moveBoundary(plan, "main", 0, wrong), /boundary can lie/);
    assert.throws(() => moveBoundary(plan, "main", 1, 3), /no boundary/);
  });

  it("knows which of its inputs changed", () => {
    const marked = { ...plan, profile: { path: "p", sha256: "a" }, cluster: { path: "c", sha256: "b" } };
    assert.deepEqual(staleInputs(marked, { profile: "a", cluster: "x", model: "y" }), ["cluster"]);
  });

  it("frozen work of this iteration stands before the first pass, with nothing to prepare", () => {
    const program = compilePlan(withoutFilling(plan, context).plan, context);
    for (const { prologue, operations } of program.ranks) {
      assert.equal(prologue.length, 0);
      const names = operations.map((op) => op.op);
      assert(names.lastIndexOf("FILL") < names.indexOf("F"));
      assert(names.lastIndexOf("REDISTRIBUTE") < names.indexOf("F"));
    }
  });

  it("messages of one channel are received in the order in which they are sent", () => {
    const consumers = fc.uniqueArray(fc.integer({ min: 0, max: 9 }), { minLength: 2, maxLength: 8 });
    fc.assert(
      fc.property(consumers, (before) => {
        const fills = (count: number) => Array.from({ length: count }, () => ({ op: "FILL" as const, iteration: 1 as const }));
        const transfers = before.map((at, after) => ({ channel: "intermediate" as const, iteration: 1 as const, source: 0, destination: 1, after, before: at, bytes: after }));
        const [source, destination] = insertCommunication([fills(10), fills(10)], transfers);
        const sent = source.filter((op) => op.op === "SEND").map((op) => op.tag);
        assert.deepEqual(destination.filter((op) => op.op === "RECV").map((op) => op.tag), sent);
        before.forEach((at, message) => {
          const received = destination.findIndex((op) => op.op === "RECV" && op.bytes === message);
          const fillsBefore = destination.slice(0, received).filter((op) => op.op === "FILL").length;
          assert(fillsBefore <= at);
        });
      }),
      { seed: 5 },
    );
  });
});
