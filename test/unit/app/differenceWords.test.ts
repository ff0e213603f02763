import assert from "node:assert/strict";
import { differenceWords } from "../../../src/app/differenceWords";
import type { PlanDifference } from "../../../src/planner/explain/difference";

const difference: PlanDifference = {
  decisions: [{ what: "schedule", here: "1f1b", there: "gpipe" }],
  periodMs: { here: 100, there: 88 },
  parts: [
    { name: "work", here: 80, there: 80.1 },
    { name: "pipeline", here: 15, there: 5 },
    { name: "messages", here: 3, there: 1.9 },
    { name: "synchronisation", here: 2, there: 1 },
  ],
};

describe("the difference of two plans in words", () => {
  it("says by how much the other is faster, then why, the largest part first", () => {
    const { lead, causes, decisions } = differenceWords(difference, "The saved plan");
    assert.equal(lead, "The saved plan takes 12.0 ms less than this plan: 88.0 ms against 100.0 ms (−12.0 %).");
    assert.deepEqual(causes, [
      "It waits for other stages 10.0 ms less: 5.00 ms against 15.0 ms.",
      "It waits for messages 1.10 ms less: 1.90 ms against 3.00 ms.",
      "It waits for sums of gradients 1.00 ms less: 1.00 ms against 2.00 ms.",
    ]);
    assert.equal(decisions, difference.decisions);
  });

  it("says the contrary the other way round", () => {
    const turned = { ...difference, periodMs: { here: 88, there: 100 } };
    assert.match(differenceWords(turned, "b.pipeplan.json").lead, /^b\.pipeplan\.json takes 12\.0 ms more than this plan/);
  });

  it("calls equal what is equal", () => {
    const same = { ...difference, periodMs: { here: 100, there: 100.1 }, parts: difference.parts.map((part) => ({ ...part, there: part.here })) };
    const { lead, causes } = differenceWords(same, "DDP at its best");
    assert.equal(lead, "DDP at its best takes as long as this plan: 100.1 ms.");
    assert.deepEqual(causes, []);
  });
});
