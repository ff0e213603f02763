import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { catalogue, isCatalogueName, type CatalogueName } from "../../../src/hardware/catalogue";
import { precisionsOf } from "../../../src/hardware/precision";
import type { DeviceEntry } from "../../../src/model/cluster";

const entries = Object.entries<DeviceEntry>(catalogue);
const near = (value: number, expected: number, tolerance: number) => Math.abs(value / expected - 1) <= tolerance;

/**
 * How many times the rate of float32 arithmetic the matrix units of an architecture reach in 16 bits: dense, adding in float32. A figure
 * with sparsity would be twice, one that adds in float16 on a GeForce card too. Clocks of the two units differ by up to a tenth.
 */
const matrixFactors: Readonly<Record<CatalogueName, number>> = {
  "v100-16gb": 8, "v100-32gb": 8, "t4": 8, "a100-40gb": 16, "a100-80gb": 16,
  "a10g": 2, "rtx-3090": 2, "rtx-4090": 2, "rtx-5090": 2, "l4": 4, "l40s": 4,
  "h100": 16, "h100-pcie": 16, "h200": 16, "b200": 32,
  // float32 of its matrix cores.
  "mi250x": 4, "mi300x": 8,
};

describe("the catalogue of devices", () => {
  for (const [name, { device, intraNode, sources }] of entries) {
    it(`has sane figures of ${name}`, () => {
      const { fp32, tf32, fp16, bf16 } = device.peakTflops;
      assert.ok(fp32 !== undefined && fp16 !== undefined);
      assert.ok(isCatalogueName(name) && near(fp16, matrixFactors[name] * fp32, 0.11), `${fp16} is not ${isCatalogueName(name) && matrixFactors[name]} times ${fp32}`);
      if (tf32 !== undefined) assert.ok(fp32 <= tf32 && near(tf32, fp16 / 2, 0.02), `TF32 is half of 16 bits: ${tf32}, ${fp16}`);
      if (bf16 === undefined) assert.match(name, /^(v100|t4)/);
      else assert.equal(bf16, fp16);
      assert.deepEqual(precisionsOf(device)[0], bf16 === undefined ? "fp16" : "bf16");

      const gigabytes = device.memoryBytes / 1024 ** 3;
      assert.ok(Number.isInteger(gigabytes) && gigabytes >= 16 && gigabytes <= 192);
      const named = /(\d+)gb/i.exec(name + device.name);
      if (named) assert.equal(gigabytes, Number(named[1]));
      assert.ok(device.bandwidthGBps >= 300 && device.bandwidthGBps <= 8000);
      // Makers balance them: FLOPs for each byte that memory delivers.
      const balance = (fp16 * 1e3) / device.bandwidthGBps;
      assert.ok(balance > 70 && balance < 450, `${balance} FLOPs a byte`);
      assert.ok(intraNode.latencyUs > 0 && intraNode.bandwidthGBps > 10 && intraNode.bandwidthGBps < device.bandwidthGBps / 3);
      assert.ok(sources.length > 0 && sources.every((source) => new URL(source).protocol === "https:"));
    });
  }

  it("names each device once, and nothing else", () => {
    assert.equal(new Set(entries.map(([, { device }]) => device.name)).size, entries.length);
    for (const name of ["constructor", "__proto__", "toString", "H100", ""]) assert.equal(isCatalogueName(name), false, name);
  });

  it("is listed in README.md", () => {
    const readme = readFileSync("README.md", "utf8");
    for (const [name] of entries) assert.ok(readme.includes(`\`${name}\``), name);
  });
});
