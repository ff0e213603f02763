import assert from "node:assert/strict";
import fc from "fast-check";
import { memoryColumns, memoryCurve, memoryLines, memorySentence, stepAt } from "../../../src/timeline/layout/memory";

const gib = 1 << 30;
const device = { name: "gpu", peakMemoryBytes: 5 * gib, memory: [[0, 2 * gib], [10, 5 * gib], [10.5, 3 * gib], [40, 2 * gib]] as const };
const curve = memoryCurve(device, 50, 4 * gib);
assert.ok(curve);

const levels = fc.array(fc.tuple(fc.double({ min: 0.001, max: 20, noNaN: true }), fc.integer({ min: 0, max: 1000 })), { minLength: 1, maxLength: 80 });

function curveOf(lengths: readonly (readonly [number, number])[]) {
  let at = 0;
  const memory = lengths.map(([ms, bytes]) => {
    const start = at;
    at += ms;
    return [start, bytes] as const;
  });
  const made = memoryCurve({ name: "", peakMemoryBytes: 0, memory }, at);
  assert.ok(made);
  return { made, endMs: at };
}

describe("memory of a device over time", () => {
  it("holds each level until the next, and the last to the end", () => {
    assert.deepEqual(curve.steps.map(({ startMs, endMs, bytes }) => [startMs, endMs, bytes / gib]), [[0, 10, 2], [10, 10.5, 5], [10.5, 40, 3], [40, 50, 2]]);
    assert.deepEqual([stepAt(curve, -1), stepAt(curve, 10)?.bytes, stepAt(curve, 39.9)?.bytes, stepAt(curve, 50)], [undefined, 5 * gib, 3 * gib, undefined]);
    assert.equal(memoryCurve({ name: "", peakMemoryBytes: 1 }, 50), undefined, "a timeline without curves has none");
  });

  it("keeps a spike that is narrower than a pixel", () => {
    assert.deepEqual(memoryColumns(curve, 0, 50, 5).map(({ bytes }) => bytes / gib), [2, 5, 3, 2]);
    assert.equal(memoryColumns(curve, 0, 50, 100).length, 1);
    assert.equal(memoryColumns(curve, 0, 50, 100)[0].bytes, 5 * gib);
  });

  it("draws what is in view without gaps, never less than there is, with at most two columns a pixel", () => {
    fc.assert(fc.property(levels, fc.double({ min: 0.01, max: 30, noNaN: true }), fc.double({ min: 0, max: 1, noNaN: true }), (lengths, msPerPixel, share) => {
      const { made, endMs } = curveOf(lengths);
      const from = endMs * share * 0.9;
      const columns = memoryColumns(made, from, endMs, msPerPixel);
      assert.ok(columns[0].startMs <= from && columns[columns.length - 1].endMs === endMs);
      for (let i = 1; i < columns.length; i++) assert.equal(columns[i].startMs, columns[i - 1].endMs);
      for (const { startMs, endMs: end, bytes } of columns) {
        const inside = made.steps.filter((step) => step.startMs >= startMs && step.endMs <= end).map((step) => step.bytes);
        assert.equal(bytes, Math.max(...inside));
      }
      assert.ok(columns.length <= 2 * Math.ceil((endMs - from) / msPerPixel) + 1);
    }), { seed: 3 });
  });

  it("says in words what is over the limit, where and in all", () => {
    assert.deepEqual(memoryLines(curve, 1, 10.2), ["Memory of device 1", "5.00 GiB (125 % of 4.00 GiB)", "⚠ over the limit by 1.00 GiB", "from 10.0 ms to 10.5 ms", "peak 5.00 GiB"]);
    assert.deepEqual(memoryLines(curve, 1, 20).filter((line) => line.includes("⚠")), []);
    assert.deepEqual(memoryLines(curve, 1, 60), []);
    assert.equal(memorySentence(curve, 1), "Memory of device 1: peak 5.00 GiB of 4.00 GiB, over the limit");
  });
});
