import { strict as assert } from "node:assert";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import type { ScheduleName } from "../../../src/model/plan";
import { microbatchesHeld } from "../../../src/planner/partition/stageCosts";
import { deviceOf, deviceOrders, replicasPerPipeline } from "../../../src/schedule/generators";
import type { DeviceOrders, PassStep, Pipeline } from "../../../src/schedule/generators/order";

interface Fixture {
  readonly source: string;
  readonly cases: readonly { readonly stages: number; readonly microbatches: number; readonly orders: readonly (readonly string[])[] }[];
}

function ordersOf(schedule: Pipeline["schedule"], stages: number, microbatches: number): DeviceOrders {
  return deviceOrders({ schedule, devices: stages, microbatches, chains: [{ stages }] });
}

function nameOf(step: DeviceOrders[number][number]): string {
  return step.op === "OVERLAP_F_B" ? `${nameOf(step.forward)}+${nameOf(step.backward)}` : `${step.op}${step.microbatch}`;
}

function pipelineNamed(name: ScheduleName, devices: number, stages: number, microbatches: number, count = name === "bidirectional" ? 2 : 1): Pipeline {
  const chains = Array.from({ length: count }, (_, c) => ({ stages, direction: name === "bidirectional" && c % 2 === 1 ? ("up" as const) : ("down" as const) }));
  return { schedule: { name }, devices, microbatches, chains };
}

/** Each device runs its steps in order, each as soon as its input is there; forward passes take 1. */
function makespan(pipeline: Pipeline, backwardMs: number): number {
  const orders = deviceOrders(pipeline);
  const end = new Map<string, number>();
  const at = orders.map(() => 0);
  const free = orders.map(() => 0);
  const key = ({ chain, replica, microbatch }: PassStep, op: string, stage: number) => `${op} ${chain} ${replica} ${stage} ${microbatch}`;
  for (let moved = true; moved; ) {
    moved = false;
    orders.forEach((steps, device) => {
      for (; at[device] < steps.length; at[device]++) {
        const step = steps[at[device]];
        assert(step.op === "F" || step.op === "B");
        const last = pipeline.chains[step.chain].stages - 1;
        const needs = step.op === "F" ? (step.stage === 0 ? [] : [key(step, "F", step.stage - 1)]) : [key(step, "F", step.stage), ...(step.stage === last ? [] : [key(step, "B", step.stage + 1)])];
        if (!needs.every((need) => end.has(need))) return;
        free[device] = Math.max(free[device], ...needs.map((need) => end.get(need) ?? 0)) + (step.op === "F" ? 1 : backwardMs);
        end.set(key(step, step.op, step.stage), free[device]);
        moved = true;
      }
    });
  }
  assert(orders.every((steps, device) => at[device] === steps.length), "passes wait for each other");
  return Math.max(...free);
}

describe("schedules", () => {
  for (const name of ["gpipe", "1f1b"] as const) {
    const fixture = JSON.parse(readFileSync(join("test", "fixtures", "schedules", `${name}.json`), "utf8")) as Fixture;
    it(`${name} makes the passes that PyTorch makes, in its order (${fixture.source})`, () => {
      assert(fixture.cases.length >= 5);
      for (const { stages, microbatches, orders } of fixture.cases) {
        const ours = ordersOf({ name }, stages, microbatches).map((order) => order.map(nameOf));
        assert.deepEqual(ours, orders);
      }
    });
  }

  it("holds at most as many micro-batches as it says", () => {
    for (const schedule of [{ name: "gpipe" as const }, { name: "1f1b" as const }, { name: "1f1b" as const, warmup: 2 }]) {
      for (const [stages, microbatches] of [[1, 2], [3, 5], [4, 2], [4, 12]]) {
        ordersOf(schedule, stages, microbatches).forEach((order, stage) => {
          let held = 0;
          let most = 0;
          for (const { op } of order) most = Math.max(most, (held += op === "F" ? 1 : -1));
          assert.equal(most, microbatchesHeld(schedule, stages, microbatches)[stage]);
        });
      }
    }
  });

  it("interleaved 1F1B is PyTorch's, stage by stage", () => {
    const { cases } = JSON.parse(readFileSync(join("test", "fixtures", "schedules", "interleaved.json"), "utf8")) as { readonly cases: readonly { devices: number; stages: number; microbatches: number; orders: string[][] }[] };
    assert(cases.length >= 5);
    for (const { devices, stages, microbatches, orders } of cases) {
      const ours = deviceOrders({ schedule: { name: "interleaved" }, devices, microbatches, chains: [{ stages }] });
      assert.deepEqual(ours.map((order) => order.map((step) => (step.op === "OVERLAP_F_B" ? "" : `${step.stage}${nameOf(step)}`))), orders);
    }
  });

  it("Chimera has the makespans of its paper", () => {
    const two = (devices: number, backwardMs: number) => {
      const pipeline: Pipeline = { schedule: { name: "chimera" }, devices, microbatches: devices / 2, chains: [{ stages: devices }] };
      return makespan(pipeline, backwardMs);
    };
    assert.deepEqual([4, 6, 8, 16].map((devices) => two(devices, 2)), [16, 26, 36, 76]);
    for (const devices of [4, 6, 8, 12]) {
      const bubble = (backwardMs: number) => 1 - ((1 + backwardMs) * devices) / two(devices, backwardMs);
      assert(Math.abs(bubble(2) - (devices - 2) / ((3 * devices) / 2 + devices - 2)) < 1e-12);
      assert(Math.abs(bubble(1) - (devices - 2) / (2 * devices + devices - 2)) < 1e-12);
    }
  });

  it("every schedule makes each pass once, forward before backward, and never waits for itself", () => {
    fc.assert(
      fc.property(fc.constantFrom("gpipe", "1f1b", "interleaved", "chimera", "bidirectional"), fc.integer({ min: 1, max: 4 }), fc.integer({ min: 1, max: 4 }), fc.integer({ min: 2, max: 3 }), fc.integer({ min: 1, max: 3 }), (name, half, rounds, held, count) => {
        const devices = 2 * half;
        const stages = name === "interleaved" ? held * devices : devices;
        const microbatches = devices * rounds;
        const pipeline = pipelineNamed(name, devices, stages, microbatches, name === "bidirectional" ? count + 1 : count);
        const passes = pipeline.chains.length * replicasPerPipeline(name) * stages * microbatches;
        const orders = deviceOrders(pipeline);
        const seen = new Set(orders.flat().map((step) => JSON.stringify(step)));
        assert.equal(seen.size, 2 * passes);
        assert.equal(orders.flat().length, 2 * passes);
        orders.forEach((steps, device) => steps.forEach((step) => assert(step.op !== "OVERLAP_F_B" && deviceOf(pipeline, step.chain, step.stage, step.replica) === device)));
        assert(makespan(pipeline, 2) >= 3 * microbatches * (stages / devices) * pipeline.chains.length);
      }),
      { numRuns: 100, seed: 5 },
    );
  });

  it("two directions need chains in both", () => {
    const chains = [{ stages: 2 }, { stages: 2 }];
    assert.throws(() => deviceOrders({ schedule: { name: "bidirectional" }, devices: 2, microbatches: 2, chains }), /both directions/);
    assert.throws(() => deviceOrders({ schedule: { name: "bidirectional" }, devices: 2, microbatches: 2, chains: [{ stages: 2, direction: "up" }] }), /two chains or more/);
  });

  it("data parallelism is one stage", () => {
    assert.throws(() => ordersOf({ name: "ddp" }, 2, 2), /one stage/);
    assert.deepEqual(ordersOf({ name: "ddp" }, 1, 2)[0].map(nameOf), ["F0", "B0", "F1", "B1"]);
  });
});
