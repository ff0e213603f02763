import assert from "node:assert/strict";
import fc from "fast-check";
import { wheelIntent, type Wheel } from "../../webview/input/wheel";

const still: Wheel = { deltaX: 0, deltaY: 0, deltaMode: 0, ctrlKey: false, metaKey: false, shiftKey: false };
const intent = (wheel: Partial<Wheel>, lanesOverflow = false) => wheelIntent({ ...still, ...wheel }, lanesOverflow, 800);

describe("a turn of the wheel", () => {
  it("scrolls lanes that overflow, and pans when all are in view", () => {
    assert.deepEqual(intent({ deltaY: 100 }, true), { kind: "scroll" });
    assert.deepEqual(intent({ deltaY: 100 }), { kind: "pan", pixels: 100 });
  });

  it("pans with Shift or sideways, overflow or not", () => {
    for (const overflow of [false, true]) {
      assert.deepEqual(intent({ deltaY: 100, shiftKey: true }, overflow), { kind: "pan", pixels: 100 });
      assert.deepEqual(intent({ deltaX: -100, shiftKey: true }, overflow), { kind: "pan", pixels: -100 }, "where the system turns it sideways itself");
      assert.deepEqual(intent({ deltaX: 30, deltaY: -4 }, overflow), { kind: "pan", pixels: 30 });
    }
    assert.deepEqual(intent({ deltaX: 4, deltaY: -30 }, true), { kind: "scroll" }, "a touchpad is never quite straight");
  });

  it("zooms with Ctrl, Cmd or a pinch, in for up", () => {
    for (const key of [{ ctrlKey: true }, { metaKey: true }]) {
      const zoomed = intent({ deltaY: -100, ...key }, true);
      assert.ok(zoomed.kind === "zoom" && Math.abs(2 ** zoomed.power - 1.27) < 0.01, "a notch is about a quarter");
    }
    const pinched = intent({ deltaY: -2, ctrlKey: true });
    assert.ok(pinched.kind === "zoom" && pinched.power > 2 * 0.0035, "a pinch follows the fingers");
  });

  it("takes lines and pages for what they are", () => {
    assert.deepEqual(intent({ deltaY: 3, deltaMode: 1 }), { kind: "pan", pixels: 48 });
    assert.deepEqual(intent({ deltaY: -1, deltaMode: 2 }), { kind: "pan", pixels: -800 });
    const lines = intent({ deltaY: -3, deltaMode: 1, ctrlKey: true });
    assert.ok(lines.kind === "zoom" && Math.abs(2 ** lines.power - 1.27) < 0.01);
  });

  it("goes back as far as it went", () => {
    const wheels = fc.record({ deltaX: fc.integer({ min: -300, max: 300 }), deltaY: fc.integer({ min: -300, max: 300 }), deltaMode: fc.constantFrom(0, 1, 2), ctrlKey: fc.boolean(), metaKey: fc.boolean(), shiftKey: fc.boolean() });
    fc.assert(fc.property(wheels, fc.boolean(), (wheel, overflow) => {
      const there = wheelIntent(wheel, overflow, 800);
      const back = wheelIntent({ ...wheel, deltaX: -wheel.deltaX, deltaY: -wheel.deltaY }, overflow, 800);
      assert.equal(there.kind, back.kind);
      if (there.kind === "zoom" && back.kind === "zoom") assert.ok(Math.abs(there.power + back.power) < 1e-12);
      if (there.kind === "pan" && back.kind === "pan") assert.ok(Math.abs(there.pixels + back.pixels) < 1e-12);
    }));
  });
});
