import assert from "node:assert/strict";
import { formatBytes, formatChange, formatMs, formatPercent, formatRatio, formatThroughput } from "../../../src/timeline/layout/format";

describe("figures as people read them", () => {
  it("times", () => {
    assert.deepEqual([0, 0.0042, 0.43, 1, 12.345, 99.96, 123.45, 1043.4, 12_500].map(formatMs), ["0 ms", "4.20 µs", "430 µs", "1.00 ms", "12.3 ms", "100.0 ms", "123.5 ms", "1\u202f043 ms", "12.50 s"]);
  });
  it("bytes", () => {
    assert.deepEqual([0, 512, 1536, 10 * 1024 ** 2, 23.456 * 1024 ** 3].map(formatBytes), ["0 B", "512 B", "1.50 KiB", "10.0 MiB", "23.5 GiB"]);
  });
  it("ratios", () => {
    assert.deepEqual([0.0432, 0.432, 1].map(formatPercent), ["4.3 %", "43.2 %", "100 %"]);
    assert.deepEqual([0.032, -0.01].map(formatChange), ["+3.2 %", "−1.0 %"]);
    assert.equal(formatRatio(1.284), "1.28×");
    assert.equal(formatThroughput(1234.5), "1\u202f235 samples/s");
  });
});
