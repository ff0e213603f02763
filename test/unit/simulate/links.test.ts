/** Messages that meet on a link, by hand. */
import { strict as assert } from "node:assert";
import type { Cluster } from "../../../src/model/cluster";
import type { Operation } from "../../../src/model/program";
import { contextOf } from "../../../src/simulate/context";
import { allReduceMs, durations, type Durations } from "../../../src/simulate/durations";
import { settle } from "../../../src/simulate/engine";
import { structureOf, timed, type Times } from "../../../src/simulate/graph";
import { base, profileOf } from "../planner/cases";

const profile = profileOf([{ forward: 1, backward: 1, launch: 0, cut: 4 }]);

/** `nodes` of two devices each; a link takes a ms for a MB. */
function clusterOf(nodes: number, sharedByNode: boolean, overlapsCommunication = true): Cluster {
  const link = { latencyUs: 0, bandwidthGBps: 1 };
  return { format: "diffusionpipe.cluster/1", nodeGroups: [{ count: nodes, devicesPerNode: 2, device: { name: "made up", memoryBytes: 1e9, peakTflops: { fp32: 1 }, bandwidthGBps: 1 }, intraNode: link }], interNode: { ...link, sharedByNode }, overlapsCommunication };
}

/** A MB a ms. Work takes its samples in ms. */
const costs: Durations = {
  of: ({ op, bytes = 0, samples = [0, 0] }) => (op === "FILL" ? samples[1] - samples[0] : op === "SEND" ? bytes / 1e6 : 0),
  buckets: ({ bytes = 0 }) => [{ progress: { B: 1, W: 1 }, ms: bytes / 1e6 }],
};

const work = (ms: number): Operation => ({ op: "FILL", iteration: 0, samples: [0, ms] });
const send = (peer: number, bytes = 1e6): Operation => ({ op: "SEND", iteration: 0, channel: "forward", peer, tag: 0, bytes });
const receive = (peer: number, bytes = 1e6): Operation => ({ op: "RECV", iteration: 0, channel: "forward", peer, tag: 0, bytes });
const reduce = (stage: number, peers: readonly number[]): readonly Operation[] => [{ op: "B", iteration: 0, chain: "main", stage }, { op: "REDUCE", iteration: 0, chain: "main", stage, peers, bytes: 1e6 }];

/** [start, end] of each operation of the first iteration's lists, by rank and place. */
function run(lists: readonly (readonly Operation[])[], cluster: Cluster): readonly (readonly (readonly [number, number])[])[] {
  const norm: Operation = { op: "GRAD_NORM", iteration: 0 };
  const context = contextOf(profile, cluster);
  const { previous, periodMs } = settle(timed(structureOf(lists.map((list) => [...list, norm]), context), costs));
  const zero = Math.round(previous.start.reduce((a, b) => Math.min(a, b)) / periodMs) * periodMs;
  return shaped(lists, previous, zero);
}

function shaped(lists: readonly (readonly Operation[])[], { start, end }: Times, zero: number) {
  let at = 0;
  return lists.map((list) => {
    const times = list.map((_, i) => [start[at + i] - zero, end[at + i] - zero] as const);
    at += list.length + 1;
    return times;
  });
}

describe("links", () => {
  it("carry one message at a time into a device, in the order in which they are ready", () => {
    const into = [[receive(1), receive(2)], [work(0.5), send(0)], [work(0.25), send(0)], []];
    const [, [, second], [, first]] = run(into, clusterOf(2, false));
    assert.deepEqual(first, [0.25, 1.25]);
    assert.deepEqual(second, [0.5, 1.5], "from a node's other device and from the network are two ways in");
    const one: Cluster = { ...clusterOf(1, false), nodeGroups: [{ ...clusterOf(1, false).nodeGroups[0], devicesPerNode: 4 }] };
    const [, [, later], [, earlier]] = run(into, one);
    assert.deepEqual([earlier, later], [[0.25, 1.25], [1.25, 2.25]]);
  });

  it("to the network are a node's or a device's own", () => {
    const across = [[send(2)], [send(3)], [receive(0)], [receive(1)]];
    const times = (sharedByNode: boolean) => run(across, clusterOf(2, sharedByNode)).slice(0, 2).map(([sent]) => sent);
    assert.deepEqual(times(false), [[0, 1], [0, 1]]);
    assert.deepEqual(times(true), [[0, 1], [1, 2]]);
  });

  it("go both ways at once", () => {
    const both = [[send(2), receive(2)], [], [send(0), receive(0)], []];
    const [[sent], , [returned]] = run(both, clusterOf(2, true));
    assert.deepEqual([sent, returned], [[0, 1], [0, 1]]);
  });

  it("hold up a sender that blocks as long as its message waits", () => {
    const across = [[send(2), work(1)], [send(3), work(1)], [receive(0)], [receive(1)]];
    const [, [, after]] = run(across, clusterOf(2, true, false));
    assert.deepEqual(after, [2, 3]);
    const [, [, at]] = run(across, clusterOf(2, true));
    assert.deepEqual(at, [0, 1]);
  });

  it("carry all-reduces one after another too", () => {
    const lists = [reduce(0, [0, 2]), reduce(1, [1, 3]), reduce(0, [0, 2]), reduce(1, [1, 3])];
    const ends = (sharedByNode: boolean) => run(lists, clusterOf(2, sharedByNode)).map(([, [, end]]) => end);
    assert.deepEqual(ends(false), [1, 1, 1, 1]);
    assert.deepEqual(ends(true), [1, 2, 1, 2]);
  });

  it("are parted among the messages of one ring that leave a node", () => {
    const ring = (peers: readonly number[], sharedByNode: boolean) => {
      const context = contextOf(profile, clusterOf(2, sharedByNode));
      const plan = { batch: { global: 4, microbatches: 1 }, dataParallel: 4, optimizer: base.optimizer, worldSize: 4, chains: [{ id: "main", stages: [{ from: 0, to: 1, devices: [0, 1, 2, 3] }] }] };
      return durations(plan, context).buckets({ op: "REDUCE", iteration: 0, chain: "main", stage: 0, peers })[0].ms;
    };
    const whole = allReduceMs({ latencyUs: 0, bandwidthGBps: 1 }, 4, 4000);
    assert.equal(ring([0, 1, 2, 3], true), whole);
    assert.equal(ring([0, 2, 1, 3], false), whole);
    assert.equal(ring([0, 2, 1, 3], true), 2 * whole);
  });
});
