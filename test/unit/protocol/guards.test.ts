import assert from "node:assert/strict";
import fc from "fast-check";
import { nameOfUnknown } from "../../../src/protocol/checks";
import { isHostMessage, isViewMessage } from "../../../src/protocol/guards";
import type { HostMessage, ViewMessage } from "../../../src/protocol/messages";

const fromView: readonly ViewMessage[] = [
  { type: "ready" },
  { type: "edit", id: 1, edit: { kind: "moveBoundary", version: 2, chain: "backbone", stage: 0, layer: 5 } },
  { type: "edit", id: 2, edit: { kind: "moveFill", version: 2, fill: 1, device: 0, before: { op: "B", chain: "backbone", stage: 0, microbatch: 1 } } },
  { type: "edit", id: 3, edit: { kind: "evictFill", version: 2, fill: 1 } },
  { type: "edit", id: 4, edit: { kind: "splitFill", version: 2, fill: 1, at: 3 } },
  { type: "edit", id: 5, edit: { kind: "mergeFill", version: 2, fill: 1, other: 2 } },
  { type: "edit", id: 6, edit: { kind: "pinFill", version: 2, fill: 1, pinned: true } },
  { type: "edit", id: 7, edit: { kind: "pin", version: 2, pin: "schedule", pinned: false } },
  { type: "edit", id: 8, edit: { kind: "change", version: 2, change: { schedule: "gpipe", recompute: true } } },
  { type: "edit", id: 9, edit: { kind: "refill", version: 2 } },
  { type: "edit", id: 10, edit: { kind: "improve", version: 2 } },
  { type: "showText" },
  { type: "showText", field: "batch.global" },
  { type: "log", level: "warning", message: "?" },
];
const fromHost: readonly HostMessage[] = [
  { type: "problem", version: 1, kind: "text", problem: { message: "no", field: "batch" } },
  { type: "baselines", version: 1, baselines: [{ title: "DDP", periodMs: 10, note: "1 stage" }, { title: "GPipe", note: "does not fit" }] },
  { type: "baselines", version: 1, baselines: [], failed: "no profile" },
  { type: "measured", name: "run", timeline: null },
  { type: "reply", id: 3 },
  { type: "reply", id: 3, error: "refused" },
];

describe("message guards", () => {
  it("let every kind of message through", () => {
    for (const message of fromView) assert.ok(isViewMessage(message), message.type);
    for (const message of fromHost) assert.ok(isHostMessage(message), message.type);
  });

  it("refuse a message with a field missing or of another type", () => {
    for (const [messages, accepts] of [[fromView, isViewMessage], [fromHost, isHostMessage]] as const) {
      for (const message of messages) {
        for (const field of Object.keys(message)) assert.ok(!accepts({ ...message, [field]: Symbol("other") }), `${message.type}.${field}`);
      }
    }
    assert.ok(!isViewMessage({ type: "edit", id: 1, edit: { kind: "moveBoundary", version: 2, chain: "c", stage: -1, layer: 5 } }));
    assert.ok(!isViewMessage({ type: "edit", id: 1, edit: { kind: "deleteEverything", version: 2, chain: "c", stage: 0, layer: 5 } }));
  });

  it("refuse anything else without throwing", () => {
    fc.assert(fc.property(fc.anything(), (value) => {
      assert.equal(isHostMessage(value), false);
      assert.equal(typeof nameOfUnknown(value), "string");
    }));
    for (const type of ["toString", "__proto__", "constructor"]) assert.ok(!isViewMessage({ type }));
  });
});
