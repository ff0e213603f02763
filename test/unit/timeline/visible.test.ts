import assert from "node:assert/strict";
import fc from "fast-check";
import { layoutTimeline, type Slice } from "../../../src/timeline/layout/lanes";
import { firstEndingAfter, visibleMarks } from "../../../src/timeline/layout/visible";
import { twoStages } from "./builders";

const lengths = fc.array(fc.double({ min: 0.001, max: 20, noNaN: true }), { minLength: 1, maxLength: 80 });

function rowOf(durations: readonly number[]): Slice[] {
  let at = 0;
  return durations.map((duration, index) => {
    const slice: Slice = { startMs: at, endMs: at + duration, kind: index % 3 ? "forward" : "idle", index };
    at += duration;
    return slice;
  });
}

describe("what of a row is drawn", () => {
  it("culls what ends before and starts after the window", () => {
    const row = layoutTimeline(twoStages()).lanes[0].rows[0];
    assert.deepEqual(visibleMarks(row, 25, 65, 0.1).map((mark) => [mark.startMs, mark.endMs, mark.count]), [[20, 40, 1], [40, 60, 1], [60, 70, 1]]);
  });

  it("merges slices narrower than a pixel, and names one that looks as most of what is not idle", () => {
    const row = rowOf([0.2, 0.1, 0.1, 5, 0.3]);
    assert.deepEqual(visibleMarks(row, 0, 10, 1).map((mark) => [mark.first, mark.count, mark.typical]), [[0, 3, 1], [3, 1, 3], [4, 1, 4]]);
  });

  it("finds by binary search what a scan finds", () => {
    fc.assert(fc.property(lengths, fc.double({ min: -5, max: 400, noNaN: true }), (durations, ms) => {
      const row = rowOf(durations);
      const scanned = row.findIndex((slice) => slice.endMs > ms);
      assert.equal(firstEndingAfter(row, ms), scanned < 0 ? row.length : scanned);
    }));
  });

  it("accounts for every slice in view once, with at most two marks a pixel", () => {
    fc.assert(fc.property(lengths, fc.double({ min: 0.01, max: 10, noNaN: true }), (durations, msPerPixel) => {
      const row = rowOf(durations);
      const end = row[row.length - 1].endMs;
      const marks = visibleMarks(row, 0, end, msPerPixel);
      assert.equal(marks.reduce((sum, mark) => sum + mark.count, 0), row.length);
      assert.ok(marks.length <= 2 * Math.ceil(end / msPerPixel) + 1);
    }));
  });
});
