import { strict as assert } from "node:assert";
import { cutBound } from "../../../src/planner/partition/cutBound";
import { randomFrom } from "../fuzz/mutate";
import { allCuts } from "./cases";
import { caseOf, type Space } from "./partitionCases";

/** How often `partition` finds what exhaustive search finds, and by how much it misses it at worst. */
function judge(what: string, seed: number, count: number, space: Space): { readonly equal: number; readonly worst: number } {
  const random = randomFrom(seed);
  let equal = 0;
  let worst = 1;
  let binding = 0;
  for (let c = 0; c < count; c++) {
    const one = caseOf(random, space);
    const all = allCuts(one.layers, one.kind.stages);
    const best = Math.min(...all.map((cuts) => (one.excess(cuts) <= 0 ? one.passesMs(cuts) : Infinity)));
    const bound = cutBound([one.shape], one.context);
    for (const cuts of all) assert(bound.of(cuts) <= one.passesMs(cuts) * (1 + 1e-9), `${one.kind.schedule} ${cuts.join()}`);
    const left = all.filter((cuts) => bound.of(cuts) < best * (1 - 1e-9));
    const found = one.found();
    const listed = new Set(bound.below(best, all.length)?.map((cuts) => cuts.join()));
    assert(left.every((cuts) => listed.has(cuts.join())) && listed.size <= all.length, "a cut that might be faster is left out");
    assert(best < Infinity && found >= best * (1 - 1e-9), "exhaustive search missed a cut");
    if (found <= best * (1 + 1e-9)) equal++;
    if (one.isBinding) binding++;
    worst = Math.max(worst, found / best);
  }
  process.stdout.write(`      ${what}: ${equal} of ${count} equal to exhaustive search (memory binds in ${binding}), worst ${((worst - 1) * 100).toFixed(3)} % over\n`);
  return { equal, worst };
}

const chain: Space = { schedules: ["1f1b", "gpipe"], layers: [5, 10], devices: [2, 4], stagesPerDevice: 1, skips: false, selfConditioned: false };
const inV: Space = { schedules: ["zb-v"], layers: [6, 9], devices: [2, 3], stagesPerDevice: 2, skips: true, selfConditioned: false };

describe("partition against exhaustive search: skips, self-conditioning, V placement", () => {
  for (const [what, seed, space, share] of [
    ["skips", 1, { ...chain, skips: true }, 0.99],
    ["self-conditioning", 2, { ...chain, selfConditioned: true }, 0.99],
    ["self-conditioning with skips", 3, { ...chain, skips: true, selfConditioned: true }, 0.99],
    ["zb-v", 4, inV, 0.99],
    ["dualpipev", 5, { ...inV, schedules: ["dualpipev"] }, 0.99],
    ["zb-v, no tensors", 6, { ...inV, skips: false }, 0.99],
    ["zb-v, self-conditioning", 7, { ...inV, selfConditioned: true }, 0.99],
  ] as const) {
    it(`is equal in at least ${100 * share} % of 200 cases, never over 1 % worse: ${what}`, () => {
      const { equal, worst } = judge(what, seed, 200, space);
      assert(equal >= share * 200 && worst <= 1.01, `${equal} of 200, worst ${worst}`);
    }).timeout(120_000);
  }
});
