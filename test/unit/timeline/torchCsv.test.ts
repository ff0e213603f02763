import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { ScheduleName } from "../../../src/model/plan";
import { predictPlan } from "../../../src/plan/predict";
import { contextOf } from "../../../src/simulate/context";
import { leftOutOfTorchCsv, timelineToTorchCsv } from "../../../src/timeline/export/torchCsv";
import { clusterOf, cutPlan, free, profileOf } from "../planner/cases";
import { operation, timelineOf, twoStages } from "./builders";

interface Fixture {
  readonly cases: readonly { readonly devices?: number; readonly stages: number; readonly microbatches: number; readonly orders: readonly (readonly string[])[] }[];
}

const fixture = (name: string) => JSON.parse(readFileSync(join("test/fixtures/schedules", `${name}.json`), "utf8")) as Fixture;

function predicted(schedule: ScheduleName, stages: number, microbatches: number, dataParallel = 1) {
  const profile = profileOf(Array.from({ length: stages }, () => ({ forward: 4, backward: 8, launch: 0, cut: 1000 })));
  const devices = (schedule === "interleaved" ? 2 : stages) * dataParallel;
  const context = contextOf(profile, clusterOf(devices, free));
  const kind = { schedule, stages, ...(schedule === "interleaved" && { devices: 2 }), microbatches, dataParallel, samples: 1 };
  return predictPlan(cutPlan(context, kind), context).timeline;
}

describe("a timeline in PyTorch's grammar of actions", () => {
  for (const schedule of ["gpipe", "1f1b"] as const) {
    it(`has PyTorch's own order of ${schedule}, of one replica`, () => {
      for (const { stages, microbatches, orders } of fixture(schedule).cases.filter((one) => one.stages > 1 && one.stages <= 4)) {
        const expected = orders.map((order, stage) => `${order.map((action) => `${stage}${action}`).join(",")}\n`).join("");
        for (const dataParallel of [1, 2]) assert.equal(timelineToTorchCsv(predicted(schedule, stages, microbatches, dataParallel)), expected);
      }
    });
  }

  it("lists what it cannot say, and only that", () => {
    assert.deepEqual(leftOutOfTorchCsv(predicted("1f1b", 3, 4)).filter((text) => !/^(EMA|GRAD_NORM)/.test(text)), []);
    assert.deepEqual(leftOutOfTorchCsv(twoStages()), ["FILL: 1"]);
    const odd = timelineOf([
      operation({ op: "F", stage: 0, microbatch: 0, chain: "a", startMs: 0, endMs: 1 }), operation({ op: "F", stage: 0, microbatch: 0, chain: "b", device: 1, startMs: 0, endMs: 1 }),
      operation({ op: "REDISTRIBUTE", stream: "communication", startMs: 1, endMs: 2 }), operation({ op: "SEND", stream: "communication", channel: "encoding", startMs: 1, endMs: 2 }),
    ]);
    assert.deepEqual(leftOutOfTorchCsv(odd), ["REDISTRIBUTE: 1", "SEND: 1", "1 of 2 chains"]);
    assert.equal(timelineToTorchCsv(odd), "0F0\n");
  });
});
