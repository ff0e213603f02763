import { strict as assert } from "node:assert";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { concatenations, scheduleNames, type ScheduleName } from "../../../src/model/plan";
import { microbatchesHeld } from "../../../src/planner/partition/shapes";
import { deviceOrders, isInV } from "../../../src/schedule/generators";
import type { DeviceOrders, Pipeline } from "../../../src/schedule/generators/order";
import { assertComplete, play } from "./play";

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

function stageAndName(step: DeviceOrders[number][number]): string {
  return step.op === "OVERLAP_F_B" ? `${stageAndName(step.forward)}+${stageAndName(step.backward)}` : `${step.stage}${nameOf(step)}`;
}

function pipelineNamed(name: ScheduleName, devices: number, stages: number, microbatches: number, count = name === "bidirectional" ? 2 : 1): Pipeline {
  const chains = Array.from({ length: count }, (_, c) => ({ stages, direction: name === "bidirectional" && c % 2 === 1 ? ("up" as const) : ("down" as const) }));
  return { schedule: { name }, devices, microbatches, chains };
}

/** Micro-batches between their F and the end of their backward pass, W. */
function mostHeld(steps: DeviceOrders[number]): number {
  let held = 0;
  let most = 0;
  for (const { op } of steps) {
    if (op === "F") most = Math.max(most, ++held);
    else if (op === "B" || op === "W") held--;
  }
  return most;
}

/** Forward passes take 1. */
function makespan(pipeline: Pipeline, backwardMs: number): number {
  return play(pipeline, deviceOrders(pipeline), { of: ({ op }) => (op === "F" ? 1 : op === "B" ? backwardMs : backwardMs / 2) }).makespan;
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
        const made = ordersOf(schedule, stages, microbatches);
        made.forEach((order, stage) => {
          assert.equal(mostHeld(order), microbatchesHeld(made, [stages])[0][stage]);
        });
      }
    }
  });

  for (const name of ["interleaved", "zb-v", "dualpipev"] as const) {
    const fixture = JSON.parse(readFileSync(join("test", "fixtures", "schedules", `${name}.json`), "utf8")) as { readonly source: string; readonly cases: readonly { devices: number; stages: number; microbatches: number; orders: string[][] }[] };
    it(`${name} makes the passes that PyTorch makes, stage by stage (${fixture.source})`, () => {
      assert(fixture.cases.length >= 5);
      for (const { devices, stages, microbatches, orders } of fixture.cases) {
        const ours = deviceOrders({ schedule: { name }, devices, microbatches, chains: [{ stages }] });
        assert.deepEqual(ours.map((order) => order.map(stageAndName)), orders);
      }
    });
  }

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

  const concatenated = (concatenation: (typeof concatenations)[number], devices: number, microbatches: number): Pipeline => ({ ...pipelineNamed("chimera", devices, devices, microbatches), schedule: { name: "chimera", concatenation } });

  it("Chimera's forward doubling leaves bubbles only where the pipeline fills and drains, at twice the activations", () => {
    for (const devices of [2, 4, 6, 8, 16]) {
      // Micro-batches of one replica, half of the paper's N: 2D, 3D and 4D of those, and what fills no unit or leaves one without a pair.
      for (const microbatches of [devices, (3 * devices) / 2, 2 * devices, devices + 1, 2 * devices + 3]) {
        const pipeline = concatenated("doubling", devices, microbatches);
        // The middle devices wait for passes of devices / 2 - 1 stages before theirs and after theirs, and work all the time between.
        assert.equal(makespan(pipeline, 2), (2 * microbatches + devices / 2 - 1) * 3, `${devices} ${microbatches}`);
        for (const steps of deviceOrders(pipeline)) assert(mostHeld(steps) <= 2 * devices);
      }
    }
  });

  it("Chimera makes forward passes in pairs where they are doubled", () => {
    for (const steps of deviceOrders(concatenated("doubling", 4, 7))) {
      const forward = steps.flatMap((step, at) => (step.op === "F" ? [{ ...step, at }] : []));
      for (const { at, replica, stage, microbatch } of forward.filter((step) => step.microbatch % 2 === 1)) {
        const before = steps[at - 1];
        assert(before.op === "F" && before.replica === replica && before.stage === stage && before.microbatch === microbatch - 1);
      }
    }
  });

  it("no way of concatenating Chimera's units makes an iteration longer than the direct one, or holds more than it says", () => {
    fc.assert(
      fc.property(fc.constantFrom(...concatenations), fc.integer({ min: 1, max: 6 }), fc.integer({ min: 1, max: 30 }), (concatenation, half, more) => {
        const [devices, microbatches] = [2 * half, half + more];
        const pipeline = concatenated(concatenation, devices, microbatches);
        const orders = deviceOrders(pipeline);
        assertComplete(pipeline, orders);
        assert(makespan(pipeline, 2) <= makespan(concatenated("direct", devices, microbatches), 2));
        // No more bubbles than one unit has, which in the paper are those of devices - 2 backward passes.
        if (concatenation === "whole") assert(makespan(pipeline, 2) <= 6 * microbatches + 2 * (devices - 2));
        const most = { direct: devices, doubling: 2 * devices, whole: devices + 1 }[concatenation];
        for (const steps of orders) assert(mostHeld(steps) <= most);
        // All of them are the same where there is one unit: those of the paper.
        if (concatenation === "whole") assert.deepEqual(deviceOrders(concatenated("whole", devices, half)), deviceOrders(concatenated("direct", devices, half)));
      }),
      { numRuns: 200, seed: 8 },
    );
  });

  it("every schedule makes each pass once, forward before backward, and never waits for itself", () => {
    fc.assert(
      fc.property(fc.constantFrom(...scheduleNames.filter((name) => name !== "ddp")), fc.integer({ min: 1, max: 4 }), fc.integer({ min: 2, max: 4 }), fc.integer({ min: 2, max: 3 }), fc.integer({ min: 1, max: 3 }), (name, half, rounds, held, count) => {
        const devices = 2 * half;
        const stages = name === "interleaved" ? held * devices : isInV(name) ? 2 * devices : devices;
        const microbatches = devices * rounds;
        const pipeline = pipelineNamed(name, devices, stages, microbatches, name === "bidirectional" ? count + 1 : count);
        assertComplete(pipeline, deviceOrders(pipeline));
        assert(makespan(pipeline, 2) >= 3 * microbatches * (stages / devices) * pipeline.chains.length);
      }),
      { numRuns: 100, seed: 5 },
    );
  });

  it("ZB-V leaves no bubble where F, I and W take equally long, at the memory of 1F1B", () => {
    for (const [devices, microbatches] of [[2, 4], [4, 8], [8, 16]]) {
      const pipeline = pipelineNamed("zb-v", devices, 2 * devices, microbatches);
      const orders = deviceOrders(pipeline);
      assert.equal(play(pipeline, orders, { of: () => 1 }).span, 6 * microbatches);
      // Two stages on a device, each of half the size of one of 1F1B's.
      for (const steps of orders) assert(mostHeld(steps) <= 2 * devices);
    }
  });

  it("DualPipeV needs as many micro-batches as stages", () => {
    assert.throws(() => deviceOrders(pipelineNamed("dualpipev", 2, 4, 3)), /as many micro-batches as stages/);
    assert.throws(() => deviceOrders(pipelineNamed("zb-v", 2, 2, 4)), /two stages on each device/);
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
