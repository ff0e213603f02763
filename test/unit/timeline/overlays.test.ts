import assert from "node:assert/strict";
import fc from "fast-check";
import type { Timeline } from "../../../src/model/timeline";
import { criticalShares } from "../../../src/timeline/layout/criticalShares";
import { flowsInView, flowsOf, neighboursOf } from "../../../src/timeline/layout/flows";
import { placeLanes, placeOfOperation, sliceOf } from "../../../src/timeline/layout/geometry";
import { operationKey, operationOfKey } from "../../../src/timeline/layout/kinds";
import { layoutTimeline } from "../../../src/timeline/layout/lanes";
import { occupancyOf } from "../../../src/timeline/layout/occupancy";
import { withEnd } from "../../../src/timeline/layout/range";
import { rangeStats } from "../../../src/timeline/layout/rangeStats";
import { operation, timelineOf, twoStages } from "./builders";

const heights = { compute: 20, communication: 10, gap: 2, deviceGap: 6 };
const timeline = twoStages();
const layout = layoutTimeline(timeline);
const placement = placeLanes([layout], heights);

/** Operations one after another or at once on up to three devices, each waiting for some that had ended. */
const timelines: fc.Arbitrary<Timeline> = fc
  .array(fc.record({ device: fc.nat(2), op: fc.constantFrom("F" as const, "B" as const, "FILL" as const, "SEND" as const, "OPTIM" as const), start: fc.nat(150), length: fc.nat(25), picks: fc.array(fc.nat(200), { maxLength: 3 }) }), { minLength: 1, maxLength: 40 })
  .map((list) => timelineOf(list.map(({ device, op, start, length, picks }, index) => operation({
    op, device, microbatch: index, stream: op === "SEND" ? "communication" : "compute", startMs: start, endMs: start + length,
    deps: picks.map((pick) => pick % list.length).filter((other) => other !== index && list[other].start + list[other].length <= start),
  }))));

describe("arrows of the selected operation", () => {
  it("come from what it waited for and go to what waited for it", () => {
    const place = placeOfOperation(placement, 0, 4);
    assert.ok(place);
    assert.deepEqual(neighboursOf(timeline, 4), { before: [2], after: [5] });
    const flows = flowsOf(placement, [timeline], place);
    assert.deepEqual(flows, [
      { direction: "into", operation: 2, fromMs: 10.5, fromY: 27, toMs: 10, toY: 48 },
      { direction: "out", operation: 5, fromMs: 20, fromY: 48, toMs: 20, toY: 48 },
    ]);
  });

  it("are none for idle time", () => {
    const row = placement.lanes[0].lane.rows[0];
    assert.deepEqual(flowsOf(placement, [timeline], { lane: 0, row: 0, slice: row.findIndex(({ kind }) => kind === "idle") }), []);
  });

  it("agree with the dependencies from both sides, wherever operations are drawn", () => {
    fc.assert(fc.property(timelines, (random) => {
      const placed = placeLanes([layoutTimeline(random)], heights);
      random.operations.forEach((own, index) => {
        const place = placeOfOperation(placed, 0, index);
        assert.ok(place && sliceOf(placed, place)?.index === index, "an operation has a place, and that place is its own");
        const flows = flowsOf(placed, [random], place);
        const ends = (direction: string) => flows.filter((flow) => flow.direction === direction).map((flow) => flow.operation).sort((a, b) => a - b);
        assert.deepEqual(ends("into"), [...new Set(own.deps)].sort((a, b) => a - b));
        assert.deepEqual(ends("out"), random.operations.flatMap(({ deps }, other) => (deps.includes(index) ? [other] : [])));
      });
    }));
  });

  it("are drawn where they pass through the view, the shortest first, and the rest is counted", () => {
    const flow = (fromMs: number, toMs: number, y = 5) => ({ direction: "out" as const, operation: 0, fromMs, toMs, fromY: y, toY: y });
    const window = { fromMs: 10, toMs: 20, fromY: 0, toY: 10 };
    const flows = [flow(0, 5), flow(0, 30), flow(12, 14), flow(18, 25), flow(12, 14, 50), flow(21, 30)];
    assert.deepEqual(flowsInView(flows, window, 2), { shown: [flow(12, 14), flow(18, 25)], more: 1 });
    assert.deepEqual(flowsInView(flows, window, 9).shown.length, 3);
  });
});

describe("shares of the critical path", () => {
  it("are those of its last period", () => {
    // Over [45, 95]: B from 45 to 50, send to 60, nothing to 70, B to 90, optimizer to 95.
    const path = timelineOf([
      operation({ op: "B", startMs: 0, endMs: 50 }), operation({ op: "SEND", stream: "communication", startMs: 50, endMs: 60 }),
      operation({ op: "B", startMs: 70, endMs: 90 }), operation({ op: "OPTIM", startMs: 90, endMs: 95 }), operation({ op: "F", startMs: 0, endMs: 400 }),
    ], { criticalPath: [0, 1, 2, 3], periodMs: 50 });
    assert.deepEqual(criticalShares(path), { operations: 4, fromMs: 45, toMs: 95, compute: 0.6, communication: 0.2, idle: 1 - 0.6 - 0.2 });
  });

  it("count a barrier as idle, and are undefined without a path", () => {
    const path = timelineOf([operation({ op: "F", startMs: 0, endMs: 30 }), operation({ op: "GRAD_NORM", startMs: 30, endMs: 40 })], { criticalPath: [0, 1], periodMs: 100 });
    assert.deepEqual(criticalShares(path), { operations: 2, fromMs: 0, toMs: 40, compute: 0.75, communication: 0, idle: 0.25 });
    assert.equal(criticalShares(twoStages()), undefined);
  });

  it("make up the whole, whatever the path", () => {
    fc.assert(fc.property(timelines, fc.double({ min: 1, max: 300, noNaN: true }), (random, periodMs) => {
      const inOrder = random.operations.map((_, index) => index).sort((a, b) => random.operations[a].startMs - random.operations[b].startMs);
      const shares = criticalShares({ ...random, criticalPath: inOrder, periodMs });
      if (!shares) return;
      assert.ok(shares.toMs - shares.fromMs <= periodMs + 1e-9);
      for (const share of [shares.compute, shares.communication, shares.idle]) assert.ok(share >= 0 && share <= 1 + 1e-9);
      assert.ok(Math.abs(shares.compute + shares.communication + shares.idle - 1) < 1e-9);
    }));
  });
});

describe("how busy devices are", () => {
  it("bin by bin", () => {
    const [first, second] = occupancyOf(layout, 0, 100, 10);
    assert.deepEqual([...first.trained], [1, 1, 0, 0, 1, 1, 0, 1, 1, 0.5]);
    assert.deepEqual([...first.frozen], new Array(10).fill(0));
    assert.deepEqual([...second.frozen].map((share) => share.toFixed(2)), ["0.80", ...new Array<string>(9).fill("0.00")]);
  });

  it("adds up to the time worked, in any bins that hold it", () => {
    fc.assert(fc.property(timelines, fc.integer({ min: 1, max: 300 }), (random, bins) => {
      const own = layoutTimeline(random);
      const [from, to] = [own.startMs - 3, own.endMs + 7];
      for (const [place, { trained, frozen }] of occupancyOf(own, from, to, bins).entries()) {
        const rows = own.lanes.filter(({ stream }) => stream === "compute")[place].rows;
        const worked = rows.flat().filter(({ kind }) => kind !== "idle" && kind !== "communication").reduce((sum, { startMs, endMs }) => sum + endMs - startMs, 0);
        const shown = ([...trained, ...frozen].reduce((sum, share) => sum + share, 0) * (to - from)) / bins;
        assert.ok(shown <= worked + 1e-3);
        if (rows.length === 1) assert.ok(Math.abs(shown - worked) < 1e-3 * Math.max(1, worked));
      }
    }));
  });
});

describe("what happens in a range", () => {
  it("is told per device, by kind and by length", () => {
    const { devices, all, kinds, longest } = rangeStats(layout, 5, 45, 3);
    assert.deepEqual(devices, [{ device: 0, busy: 20, frozen: 0, idle: 20 }, { device: 1, busy: 35, frozen: 3, idle: 2 }]);
    assert.deepEqual(all, { busy: 55, frozen: 3, idle: 22 });
    assert.deepEqual(kinds, [{ op: "F", count: 4, ms: 30 }, { op: "B", count: 2, ms: 25 }, { op: "FILL", count: 1, ms: 3 }, { op: "SEND", count: 1, ms: 0.5 }]);
    assert.deepEqual(longest, [5, 8, 0]);
  });

  it("covers the whole of every device's lane when the range holds everything", () => {
    fc.assert(fc.property(timelines, (random) => {
      const own = layoutTimeline(random);
      const { devices, kinds } = rangeStats(own, own.startMs, own.endMs);
      assert.equal(kinds.reduce((sum, { count }) => sum + count, 0), random.operations.length);
      for (const { device, busy, frozen, idle } of devices) {
        const lane = own.lanes.find((other) => other.device === device && other.stream === "compute");
        const length = lane?.rows.flat().reduce((sum, { startMs, endMs }) => sum + endMs - startMs, 0) ?? 0;
        assert.ok(Math.abs(busy + frozen + idle - length) < 1e-6);
      }
    }));
  });

  it("takes its ends from slices, one at a time", () => {
    const slice = { startMs: 10, endMs: 20 };
    assert.deepEqual(withEnd(undefined, "from", slice), [10, 20]);
    assert.deepEqual(withEnd(undefined, "to", slice), [10, 20]);
    assert.deepEqual(withEnd([0, 50], "from", slice), [10, 50]);
    assert.deepEqual(withEnd([0, 50], "to", slice), [0, 20]);
    assert.deepEqual(withEnd([30, 50], "to", slice), [10, 20]);
    assert.deepEqual(withEnd([0, 5], "from", slice), [10, 20]);
  });
});

describe("an operation's key", () => {
  it("finds it again", () => {
    timeline.operations.forEach((own, index) => assert.equal(operationOfKey(timeline.operations, operationKey(own)), index));
    assert.equal(operationOfKey(timeline.operations, "7|F|0||||||"), -1);
  });
});
