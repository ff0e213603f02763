import assert from "node:assert/strict";
import fc from "fast-check";
import { scheduleNames } from "../../../src/model/plan";
import { holdingsOf } from "../../../src/plan/placement";
import { replicaGroups } from "../../../src/plan/replicas";
import { examplesOf } from "../simulate/plans";

const stage = (...devices: readonly number[]) => ({ from: 0, to: 1, devices });

describe("replicas", () => {
  it("hold the same stages", () => {
    assert.deepEqual(replicaGroups({ dataParallel: 3, chains: [{ id: "a", stages: [stage(0, 2, 4), stage(1, 3, 5)] }] }), [[0, 2, 4], [1, 3, 5]]);
    assert.deepEqual(replicaGroups({ dataParallel: 1, chains: [{ id: "a", stages: [stage(0), stage(1, 2)] }] }), [[1, 2]], "those that share micro-batches too");
    assert.deepEqual(replicaGroups({ dataParallel: 1, chains: [{ id: "a", stages: [stage(0), stage(1)] }, { id: "b", stages: [stage(1), stage(0)] }] }), []);
  });

  it("are each in one group, with all that hold what they hold", () => {
    fc.assert(fc.property(fc.constantFrom(...scheduleNames).chain(examplesOf), ({ plan }) => {
      const stagesOf = holdingsOf(plan).map((held) => [...new Set(held.map((one) => `${one.chain} ${one.stage}`))].sort().join());
      const groups = replicaGroups(plan);
      assert.equal(new Set(groups.flat()).size, groups.flat().length);
      for (const [device, stages] of stagesOf.entries()) {
        const others = stagesOf.flatMap((other, at) => (other === stages ? [at] : []));
        assert.deepEqual(groups.find((group) => group.includes(device)) ?? [device], others);
      }
    }), { numRuns: 40, seed: 11 });
  });
});
