import { strict as assert } from "node:assert";
import fc from "fast-check";
import type { ScheduleName } from "../../../src/model/plan";
import { microbatchesHeld } from "../../../src/planner/partition/shapes";
import { deviceOrders, isInV } from "../../../src/schedule/generators";
import { passesOf, type DeviceOrders, type Pipeline } from "../../../src/schedule/generators/order";
import { assertComplete, play } from "./play";

const nameOf = ({ op, stage, microbatch }: { readonly op: string; readonly stage: number; readonly microbatch: number }) => `${op}${stage}.${microbatch}`;

/** Micro-batches of all stages that each device holds at most. */
const totals = (orders: DeviceOrders, stages: number): readonly number[] => orders.map((steps) => Math.max(...microbatchesHeld([steps], [stages]).flat()));

describe("late weight gradients", () => {
  it("are the same passes, none earlier than before, and hold no more; what others wait for keeps its order", () => {
    let later = 0;
    fc.assert(
      fc.property(fc.constantFrom<ScheduleName>("zb-h1", "zb-h2", "zb-v", "dualpipev"), fc.integer({ min: 2, max: 6 }), fc.integer({ min: 0, max: 9 }), (name, devices, more) => {
        const stages = isInV(name) ? 2 * devices : devices;
        const pipeline: Pipeline = { schedule: { name }, devices, microbatches: stages + more, chains: [{ stages }] };
        const early = deviceOrders(pipeline);
        const late = deviceOrders({ ...pipeline, schedule: { name, lateWeightGrads: true } });
        assertComplete(pipeline, late);
        play(pipeline, late, { of: () => 1 });
        early.forEach((steps, device) => {
          const [before, after] = [steps, late[device]].map((own) => own.flatMap(passesOf));
          const others = (own: typeof before) => own.filter(({ op }) => op !== "W").map(nameOf);
          assert.deepEqual(others(after), others(before));
          const place = (own: typeof before) => new Map(own.map((step, at) => [nameOf(step), at]));
          const [was, is] = [place(before), place(after)];
          for (const [step, at] of was) if (step.startsWith("W") && (is.get(step) ?? 0) > at) later++;
          // Of weight gradients alone, none comes before one that was due before it.
          const weights = (own: typeof before) => own.filter(({ op }) => op === "W").map(nameOf);
          assert.deepEqual(weights(after), weights(before));
        });
        if (!isInV(name)) assert.deepEqual(totals(late, stages), totals(early, stages));
      }),
      { numRuns: 100, seed: 6 },
    );
    assert(later > 100, `${later}`);
  });
});
