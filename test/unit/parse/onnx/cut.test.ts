import assert from "node:assert/strict";
import fc from "fast-check";
import { chooseCuts, liveBytes } from "../../../../src/parse/onnx/cut";

const sequence = fc.integer({ min: 1, max: 40 }).chain((length) => fc.record({
  work: fc.array(fc.nat(20), { minLength: length, maxLength: length }),
  live: fc.array(fc.nat(6), { minLength: length, maxLength: length }),
}));
const rule = fc.record({ minShare: fc.constantFrom(0.01, 0.05, 0.1, 0.3, 1), maxLayers: fc.integer({ min: 1, max: 50 }) });

describe("cutting at narrow points", () => {
  it("leaves layers of the least share of the work, and not more of them than asked for", () => {
    fc.assert(fc.property(sequence, rule, ({ work, live }, given) => {
      const cuts = chooseCuts(work, live, given);
      const ends = [...cuts, work.length - 1];
      assert.ok(ends.length <= given.maxLayers);
      const total = work.reduce((sum, one) => sum + one, 0);
      let from = 0;
      for (const end of ends) {
        assert.ok(end >= from, "a layer holds at least one node");
        const share = work.slice(from, end + 1).reduce((sum, one) => sum + one, 0);
        if (cuts.length > 0) assert.ok(share >= total * Math.max(given.minShare, 1 / given.maxLayers) - 1e-9);
        from = end + 1;
      }
    }));
  });

  it("cuts only where no neighbouring place is narrower", () => {
    fc.assert(fc.property(sequence, rule, ({ work, live }, given) => {
      for (const cut of chooseCuts(work, live, given)) {
        // Walk over equal places to the first that differs; the last place is the end, not a cut.
        for (const step of [-1, 1]) {
          let at = cut;
          while (at >= 0 && at < live.length - 1 && live[at] === live[cut]) at += step;
          if (at >= 0 && at < live.length - 1) assert.ok(live[at] > live[cut]);
        }
      }
    }));
  });

  it("leaves no place where one more cut would fit", () => {
    fc.assert(fc.property(sequence, rule, ({ work, live }, given) => {
      const cuts = chooseCuts(work, live, given);
      const total = work.reduce((sum, one) => sum + one, 0);
      const least = total * Math.max(given.minShare, 1 / given.maxLayers);
      const between = (from: number, to: number) => work.slice(from, to).reduce((sum, one) => sum + one, 0);
      for (let place = 0; place < work.length - 1; place += 1) {
        const isMinimum = [-1, 1].every((step) => {
          let at = place;
          while (at >= 0 && at < live.length - 1 && live[at] === live[place]) at += step;
          return at < 0 || at >= live.length - 1 || live[at] > live[place];
        });
        if (!isMinimum || cuts.includes(place) || total === 0) continue;
        const before = Math.max(-1, ...cuts.filter((cut) => cut < place)) + 1;
        const after = Math.min(work.length - 1, ...cuts.filter((cut) => cut > place)) + 1;
        assert.ok(between(before, place + 1) < least + 1e-9 || between(place + 1, after) < least + 1e-9);
      }
    }));
  });

  it("prefers the narrowest place", () => {
    assert.deepEqual(chooseCuts([1, 1, 1, 1, 1, 1], [9, 5, 9, 2, 9, 0], { minShare: 0.3, maxLayers: 10 }), [1, 3]);
    assert.deepEqual(chooseCuts([1, 1, 1, 1, 1, 1], [9, 5, 9, 2, 9, 0], { minShare: 0.3, maxLayers: 2 }), []);
    assert.deepEqual(chooseCuts([2, 1, 1, 2], [5, 5, 5, 0], { minShare: 0.5, maxLayers: 2 }), [1]);
  });

  it("counts live bytes as a recount does", () => {
    const span = fc.record({ from: fc.nat(19), length: fc.nat(10), bytes: fc.nat(100) });
    fc.assert(fc.property(fc.array(span), (given) => {
      const spans = given.map(({ from, length, bytes }) => ({ from, to: Math.min(20, from + length), bytes }));
      const live = liveBytes(20, spans);
      for (let at = 0; at < 20; at += 1) assert.equal(live[at], spans.reduce((sum, { from, to, bytes }) => sum + (from <= at && at < to ? bytes : 0), 0));
    }));
  });
});
