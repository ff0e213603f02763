import { strict as assert } from "node:assert";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { microbatchesHeld } from "../../../src/planner/partition/stageCosts";
import { deviceOrders } from "../../../src/schedule/generators";
import type { DeviceOrders, Pipeline } from "../../../src/schedule/generators/order";

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

  it("data parallelism is one stage", () => {
    assert.throws(() => ordersOf({ name: "ddp" }, 2, 2), /one stage/);
    assert.deepEqual(ordersOf({ name: "ddp" }, 1, 2)[0].map(nameOf), ["F0", "B0", "F1", "B1"]);
  });
});
