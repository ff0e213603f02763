import { strict as assert } from "node:assert";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { microbatchesHeld, stageOrders } from "../../../src/schedule/generators";

interface Fixture {
  readonly source: string;
  readonly cases: readonly { readonly stages: number; readonly microbatches: number; readonly orders: readonly (readonly string[])[] }[];
}

describe("schedules", () => {
  for (const name of ["gpipe", "1f1b"] as const) {
    const fixture = JSON.parse(readFileSync(join("test", "fixtures", "schedules", `${name}.json`), "utf8")) as Fixture;
    it(`${name} makes the passes that PyTorch makes, in its order (${fixture.source})`, () => {
      assert(fixture.cases.length >= 5);
      for (const { stages, microbatches, orders } of fixture.cases) {
        const ours = stageOrders({ name }, stages, microbatches).map((order) => order.map(({ op, microbatch }) => `${op}${microbatch}`));
        assert.deepEqual(ours, orders);
      }
    });
  }

  it("holds at most as many micro-batches as it says", () => {
    for (const schedule of [{ name: "gpipe" as const }, { name: "1f1b" as const }, { name: "1f1b" as const, warmup: 2 }]) {
      for (const [stages, microbatches] of [[1, 2], [3, 5], [4, 2], [4, 12]]) {
        stageOrders(schedule, stages, microbatches).forEach((order, stage) => {
          let held = 0;
          let most = 0;
          for (const { op } of order) most = Math.max(most, (held += op === "F" ? 1 : -1));
          assert.equal(most, microbatchesHeld(schedule, stages, stage, microbatches));
        });
      }
    }
  });

  it("data parallelism is one stage", () => {
    assert.throws(() => stageOrders({ name: "ddp" }, 2, 2), /one stage/);
    assert.deepEqual(stageOrders({ name: "ddp" }, 1, 2)[0].map(({ op, microbatch }) => `${op}${microbatch}`), ["F0", "B0", "F1", "B1"]);
  });
});
