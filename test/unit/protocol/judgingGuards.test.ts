import assert from "node:assert/strict";
import fc from "fast-check";
import { isHostMessage, isViewMessage } from "../../../src/protocol/guards";
import type { Answer, Ask } from "../../../src/protocol/judging";
import { Requests } from "../../../src/protocol/requests";
import { timelineOf } from "../timeline/builders";
import { planOf } from "../../webview/documents";

const figures = { periodMs: 1, throughputPerSecond: 2, peakMemoryBytes: 3 };
const asks: readonly Ask[] = [
  { kind: "bound", plan: planOf(2, 4) },
  { kind: "why", version: 1 },
  { kind: "worth", version: 1 },
  { kind: "alternatives", version: 1 },
  { kind: "alternative", version: 1, row: 0 },
  { kind: "compare", version: 1, other: { of: "file" }, iterations: 2 },
  { kind: "compare", version: 1, other: { of: "baseline", name: "DDP" }, iterations: 2 },
  { kind: "compare", version: 1, other: { of: "alternative", row: 3 }, iterations: 2 },
];
const answers: readonly Answer[] = [
  { kind: "bound", boundMs: 1.5 },
  { kind: "why", verdict: "bound", parts: [{ title: "Messages", ms: 1, text: "", isBound: true, reasons: [{ text: "a", operation: "0|F" }] }] },
  { kind: "worth", verdict: "yes", plan: figures, methods: [{ name: "DDP", figures, speedUp: 1.2, note: "", isSimulated: true }, { name: "FSDP", note: "no", isSimulated: false }] },
  { kind: "alternatives", rows: [{ ...figures, schedule: "1f1b", stages: 2, microbatches: 4, dataParallel: 1, more: "", bubbleRatio: 0.1, isRunnable: true, isKept: true }], left: { pruned: 1, notTried: 0, doNotFit: 0 }, limitBytes: 9 },
  { kind: "alternative", plan: planOf(2, 4) },
  { kind: "compare", name: "b", timeline: timelineOf([]), lead: "", decisions: [{ what: "schedule", here: "a", there: "b" }], causes: ["x"] },
];

describe("guards of questions and answers", () => {
  it("let each kind through", () => {
    for (const ask of asks) assert.ok(isViewMessage({ type: "ask", id: 1, ask }), ask.kind);
    for (const answer of answers) assert.ok(isHostMessage({ type: "reply", id: 1, answer }), answer.kind);
    assert.ok(isHostMessage({ type: "standing", version: 1, standing: { boundMs: 1, saved: figures } }));
    assert.ok(isHostMessage({ type: "progress", id: 1, done: 2, total: 3 }));
    assert.ok(isViewMessage({ type: "cancel", id: 1 }));
    assert.ok(isViewMessage({ type: "edit", id: 1, edit: { kind: "replacePlan", version: 1, plan: planOf(2, 4) } }));
  });

  it("refuse a field of another type, wherever it is", () => {
    for (const ask of asks) for (const field of Object.keys(ask)) assert.ok(!isViewMessage({ type: "ask", id: 1, ask: { ...ask, [field]: Symbol("other") } }), `${ask.kind}.${field}`);
    for (const answer of answers) for (const field of Object.keys(answer)) assert.ok(!isHostMessage({ type: "reply", id: 1, answer: { ...answer, [field]: Symbol("other") } }), `${answer.kind}.${field}`);
    assert.ok(!isViewMessage({ type: "ask", id: 1, ask: { kind: "compare", version: 1, other: { of: "baseline" }, iterations: 2 } }));
    assert.ok(!isHostMessage({ type: "standing", version: 1, standing: { saved: { ...figures, periodMs: "1" } } }));
    assert.ok(!isViewMessage({ type: "edit", id: 1, edit: { kind: "replacePlan", version: 1, plan: { format: "other" } } }));
  });

  it("refuse anything else", () => {
    fc.assert(fc.property(fc.anything(), (value) => {
      assert.ok(!isViewMessage({ type: "ask", id: 1, ask: value }));
      if (value !== undefined) assert.ok(!isHostMessage({ type: "reply", id: 1, answer: value }));
    }), { seed: 4 });
  });
});

describe("requests with answers", () => {
  it("resolve with what the reply holds", async () => {
    const requests = new Requests();
    let id = 0;
    const asked = requests.send((own) => (id = own));
    requests.settle(id, undefined, answers[0]);
    assert.equal(await asked, answers[0]);
  });
});
