import assert from "node:assert/strict";
import fc from "fast-check";
import { deviceFormat } from "../../../src/formats/device";
import { parseDocument } from "../../../src/formats/document";
import { catalogue } from "../../../src/hardware/catalogue";
import { precisionsOf } from "../../../src/hardware/precision";
import { estimateTimes } from "../../../src/hardware/scale";
import { UserError } from "../../../src/model/errors";

const parse = (document: unknown) => parseDocument(deviceFormat, JSON.stringify(document), "mine.device.json");
const mine = (more: object = {}, device: object = {}) => ({
  format: "diffusionpipe.device/1",
  device: { name: "mine", memoryBytes: 24e9, peakTflops: { fp32: 10, bf16: 40 }, bandwidthGBps: 500, ...device },
  intraNode: { latencyUs: 5, bandwidthGBps: 20 },
  sources: ["https://example.org/mine"],
  ...more,
});

describe("device files", () => {
  it("hold every entry of the catalogue, unchanged", () => {
    for (const entry of Object.values(catalogue)) assert.deepEqual(parse({ format: "diffusionpipe.device/1", ...entry }), { format: "diffusionpipe.device/1", ...entry });
  });

  it("are refused by file and field", () => {
    for (const [document, expected] of [
      [mine({}, { peakTflops: {} }), /^mine\.device\.json: device\.peakTflops: .*at least one/],
      [mine({}, { peakTflops: { int8: 5 } }), /device\.peakTflops: /],
      [mine({}, { peakTflops: { bf16: -1 } }), /device\.peakTflops\.bf16: /],
      [mine({}, { peakTflops: { bf16: 1e-300 } }), /device\.peakTflops\.bf16: Expected a rate/],
      [mine({}, { bandwidthGBps: 1e300 }), /device\.bandwidthGBps: Expected a rate/],
      [mine({}, { bandwidthGBps: "900" }), /device\.bandwidthGBps: /],
      [mine({}, { name: "" }), /device\.name: /],
      [mine({ intraNode: { latencyUs: 5, bandwidthGBps: 1e-9 } }), /intraNode\.bandwidthGBps: Expected a rate/],
      [mine({ intraNode: undefined }), /intraNode: /],
      [mine({ sources: [] }), /sources: /],
      [mine({ format: "diffusionpipe.device/2" }), /format: Expected "diffusionpipe\.device\/1"/],
    ] as const) {
      assert.throws(() => parse(document), (error) => error instanceof UserError && expected.test(error.message), JSON.stringify(document));
    }
  });

  it("give finite times above nothing, or an error, whatever is in them", () => {
    const value = fc.oneof({ weight: 8, arbitrary: fc.double({ min: -4, max: 10, noNaN: true }).map((exponent) => 10 ** exponent) }, fc.double(), fc.constant(undefined), fc.jsonValue({ maxDepth: 1 }));
    const cost = { flops: 1e12, elements: 1e9, fixedElements: 1e8 };
    let read = 0;
    fc.assert(fc.property(value, value, value, (fp32, bf16, bandwidthGBps) => {
      let file;
      try {
        file = parse(mine({}, { peakTflops: { fp32, bf16 }, bandwidthGBps }));
      } catch (error) {
        assert.ok(error instanceof UserError, String(error));
        return;
      }
      read++;
      for (const precision of precisionsOf(file.device)) {
        const [{ forwardMs }] = estimateTimes([{ kind: "product", outputElements: 1e6, forward: cost }], file.device, precision, [4096]);
        assert.ok(forwardMs > 0 && Number.isFinite(forwardMs));
      }
    }), { seed: 11, numRuns: 2000 });
    assert.ok(read > 200 && read < 1800, `${read} were read`);
  });
});
