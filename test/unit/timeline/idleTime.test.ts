import assert from "node:assert/strict";
import fc from "fast-check";
import type { SliceKind } from "../../../src/timeline/layout/kinds";
import { crowdText } from "../../../src/timeline/layout/labels";
import type { Slice } from "../../../src/timeline/layout/lanes";
import { visibleMarks } from "../../../src/timeline/layout/visible";

const kinds: readonly SliceKind[] = ["idle", "forward", "backward", "fill"];
const stretches = fc.array(fc.tuple(fc.double({ min: 0.001, max: 20, noNaN: true }), fc.constantFrom(...kinds)), { minLength: 1, maxLength: 80 });

function rowOf(list: readonly (readonly [number, SliceKind])[]): Slice[] {
  let at = 0;
  return list.map(([ms, kind], index) => {
    const slice: Slice = { startMs: at, endMs: at + ms, kind, index };
    at += ms;
    return slice;
  });
}

function idleOf(slices: readonly Slice[]): number {
  return slices.reduce((sum, { kind, startMs, endMs }) => sum + (kind === "idle" ? endMs - startMs : 0), 0);
}

describe("idle time narrower than a pixel", () => {
  it("is not lost at any zoom: marks hold as much of it as the slices in view", () => {
    fc.assert(fc.property(stretches, fc.double({ min: 0.01, max: 100, noNaN: true }), fc.double({ min: 0, max: 0.5, noNaN: true }), fc.double({ min: 0.6, max: 1, noNaN: true }), (list, msPerPixel, a, b) => {
      const row = rowOf(list);
      const endMs = row[row.length - 1].endMs;
      const marks = visibleMarks(row, a * endMs, b * endMs, msPerPixel);
      const inMarks = marks.reduce((sum, { idleMs }) => sum + idleMs, 0);
      const inView = idleOf(row.slice(marks[0].first, marks[marks.length - 1].first + marks[marks.length - 1].count));
      assert.ok(Math.abs(inMarks - inView) <= 1e-9 * endMs);
      for (const slice of row) if (slice.kind === "idle" && slice.endMs > a * endMs && slice.startMs < b * endMs) assert.ok(marks.some((mark) => mark.startMs <= slice.startMs && mark.endMs >= slice.endMs && mark.idleMs > 0));
    }), { seed: 7 });
  });

  it("does not hide what the rest of a mark is", () => {
    const row = rowOf([[0.5, "idle"], [0.15, "fill"], [0.1, "backward"], [0.15, "fill"]]);
    const [mark, ...others] = visibleMarks(row, 0, 1, 1);
    assert.deepEqual(others, []);
    assert.equal(row[mark.typical].kind, "fill");
    assert.ok(Math.abs(mark.idleMs - 0.5) < 1e-9);
  });

  it("is told with what shares its pixel", () => {
    const textOf = (...list: readonly (readonly [number, SliceKind])[]) => visibleMarks(rowOf(list), 0, 10, 10).map(crowdText);
    assert.deepEqual(textOf([1, "forward"], [2, "idle"], [3, "backward"]), ["one of 3 slices in 6.00 ms, of which 2.00 ms idle"]);
    assert.deepEqual(textOf([1, "forward"], [3, "backward"]), ["one of 2 slices in 4.00 ms"]);
  });

  it("marks by what slices look like, when that is not their kind", () => {
    const row = rowOf([[0.2, "fill"], [0.3, "forward"], [0.2, "fill"]]);
    assert.equal(visibleMarks(row, 0, 1, 1)[0].typical, 0);
    assert.equal(visibleMarks(row, 0, 1, 1, ({ index }) => index)[0].typical, 1);
  });
});
