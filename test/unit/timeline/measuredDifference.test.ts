import assert from "node:assert/strict";
import fc from "fast-check";
import type { Timeline } from "../../../src/model/timeline";
import { kindOf, sliceKinds } from "../../../src/timeline/layout/kinds";
import { measuredDifference, measuredSentences } from "../../../src/timeline/layout/measuredDifference";
import { twoStages } from "./builders";

/** The same timeline with the operations of one kind on one device longer by `ms` in all, in a period longer by `more`. */
function slowed(timeline: Timeline, device: number, kind: string, ms: number, more: number): Timeline {
  const isOne = (operation: Timeline["operations"][number]) => operation.device === device && kindOf(operation.op) === kind;
  const count = timeline.operations.filter(isOne).length;
  return { ...timeline, source: "measured", periodMs: timeline.periodMs + more, operations: timeline.operations.map((operation) => (isOne(operation) ? { ...operation, endMs: operation.endMs + ms / count } : operation)) };
}

describe("where a run differs from its prediction", () => {
  it("is nowhere where it does not", () => {
    const { kinds } = measuredDifference(twoStages(), { ...twoStages(), source: "measured" });
    assert.ok(kinds.every(({ predictedMs, measuredMs }) => predictedMs === measuredMs));
    assert.deepEqual(measuredSentences(measuredDifference(twoStages(), twoStages())), ["An iteration took as long as predicted: 95.0 ms.", "No kind of work on any device differs by as much as 0.5 % of that."]);
  });

  it("is the kind on the device that was slowed, by as much", () => {
    const places = fc.constantFrom(...[0, 1].flatMap((device) => sliceKinds.filter((kind) => twoStages().operations.some((other) => other.device === device && kindOf(other.op) === kind)).map((kind) => ({ device, kind }))));
    fc.assert(fc.property(places, fc.double({ min: 1, max: 50, noNaN: true }), ({ device, kind }, ms) => {
      const { kinds } = measuredDifference(twoStages(), slowed(twoStages(), device, kind, ms, ms));
      const row = kinds.find((other) => other.device === device && other.kind === kind);
      assert.ok(row && Math.abs(row.measuredMs - row.predictedMs - ms) < 1e-9);
      for (const other of kinds) if (other !== row && other.kind !== "idle") assert.equal(other.measuredMs, other.predictedMs);
    }), { numRuns: 60, seed: 2 });
  });

  it("leaves the rest of the period idle", () => {
    const { kinds } = measuredDifference(twoStages(), twoStages());
    assert.deepEqual(kinds.filter(({ kind }) => kind === "idle").map(({ device, predictedMs }) => [device, predictedMs]), [[0, 30], [1, 22]]);
  });

  it("is told in words, the largest first", () => {
    const sentences = measuredSentences(measuredDifference(twoStages(), slowed(twoStages(), 1, "backward", 8, 8)));
    assert.deepEqual(sentences, [
      "An iteration took 8.00 ms longer than predicted: 103.0 ms against 95.0 ms (+8.4 %).",
      "Device 1: backward takes 8.00 ms more (+20.0 %), 48.0 ms against 40.0 ms.",
      "Device 0: idle takes 8.00 ms more (+26.7 %), 38.0 ms against 30.0 ms.",
    ]);
  });
});
