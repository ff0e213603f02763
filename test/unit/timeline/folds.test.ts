import assert from "node:assert/strict";
import fc from "fast-check";
import type { Timeline } from "../../../src/model/timeline";
import { unlikeDevices } from "../../../src/timeline/layout/alike";
import { arrange, defaultFolds, restoredFolds, withDevice, withGroup, withReplicas, withSubLane, type Folds } from "../../../src/timeline/layout/folds";
import { placeLanes } from "../../../src/timeline/layout/geometry";
import { layoutTimeline } from "../../../src/timeline/layout/lanes";
import { operation, timelineOf } from "./builders";

const heights = { compute: 20, communication: 10, memory: 30, gap: 2, deviceGap: 6, group: 25 };
const devices = [0, 1, 2, 3];
const groups = [[0, 2], [1, 3]];

/** Two stages, two replicas: devices 0 and 2 do the same, 3 does what 1 does but later. */
function replicas(): Timeline {
  const timeline = timelineOf(devices.flatMap((device) => {
    const startMs = device === 1 ? 10 : device === 3 ? 15 : 0;
    return [
      operation({ op: "F", device, stage: device % 2, microbatch: 0, startMs, endMs: startMs + 10 }),
      operation({ op: "SEND", device, stream: "communication", startMs: startMs + 10, endMs: startMs + 11 }),
    ];
  }));
  return { ...timeline, devices: timeline.devices.map((device) => ({ ...device, memory: [[0, 1], [5, 2]] })) };
}

function lanesWith(folds: Folds, limits = [8, 8, 8, 8]): readonly string[] {
  const arrangement = arrange(folds, groups, limits, (group) => unlikeDevices(replicas(), group));
  return placeLanes([layoutTimeline(replicas())], heights, arrangement).lanes.map(({ lane }) => `${lane.device} ${lane.stream}`);
}

const record = fc.dictionary(fc.integer({ min: 0, max: 99 }).map(String), fc.boolean());
const anyFolds: fc.Arbitrary<Folds> = fc.record({ communication: fc.boolean(), memory: fc.boolean(), devices: record, groups: record, replicas: fc.boolean() }, { requiredKeys: ["communication", "memory", "devices", "groups"] });

describe("lanes that fold", () => {
  it("shows communication and hides memory unless told otherwise", () => {
    assert.deepEqual(lanesWith(defaultFolds), devices.flatMap((device) => [`${device} compute`, `${device} communication`]));
    assert.deepEqual(lanesWith(withSubLane(withSubLane(defaultFolds, "communication", false), "memory", true)), devices.flatMap((device) => [`${device} compute`, `${device} memory`]));
  });

  it("folds and unfolds a device on its own, until all are told", () => {
    const one = withDevice(withDevice(defaultFolds, 1, false), 2, true);
    assert.deepEqual(lanesWith(one), ["0 compute", "0 communication", "1 compute", "2 compute", "2 communication", "2 memory", "3 compute", "3 communication"]);
    assert.deepEqual(lanesWith(withSubLane(one, "communication", true)), lanesWith(defaultFolds));
  });

  it("folds replicas into their first device where there are many, or where asked to", () => {
    const folded = ["0 compute", "0 communication", "1 compute", "1 communication"];
    assert.deepEqual(lanesWith(withReplicas(defaultFolds, true)), folded);
    assert.deepEqual(lanesWith(defaultFolds, new Array<number>(9).fill(8)), folded);
    assert.deepEqual(lanesWith(withGroup(withReplicas(defaultFolds, true), 0, false)), ["0 compute", "0 communication", "1 compute", "1 communication", "2 compute", "2 communication"]);
    assert.deepEqual(lanesWith(withReplicas(withGroup(defaultFolds, 0, true), false)), lanesWith(defaultFolds));
  });

  it("knows which replicas do not do what the first one does", () => {
    assert.deepEqual(groups.map((group) => unlikeDevices(replicas(), group)), [[], [3]]);
    const [, , , ...others] = replicas().operations;
    assert.deepEqual(unlikeDevices({ ...replicas(), operations: others }, [2, 0]), [0], "one with less to do");
  });

  it("leaves a group room to name itself", () => {
    const arrangement = arrange({ ...defaultFolds, communication: false }, groups, [], () => []);
    const placement = placeLanes([layoutTimeline(replicas())], heights, arrangement);
    assert.deepEqual(placement.devices.map(({ y, height, isUnfolded }) => [y, height, isUnfolded]), [[0, 25, false], [31, 25, false], [62, 20, false], [88, 20, false]]);
    assert.equal(placement.height, 108);
  });

  it("puts each curve under its own limit", () => {
    const placement = placeLanes([layoutTimeline(replicas())], heights, arrange(withSubLane(defaultFolds, "memory", true), [], [5, 6, 7, 8], () => []));
    assert.deepEqual(placement.lanes.flatMap(({ lane }) => lane.memory?.limitBytes ?? []), [5, 6, 7, 8]);
  });

  it("comes back as it was kept, and as the default from anything else", () => {
    fc.assert(fc.property(anyFolds, (folds) => assert.deepEqual(restoredFolds(JSON.parse(JSON.stringify(folds))), { ...folds, devices: { ...folds.devices }, groups: { ...folds.groups } })), { seed: 5 });
    for (const broken of [undefined, null, 3, "x", [], { devices: 7, groups: { a: "b" }, memory: "yes", replicas: 1 }]) assert.deepEqual(restoredFolds(broken), defaultFolds);
  });
});
