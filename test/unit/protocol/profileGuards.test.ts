import assert from "node:assert/strict";
import fc from "fast-check";
import { isProfileHostMessage, isProfileViewMessage } from "../../../src/protocol/profileGuards";
import type { ProfileHostMessage, ProfileViewMessage } from "../../../src/protocol/profileMessages";
import { profileOf } from "../../webview/profileDocument";

const fromView: readonly ProfileViewMessage[] = [
  { type: "ready" }, { type: "measure" }, { type: "exportCsv" }, { type: "copy", text: "a\tb" }, { type: "newPlan" }, { type: "openModel" },
  { type: "showText" }, { type: "showText", field: "components[0].layers" }, { type: "log", level: "error", message: "?" },
];
const fromHost: readonly ProfileHostMessage[] = [
  { type: "profile", version: 1, name: "a", profile: profileOf() },
  { type: "problem", version: 1, name: "a", kind: "text", problem: { message: "no", file: "a", field: "x" } },
  { type: "stand", version: 1, stand: { kind: "compared", changed: [{ component: "unet", layer: "a" }], gone: [], differences: ["other roles"] } },
  { type: "stand", version: 1, stand: { kind: "unknown", reason: "no model" } },
  { type: "measuring", measuring: { kind: "ready" } },
  { type: "measuring", measuring: { kind: "running" } },
  { type: "measuring", measuring: { kind: "refused", reason: "not trusted" } },
];

/** Every value in a message but those of a profile, which the host has checked, replaced by something that fits nowhere. */
function* spoiled(value: unknown): Generator<unknown> {
  if (typeof value !== "object" || value === null) return;
  for (const [key, inner] of Object.entries(value)) {
    const put = (other: unknown) => (Array.isArray(value) ? value.map((item: unknown, index) => (String(index) === key ? other : item)) : { ...value, [key]: other });
    yield put(Symbol("other"));
    if (key !== "profile") for (const worse of spoiled(inner)) yield put(worse);
  }
}

describe("message guards of the profile view", () => {
  it("let every kind of message through", () => {
    for (const message of fromView) assert.ok(isProfileViewMessage(message), message.type);
    for (const message of fromHost) assert.ok(isProfileHostMessage(message), message.type);
  });

  it("refuse a message with anything in it of another type, however deep", () => {
    let count = 0;
    for (const message of fromView) for (const bad of spoiled(message)) count += Number(!isProfileViewMessage(bad)) || assert.fail(JSON.stringify(bad));
    for (const message of fromHost) for (const bad of spoiled(message)) count += Number(!isProfileHostMessage(bad)) || assert.fail(JSON.stringify(bad));
    assert.ok(count > 40);
  });

  it("refuse anything else without throwing", () => {
    fc.assert(fc.property(fc.anything({ withNullPrototype: true }), (value) => {
      assert.equal(isProfileHostMessage(value), false);
      assert.equal(isProfileViewMessage(value), false);
    }), { seed: 1 });
    for (const type of ["toString", "__proto__", "constructor"]) assert.ok(!isProfileViewMessage({ type }));
    for (const kind of ["toString", "__proto__"]) assert.ok(!isProfileHostMessage({ type: "measuring", measuring: { kind } }));
  });
});
