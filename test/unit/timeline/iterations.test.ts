import assert from "node:assert/strict";
import fc from "fast-check";
import { scheduleNames } from "../../../src/model/plan";
import { predictPlan } from "../../../src/plan/predict";
import { fillPlan } from "../../../src/planner/fill/fill";
import { isOfAnother, iterationStarts, servedIteration } from "../../../src/timeline/layout/iterations";
import { sliceLabels } from "../../../src/timeline/layout/labels";
import { iterationCount, layoutTimeline } from "../../../src/timeline/layout/lanes";
import { violations } from "../../tools/feasibility/check";
import { examplesOf } from "../simulate/plans";
import { operation, timelineOf, twoStages } from "./builders";

describe("iterations side by side", () => {
  for (const name of scheduleNames) {
    it(`as many as are asked for, of ${name}, could happen`, () => {
      fc.assert(fc.property(examplesOf(name), ({ plan, profile, cluster, context }) => {
        const made = fillPlan(plan, context, false).plan;
        const [one, two, three] = ([1, 2, 3] as const).map((iterations) => predictPlan(made, context, undefined, iterations).timeline);
        assert.deepEqual(two, predictPlan(made, context).timeline);
        assert.deepEqual([one, two, three].map(iterationCount), [1, 2, 3]);
        assert.deepEqual(three.operations.slice(0, two.operations.length), two.operations);
        assert.equal(three.operations.length, 3 * one.operations.length);
        const count = one.operations.length;
        // The later two of three, as two iterations of their own.
        const later = three.operations.slice(count).map((operation) => ({ ...operation, iteration: operation.iteration - 1, deps: operation.deps.flatMap((dep) => (dep < count ? [] : [dep - count])) }));
        assert.deepEqual(violations({ plan: made, profile, cluster, timeline: { ...two, operations: later } }).slice(0, 5), []);
        assert.deepEqual(one.operations.map(({ op, iteration, deps }) => [op, iteration, deps]), later.slice(0, count).map(({ op, iteration, deps }) => [op, iteration, deps]));
        const zero = later[0].startMs - one.operations[0].startMs;
        one.operations.forEach(({ startMs, endMs }, i) => assert.ok(Math.abs(later[i].startMs - zero - startMs) + Math.abs(later[i].endMs - zero - endMs) < 1e-6));
        for (const timeline of [one, three]) {
          assert.deepEqual([timeline.periodMs, timeline.devices.map(({ peakMemoryBytes }) => peakMemoryBytes)], [two.periodMs, two.devices.map(({ peakMemoryBytes }) => peakMemoryBytes)]);
          for (const { peakMemoryBytes, memory = [] } of timeline.devices) assert.equal(Math.max(...memory.map(([, bytes]) => bytes)), peakMemoryBytes);
        }
      }), { numRuns: 3, seed: 47 });
    });
  }

  it("tells where each gives way to the next", () => {
    const timeline = timelineOf([4, 5, 6].map((iteration, i) => operation({ op: "F", iteration, startMs: 10 * i, endMs: 10 * i + 8 })), { periodMs: 10 });
    assert.deepEqual(iterationStarts(timeline), [{ ms: 10, iteration: 5, isShown: true }, { ms: 20, iteration: 6, isShown: true }]);
    assert.deepEqual(iterationStarts({ ...timeline, operations: timeline.operations.slice(0, 1) }), [{ ms: 10, iteration: 5, isShown: false }]);
  });

  it("ties a fill to the passes of the iteration that it serves, where they are there", () => {
    const timeline = timelineOf([
      operation({ op: "F", iteration: 0, startMs: 0, endMs: 5 }), operation({ op: "FILL", iteration: 1, component: "vae", startMs: 5, endMs: 9 }),
      operation({ op: "F", iteration: 1, startMs: 10, endMs: 15 }), operation({ op: "FILL", iteration: 2, component: "vae", startMs: 15, endMs: 19 }),
    ], { periodMs: 10 });
    const layout = layoutTimeline(timeline);
    const slices = [...layout.lanes[0].rows[0]];
    const fills = slices.filter(({ kind }) => kind === "fill");
    assert.deepEqual(fills.map((slice) => servedIteration(layout, slice)), [1, undefined]);
    assert.equal(servedIteration(layout, slices[0]), undefined, "a pass serves no other");
    assert.deepEqual(slices.filter((slice) => !isOfAnother(1, slice, timeline.operations)).map(({ index }) => index), [1, 2]);
  });
});

describe("what is written in a slice", () => {
  const labelsOf = (kind: string) => {
    const layout = layoutTimeline(twoStages());
    return layout.lanes.flatMap(({ rows }) => rows.flat()).filter((slice) => slice.kind === kind).map((slice) => sliceLabels(slice, layout.timeline));
  };
  it("is the micro-batch and, with room, the layers", () => {
    assert.deepEqual(labelsOf("forward").slice(0, 2), [["F0 · 0–2", "F0"], ["F1"]]);
  });
  it("is the iteration that a fill is for, even with little room", () => {
    assert.deepEqual(labelsOf("fill"), [["for iteration 1 · text_encoder 0–3 · samples 0–1", "→1 · text_encoder 0–3 · samples 0–1", "→1 · text_encoder 0–3", "→1 text_encoder", "→1", "◇"]]);
  });
  it("is the length of idle time", () => {
    assert.deepEqual(labelsOf("idle")[0], ["idle 20.0 ms", "20.0 ms"]);
  });
});
