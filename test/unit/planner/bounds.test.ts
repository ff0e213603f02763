import { strict as assert } from "node:assert";
import fc from "fast-check";
import type { Cluster } from "../../../src/model/cluster";
import { scheduleNames } from "../../../src/model/plan";
import { candidatesOf } from "../../../src/planner/search/candidates";
import { searchPlan } from "../../../src/planner/search/search";
import { contextOf } from "../../../src/simulate/context";
import { base, chainsProfile, type LayerCase } from "./cases";

const layerCase: fc.Arbitrary<LayerCase> = fc.record({
  forward: fc.integer({ min: 1, max: 30 }),
  backward: fc.integer({ min: 2, max: 60 }),
  launch: fc.constantFrom(0, 0.5),
  cut: fc.integer({ min: 0, max: 3_000_000 }),
  params: fc.constantFrom(4000, 4e6, 4e7),
});

/** Nodes whose devices share one way to the network, or have their own. */
function nodesOf(nodes: number, devicesPerNode: number, sharedByNode: boolean, gigabytesPerSecond: number, latencyUs: number): Cluster {
  const device = { name: "made up", memoryBytes: 1e12, peakTflops: { fp32: 1 }, bandwidthGBps: 1e3 };
  return {
    format: "diffusionpipe.cluster/1",
    nodeGroups: [{ count: nodes, devicesPerNode, device, intraNode: { latencyUs: 5, bandwidthGBps: 20 } }],
    interNode: { latencyUs, bandwidthGBps: gigabytesPerSecond, sharedByNode },
  };
}

describe("bounds of a search", () => {
  it("are beaten by no simulated plan, whatever the network, and are near where it decides", async () => {
    const shares: number[] = [];
    const ofSchedule = new Map<string, number[]>();
    const cases = fc.sample(
      fc.record({
        chains: fc.array(fc.array(layerCase, { minLength: 4, maxLength: 8 }), { minLength: 1, maxLength: 2 }),
        nodes: fc.constantFrom(2, 4),
        devicesPerNode: fc.constantFrom(1, 2),
        shared: fc.boolean(),
        bandwidth: fc.constantFrom(0.05, 0.5, 5),
        latencyUs: fc.constantFrom(10, 2000),
        fill: fc.boolean(),
      }),
      { numRuns: 6, seed: 3 },
    );
    for (const { chains, nodes, devicesPerNode, shared, bandwidth, latencyUs, fill } of cases) {
      const context = contextOf(chainsProfile(chains, [{ forward: 3, backward: 0, launch: 0.2, cut: 1000 }]), nodesOf(nodes, devicesPerNode, shared, bandwidth, latencyUs));
      for (const schedule of scheduleNames) {
        const space = { globalBatch: 8, schedules: [schedule], fill };
        for (const { stages, microbatches } of candidatesOf(space, context)) {
          const { rows } = await searchPlan(base, { ...space, stages, microbatches }, context);
          for (const { predicted, boundMs } of rows) {
            if (!predicted) continue;
            assert(boundMs <= predicted.periodMs * (1 + 1e-9), `${schedule} ${stages} ${microbatches}: ${boundMs}, ${predicted.periodMs}`);
            ofSchedule.set(schedule, [...(ofSchedule.get(schedule) ?? []), boundMs / predicted.periodMs]);
            if (shared && bandwidth < 1) shares.push(boundMs / predicted.periodMs);
          }
        }
      }
    }
    // Loose bounds rule out nothing.
    for (const [schedule, own] of ofSchedule) {
      own.sort((a, b) => a - b);
      assert(own[own.length >> 1] > 0.65 && own[own.length - 1] > 0.95, `${schedule}: ${own[own.length >> 1]}, ${own.at(-1)}`);
    }
    shares.sort((a, b) => a - b);
    assert(shares[shares.length >> 1] > 0.5 && shares[shares.length - 1] > 0.95, JSON.stringify([shares[shares.length >> 1], shares.at(-1)]));
  }).timeout(600_000);

  it("are beaten by no plan of a model with long skips, where a V keeps what it needs again", async () => {
    const cut = { forward: 3, backward: 6, launch: 0.2, cut: 0 };
    const plain = chainsProfile([Array.from({ length: 8 }, () => cut)], []);
    const consumer = (layer: number) => ({ component: "chain0", layer: `chain0.${layer}` });
    const tensors = [
      ...Array.from({ length: 7 }, (_, l) => ({ id: `x${l}`, producer: consumer(l), consumers: [consumer(l + 1)], bytesPerSample: 1e5 * (1 + (l % 3)), hasGradient: true, transport: "chain" as const })),
      ...Array.from({ length: 3 }, (_, l) => ({ id: `skip${l}`, producer: consumer(l), consumers: [consumer(7 - l)], bytesPerSample: 2e6, hasGradient: true, transport: "chain" as const })),
    ];
    const profile = { ...plain, tensors, components: plain.components.filter(({ name }) => name !== "encoder").map((one) => ({ ...one, after: [] })) };
    let count = 0;
    for (const [nodes, devicesPerNode, bandwidth] of [[2, 2, 0.05], [4, 1, 0.5], [2, 2, 5]] as const) {
      const context = contextOf(profile, nodesOf(nodes, devicesPerNode, true, bandwidth, 50));
      for (const schedule of ["interleaved", "zb-v", "dualpipev", "chimera"] as const) {
        const space = { globalBatch: 16, schedules: [schedule], fill: false };
        for (const { stages, microbatches } of candidatesOf(space, context)) {
          const { rows } = await searchPlan(base, { ...space, stages, microbatches }, context);
          for (const { predicted, boundMs } of rows) {
            if (!predicted) continue;
            count++;
            assert(boundMs <= predicted.periodMs * (1 + 1e-9), `${schedule} ${stages} ${microbatches}: ${boundMs}, ${predicted.periodMs}`);
          }
        }
      }
    }
    assert(count > 30);
  }).timeout(600_000);
});
