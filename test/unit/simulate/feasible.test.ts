/** Predicted timelines of every schedule against an independent checker of their files, and the checker against broken timelines. */
import { strict as assert } from "node:assert";
import fc from "fast-check";
import { scheduleNames } from "../../../src/model/plan";
import type { Timeline, TimelineOperation } from "../../../src/model/timeline";
import { predictPlan } from "../../../src/plan/predict";
import { fillPlan, withoutFilling } from "../../../src/planner/fill/fill";
import { searchPlan } from "../../../src/planner/search/search";
import { contextOf } from "../../../src/simulate/context";
import { syntheticCluster, syntheticProfile } from "../../bench/syntheticProfile";
import { violations } from "../../tools/feasibility/check";
import { base } from "../planner/cases";
import { examplesOf, type Example } from "./plans";

function timelinesOf({ plan, profile, cluster, context }: Example) {
  return [fillPlan(plan, context, false), withoutFilling(plan, context)].map((made) => ({ plan: made.plan, profile, cluster, timeline: predictPlan(made.plan, context).timeline }));
}

describe("timelines could happen", () => {
  for (const name of scheduleNames) {
    it(name, () => {
      fc.assert(
        fc.property(examplesOf(name), (example) => {
          for (const files of timelinesOf(example)) assert.deepEqual(violations(files).slice(0, 5), []);
        }),
        { numRuns: 15, seed: 31 },
      );
    });
  }

  it("of a searched plan for a model of Stable Diffusion 2.1's shape", async () => {
    const [profile, cluster] = [syntheticProfile(), syntheticCluster(8)];
    const context = contextOf(profile, cluster);
    const { plan } = await searchPlan({ ...base, optimizer: { ...base.optimizer, ema: true } }, { globalBatch: 64, schedules: ["1f1b"], stages: 4, microbatches: 8, fill: true }, context);
    assert(plan.fills.length > 0);
    assert.deepEqual(violations({ plan, profile, cluster, timeline: predictPlan(plan, context).timeline }).slice(0, 5), []);
  });

  it("and the checker sees through those that could not", () => {
    const wanted = examplesOf("1f1b").filter(({ plan, cluster }) => plan.chains[0].stages.length > 2 && plan.dataParallel > 1 && plan.optimizer.ema && cluster.overlapsCommunication !== false && plan.batch.microbatches > 2);
    for (const example of fc.sample(wanted, { numRuns: 3, seed: 8 })) {
      const [files] = timelinesOf(example);
      assert.deepEqual(violations(files), []);
      const { timeline } = files;
      const broken = (which: (op: TimelineOperation) => boolean, to: (op: TimelineOperation) => Partial<TimelineOperation>): Timeline => {
        const at = timeline.operations.findIndex(which);
        assert(at >= 0);
        return { ...timeline, operations: timeline.operations.with(at, { ...timeline.operations[at], ...to(timeline.operations[at]) }) };
      };
      const earlier = ({ startMs, endMs }: TimelineOperation) => ({ startMs: startMs - 1, endMs: endMs - 1 });
      const inner = ({ iteration, microbatch }: TimelineOperation) => iteration === 1 && microbatch === 1;
      const wrong: readonly Timeline[] = [
        broken((op) => op.op === "F" && op.stage === 2 && inner(op), earlier),
        broken((op) => op.op === "B" && op.stage === 1 && inner(op), earlier),
        broken((op) => op.op === "F" && op.stage === 1 && inner(op), () => ({ microbatch: 0 })),
        broken((op) => op.op === "F" && op.stage === 1 && inner(op), () => ({ deps: [] })),
        broken((op) => op.op === "SEND" && inner(op), ({ endMs }) => ({ startMs: endMs })),
        broken((op) => op.op === "RECV" && inner(op), () => ({ deps: [] })),
        broken((op) => op.op === "REDUCE", ({ startMs }) => ({ endMs: startMs })),
        broken((op) => op.op === "OPTIM" && op.iteration === 1, () => ({ deps: [] })),
        broken((op) => op.op === "EMA", () => ({ deps: [] })),
        broken((op) => op.op === "FILL" && op.iteration === 1, ({ samples = [0, 0] }) => ({ samples: [samples[0], samples[1] + 1] })),
        broken((op) => op.op === "FILL" && op.iteration === 1, ({ endMs }) => ({ endMs: endMs + 1e4 })),
        { ...timeline, periodMs: timeline.periodMs * 1.1 },
        { ...timeline, devices: timeline.devices.map((device) => ({ ...device, peakMemoryBytes: device.peakMemoryBytes + 5 })) },
      ];
      wrong.forEach((one, w) => assert(violations({ ...files, timeline: one }).length > 0, `fault ${w} is not seen`));
    }
  });
});
