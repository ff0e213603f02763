import assert from "node:assert/strict";
import type { TimelineOperation } from "../../../src/model/timeline";
import { alignMeasured } from "../../../src/timeline/layout/align";
import { operation, timelineOf, twoStages } from "./builders";

/** Iterations of the given lengths, each a forward of half its length, a fill for the next, and a backward. */
function run(lengths: readonly number[], offset: number): TimelineOperation[] {
  let at = offset;
  return lengths.flatMap((length, iteration) => {
    const start = at;
    at += length;
    return [
      operation({ op: "F", iteration, startMs: start, endMs: start + length / 2 }),
      operation({ op: "FILL", iteration: iteration + 1, startMs: start + length / 2, endMs: start + length * 0.6 }),
      operation({ op: "B", iteration, startMs: start + length * 0.6, endMs: start + length }),
    ];
  });
}

describe("a measured timeline laid over the predicted one", () => {
  it("shows the iteration of median length, leaving out the first and the last, from the predicted zero", () => {
    const measured = timelineOf(run([300, 110, 100, 90, 20], 5000), { source: "measured", periodMs: 104.5 });
    const aligned = alignMeasured(twoStages(), measured);
    assert.ok(aligned);
    assert.equal(aligned.iteration, 2);
    assert.deepEqual(aligned.timeline.operations.map((other) => [other.op, other.startMs, other.endMs, other.iteration]), [["F", 0, 50, 2], ["FILL", 50, 60, 3], ["B", 60, 100, 2]]);
    assert.ok(Math.abs(aligned.periodError - 0.1) < 1e-12);
  });

  it("shows as many iterations as the prediction does", () => {
    const predicted = timelineOf(run([100, 100], 0), { periodMs: 100 });
    const aligned = alignMeasured(predicted, timelineOf(run([300, 120, 110, 90, 100, 20], 777), { source: "measured", periodMs: 105 }));
    assert.deepEqual([aligned?.iteration, aligned?.count], [2, 2]);
    assert.deepEqual(aligned?.timeline.operations.map((other) => other.startMs), [0, 55, 66, 110, 155, 164]);
  });

  it("keeps dependencies inside the cut and drops those that lead out", () => {
    const list = run([100, 100], 0).map((other, index) => ({ ...other, deps: index ? [index - 1] : [] }));
    const aligned = alignMeasured(twoStages(), timelineOf(list, { source: "measured", criticalPath: [2, 3, 5] }));
    assert.deepEqual(aligned?.timeline.operations.map((other) => other.deps), [[], [0], [1]]);
    assert.deepEqual(aligned?.timeline.criticalPath, [0, 2]);
  });

  it("has nothing to show where nothing was trained", () => {
    assert.equal(alignMeasured(twoStages(), timelineOf([operation({ op: "FILL", startMs: 0, endMs: 1 })], { source: "measured" })), undefined);
  });
});
