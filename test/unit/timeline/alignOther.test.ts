import assert from "node:assert/strict";
import { alignOther } from "../../../src/timeline/layout/alignOther";
import { operation, timelineOf, twoStages } from "./builders";

describe("another plan's timeline beside the first", () => {
  const other = timelineOf([operation({ op: "FILL", startMs: 0, endMs: 7 }), operation({ op: "F", startMs: 7, endMs: 20 }), operation({ op: "B", startMs: 20, endMs: 30, deps: [1] })], { devices: [{ name: "gpu", peakMemoryBytes: 1, memory: [[0, 1], [7, 5]] }] });

  it("starts to train when the first does, and keeps its lengths, its causes and its memory", () => {
    const aligned = alignOther(twoStages(), other);
    assert.deepEqual(aligned.operations.map(({ startMs, endMs, deps }) => [startMs, endMs, deps]), [[-7, 0, []], [0, 13, []], [13, 23, [1]]]);
    assert.deepEqual(aligned.devices[0].memory, [[-7, 1], [0, 5]]);
    assert.equal(aligned.periodMs, other.periodMs);
  });

  it("stays where it is when both start together", () => {
    assert.equal(alignOther(twoStages(), twoStages()).operations[0].startMs, 0);
    const alone = timelineOf([operation({ op: "FILL", startMs: 3, endMs: 4 })]);
    assert.equal(alignOther(twoStages(), alone), alone);
  });
});
