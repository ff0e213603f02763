import assert from "node:assert/strict";
import { acrossLanes, neighbour, placeLanes, placeOfOperation, sliceAt, sliceOf } from "../../../src/timeline/layout/geometry";
import { layoutTimeline } from "../../../src/timeline/layout/lanes";
import { twoStages } from "./builders";

const heights = { compute: 20, communication: 10, gap: 2, deviceGap: 6 };
const placement = placeLanes([layoutTimeline(twoStages())], heights);

describe("where slices lie", () => {
  it("stacks lanes device by device", () => {
    assert.deepEqual(placement.lanes.map((placed) => [placed.y, placed.height]), [[0, 20], [22, 10], [38, 20]]);
    assert.equal(placement.height, 58);
  });

  it("puts measured lanes under the predicted ones of the same device", () => {
    const both = placeLanes([layoutTimeline(twoStages()), layoutTimeline({ ...twoStages(), source: "measured" })], heights);
    assert.deepEqual(both.lanes.map(({ lane }) => `${lane.device} ${lane.source} ${lane.stream}`), [
      "0 predicted compute", "0 predicted communication", "0 measured compute", "0 measured communication", "1 predicted compute", "1 measured compute",
    ]);
  });

  it("finds the slice under a point, and one too narrow to hit with slack", () => {
    const hit = (y: number, ms: number, slack = 0) => {
      const place = sliceAt(placement, y, ms, slack);
      const slice = place && sliceOf(placement, place);
      return slice && `${slice.kind} ${slice.startMs}`;
    };
    assert.equal(hit(5, 45), "backward 40");
    assert.equal(hit(5, 25), "idle 20");
    assert.equal(hit(25, 10.2), "communication 10");
    assert.equal(hit(25, 12), undefined);
    assert.equal(hit(25, 12, 2), "communication 10");
    assert.equal(hit(34, 45), undefined, "between two devices");
    assert.equal(hit(500, 45), undefined);
  });

  it("steps over idle time along a lane, and by time across lanes", () => {
    const f1 = placeOfOperation(placement, 0, 1);
    assert.ok(f1);
    const next = neighbour(placement, f1, 1);
    assert.ok(next);
    assert.equal(sliceOf(placement, next)?.index, 8);
    assert.deepEqual(neighbour(placement, next, -1), f1);
    assert.equal(neighbour(placement, { lane: 0, row: 0, slice: 0 }, -1), undefined);
    const below = acrossLanes(placement, { lane: 1, row: 0, slice: 0 }, 1);
    assert.equal(below && sliceOf(placement, below)?.index, 4);
    assert.equal(acrossLanes(placement, f1, -1), undefined);
  });
});
