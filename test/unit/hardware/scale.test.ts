import assert from "node:assert/strict";
import fc from "fast-check";
import { catalogue } from "../../../src/hardware/catalogue";
import { precisionsOf } from "../../../src/hardware/precision";
import { computeEfficiency, estimateTimes, halfOutputElements, launchMs, passMs } from "../../../src/hardware/scale";
import type { DeviceEntry, DeviceKind } from "../../../src/model/cluster";
import { bytesPerElement } from "../../../src/model/costs";
import type { OperatorCost, PassCost } from "../../../src/model/operatorCost";

const count = (max: number) => fc.integer({ min: 0, max });
const pass: fc.Arbitrary<PassCost> = fc.record({ flops: count(1e12), elements: count(1e9), fixedElements: count(1e8) });
const operator: fc.Arbitrary<OperatorCost> = fc.record(
  { kind: fc.constantFrom("convolution", "product", "attention", "memory"), outputElements: fc.integer({ min: 1, max: 1e8 }), forward: pass, inputGrad: pass, weightGrad: pass },
  { requiredKeys: ["kind", "outputElements", "forward"] },
);
const operators = fc.array(operator, { minLength: 1, maxLength: 6 });
const batch = fc.integer({ min: 1, max: 4096 });
/** Every device of the catalogue at every precision that it has. */
const place = fc.constantFrom(...Object.values<DeviceEntry>(catalogue).flatMap(({ device }) => precisionsOf(device).map((precision) => ({ device, precision }))));
const passes = ["forwardMs", "inputGradMs", "weightGradMs"] as const;
/** Sums of floating-point numbers in another order. */
const slack = 1 + 1e-9;

describe("times on a device that was never measured", () => {
  it("are never shorter for more samples, and never longer per sample", () => {
    fc.assert(fc.property(operators, place, batch, batch, (list, { device, precision }, a, b) => {
      const [few, many] = [Math.min(a, b), Math.max(a, b)];
      const [at, later] = estimateTimes(list, device, precision, [few, many]);
      for (const name of passes) {
        assert.ok(later[name] * slack >= at[name]);
        assert.ok(later[name] / many <= (at[name] / few) * slack);
      }
    }));
  });

  it("are never longer where peak and bandwidth are higher", () => {
    fc.assert(fc.property(operators, place, batch, fc.double({ min: 1, max: 10, noNaN: true }), fc.double({ min: 1, max: 10, noNaN: true }), (list, { device, precision }, b, peak, bandwidth) => {
      const faster: DeviceKind = { ...device, peakTflops: { [precision]: (device.peakTflops[precision] ?? NaN) * peak }, bandwidthGBps: device.bandwidthGBps * bandwidth };
      const [slow] = estimateTimes(list, device, precision, [b]);
      const [fast] = estimateTimes(list, faster, precision, [b]);
      for (const name of passes) assert.ok(fast[name] <= slow[name] * slack);
    }));
  });

  it("are never below what peak and bandwidth allow, and say that they are estimates", () => {
    fc.assert(fc.property(operators, place, batch, (list, { device, precision }, b) => {
      const [time] = estimateTimes(list, device, precision, [b]);
      const matrixFlops = list.reduce((sum, { kind: of, forward }) => sum + (of === "memory" ? 0 : forward.flops), 0) * b;
      const bytes = list.reduce((sum, { forward }) => sum + forward.elements * b + forward.fixedElements, 0) * bytesPerElement(precision);
      assert.ok(time.forwardMs * slack >= (1e3 * matrixFlops) / ((device.peakTflops[precision] ?? NaN) * 1e12));
      assert.ok(time.forwardMs * slack >= bytes / (device.bandwidthGBps * 1e6));
      assert.deepEqual([time.source, time.batch], ["estimate", b]);
    }));
  });

  it("reach half of the efficiency at b_half, and all of it for long", () => {
    const kind: DeviceKind = { name: "made", memoryBytes: 1, peakTflops: { bf16: 1 }, bandwidthGBps: 1e9 };
    const cost = { flops: 1e9, elements: 0, fixedElements: 0 };
    const outputElements = halfOutputElements.product / 4;
    const computing = (b: number) => passMs("product", cost, outputElements, kind, "bf16", b) - launchMs;
    const atPeak = (b: number) => (1e3 * 1e9 * b) / 1e12 / computeEfficiency.product;
    assert.ok(Math.abs(computing(4) / atPeak(4) - 2) < 1e-9);
    assert.ok(computing(4e6) / atPeak(4e6) < 1.00001);
  });

  it("take no time for work that the flags do not ask for", () => {
    const [time] = estimateTimes([{ kind: "product", outputElements: 8, forward: { flops: 1, elements: 1, fixedElements: 1 } }], catalogue["h100"].device, "bf16", [3]);
    assert.deepEqual([time.inputGradMs, time.weightGradMs], [0, 0]);
    assert.ok(time.forwardMs > launchMs);
  });

  it("are refused for a precision that the device has no figure for", () => {
    const kind: DeviceKind = { name: "old", memoryBytes: 1, peakTflops: { fp32: 1 }, bandwidthGBps: 1 };
    assert.throws(() => passMs("product", { flops: 1, elements: 1, fixedElements: 1 }, 1, kind, "bf16", 1), /"old" has no peak for bf16/);
  });
});
