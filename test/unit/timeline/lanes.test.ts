import assert from "node:assert/strict";
import fc from "fast-check";
import { layoutTimeline } from "../../../src/timeline/layout/lanes";
import { operation, timelineOf, twoStages } from "./builders";

describe("lanes of a timeline", () => {
  it("makes idle time explicit, in its place and length", () => {
    const [compute] = layoutTimeline(twoStages()).lanes.filter((lane) => lane.device === 0 && lane.stream === "compute");
    assert.deepEqual(compute.rows[0].map((slice) => `${slice.kind} ${slice.startMs}-${slice.endMs}`), [
      "forward 0-10", "forward 10-20", "idle 20-40", "backward 40-60", "idle 60-70", "backward 70-90", "optimizer 90-95",
    ]);
  });

  it("gives communication a lane of its own, only where there is any", () => {
    assert.deepEqual(layoutTimeline(twoStages()).lanes.map((lane) => `${lane.device} ${lane.stream}`), ["0 compute", "0 communication", "1 compute"]);
  });

  it("takes iterations as repeating: what drains after the last stands for what came before the first", () => {
    // Two devices, period 10: device 1 works from 4 to 13 of each round, so it is idle for 1 ms of ten and not before its first operation.
    const round = (iteration: number) => [
      operation({ op: "F", device: 0, iteration, startMs: 10 * iteration, endMs: 10 * iteration + 8 }),
      operation({ op: "F", device: 1, iteration, startMs: 10 * iteration + 4, endMs: 10 * iteration + 13 }),
    ];
    const layout = layoutTimeline(timelineOf([...round(0), ...round(1)], { periodMs: 10 }));
    const idle = layout.lanes.map((lane) => lane.rows[0].filter((slice) => slice.kind === "idle").map((slice) => [slice.startMs, slice.endMs]));
    assert.deepEqual(idle, [[[8, 10], [18, 20]], [[3, 4], [13, 14]]]);
    assert.equal(layout.endMs, 23);
  });

  it("ties a fill to the iteration that it serves", () => {
    const fill = layoutTimeline(twoStages()).lanes[2].rows[0][0];
    assert.equal(fill.kind, "fill");
    assert.equal(fill.servesNext, true);
    const own = layoutTimeline(timelineOf([operation({ op: "FILL", startMs: 0, endMs: 1, iteration: 4 }), operation({ op: "F", startMs: 1, endMs: 2, iteration: 4 })]));
    assert.equal(own.lanes[0].rows[0][0].servesNext, undefined);
  });

  it("covers every moment of a compute lane exactly once and loses no operation", () => {
    const operations = fc.array(fc.record({ device: fc.integer({ min: 0, max: 2 }), stream: fc.constantFrom("compute" as const, "communication" as const), start: fc.integer({ min: 0, max: 200 }), length: fc.integer({ min: 0, max: 30 }) }), { maxLength: 60 });
    fc.assert(fc.property(operations, (list) => {
      const timeline = timelineOf(list.map(({ device, stream, start, length }) => operation({ op: "F", device, stream, startMs: start, endMs: start + length })));
      const layout = layoutTimeline(timeline);
      const seen: number[] = [];
      for (const lane of layout.lanes) {
        for (const [r, row] of lane.rows.entries()) {
          for (let i = 1; i < row.length; i++) assert.ok(row[i].startMs >= row[i - 1].endMs, "slices of a row overlap");
          if (lane.stream === "compute" && r === 0 && layout.endMs > layout.startMs) {
            assert.equal(row.reduce((sum, slice) => sum + slice.endMs - slice.startMs, 0), layout.endMs - layout.startMs);
          }
          for (const slice of row) if (slice.index !== undefined) seen.push(slice.index);
        }
      }
      assert.deepEqual(seen.sort((a, b) => a - b), timeline.operations.map((_, index) => index));
    }));
  });
});
