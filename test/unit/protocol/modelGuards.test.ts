import assert from "node:assert/strict";
import fc from "fast-check";
import { isBindings, isModelHostMessage, isModelViewMessage } from "../../../src/protocol/modelGuards";
import type { ModelHostMessage, ModelViewMessage } from "../../../src/protocol/modelMessages";
import { inspectionOf } from "../../webview/modelDocument";

const inspection = inspectionOf({ layers: 4 });
const fromView: readonly ModelViewMessage[] = [
  { type: "ready" },
  { type: "setRole", id: 1, component: "unet", role: "frozen" },
  { type: "bind", id: 2, bindings: { height: 64, width: 64, sequenceLength: 8, frames: 3, symbols: { batch_frames: 2 } } },
  { type: "openConfiguration", component: "unet" },
  { type: "openConfiguration", component: "unet", layer: "conv_in" },
  { type: "openProblem" },
  { type: "copyText" },
  { type: "runCommand", command: "plan" },
  { type: "log", level: "error", message: "?" },
];
const fromHost: readonly ModelHostMessage[] = [
  { type: "model", path: "/m", name: "m", inspection, trusted: false },
  { type: "problem", path: "/m", name: "m", problem: { message: "no", file: "m/config.json", field: "x" }, canOpen: true },
  { type: "reply", id: 3 },
  { type: "reply", id: 3, error: "refused" },
];

/** Every value in a message, replaced one at a time by something that fits nowhere. */
function* spoiled(value: unknown): Generator<unknown> {
  if (typeof value !== "object" || value === null) return;
  for (const [key, inner] of Object.entries(value)) {
    const put = (other: unknown) => (Array.isArray(value) ? value.map((item: unknown, index) => (String(index) === key ? other : item)) : { ...value, [key]: other });
    yield put(Symbol("other"));
    for (const worse of spoiled(inner)) yield put(worse);
  }
}

describe("message guards of the model view", () => {
  it("let every kind of message through", () => {
    for (const message of fromView) assert.ok(isModelViewMessage(message), message.type);
    for (const message of fromHost) assert.ok(isModelHostMessage(message), message.type);
  });

  it("refuse a message with anything in it of another type, however deep", () => {
    let count = 0;
    for (const message of fromView) for (const bad of spoiled(message)) count += Number(!isModelViewMessage(bad)) || assert.fail(JSON.stringify(bad));
    for (const message of fromHost) for (const bad of spoiled(message)) count += Number(!isModelHostMessage(bad)) || assert.fail(JSON.stringify(bad));
    assert.ok(count > 200);
  });

  it("refuse sizes that are none, roles and commands that there are not", () => {
    for (const height of [0, -8, 1.5, NaN, Infinity, "64", null]) assert.ok(!isBindings({ height, width: 64, sequenceLength: 8 }), String(height));
    assert.ok(!isModelViewMessage({ type: "setRole", id: 1, component: "unet", role: "locked" }));
    assert.ok(!isModelViewMessage({ type: "runCommand", command: "launch" }));
    assert.ok(!isModelViewMessage({ type: "bind", id: 1, bindings: { height: 8, width: 8, sequenceLength: 8, symbols: { n: 0 } } }));
  });

  it("refuse anything else without throwing", () => {
    fc.assert(fc.property(fc.anything({ withNullPrototype: true }), (value) => {
      assert.equal(isModelHostMessage(value), false);
      assert.equal(isBindings(value), false);
    }));
    for (const type of ["toString", "__proto__", "constructor"]) assert.ok(!isModelViewMessage({ type }));
  });
});
