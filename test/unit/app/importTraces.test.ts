import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { importedText, notPlacedText, openTraces, traceName } from "../../../src/app/importTraces";
import { nodeFiles } from "../../../src/platform/nodeFiles";
import type { TimelineOperation } from "../../../src/model/timeline";

const fixture = (kind: string, rank: number) => join("test/fixtures/traces", `${kind}.rank${rank}.json`);
const both = (kind: string) => [0, 1].map((rank) => fixture(kind, rank));

describe("real traces of PyTorch's pipeline schedules, two ranks over gloo", () => {
  const passes = (operations: readonly TimelineOperation[], device: number, iteration: number) =>
    operations.filter((operation) => operation.device === device && operation.iteration === iteration && /^[FBIW]$/.test(operation.op)).sort((a, b) => a.startMs - b.startMs).map(({ stage, op, microbatch }) => `${stage}${op}${microbatch}`).join(" ");
  /** One stage a rank, four micro-batches. */
  const expected: Readonly<Record<string, readonly string[]>> = {
    gpipe: ["0F0 0F1 0F2 0F3 0B0 0B1 0B2 0B3", "1F0 1F1 1F2 1F3 1B0 1B1 1B2 1B3"],
    "1f1b": ["0F0 0F1 0B0 0F2 0B1 0F3 0B2 0B3", "1F0 1B0 1F1 1B1 1F2 1B2 1F3 1B3"],
    interleaved: ["0F0 0F1 2F0 2F1 0F2 2B0 0F3 2B1 2F2 0B0 2F3 0B1 2B2 2B3 0B2 0B3", "1F0 1F1 3F0 3B0 3F1 3B1 1F2 1B0 1F3 1B1 3F2 3B2 3F3 3B3 1B2 1B3"],
  };

  for (const kind of Object.keys(expected)) {
    it(`${kind}: every pass of every step, in the schedule's order, no effect before its cause`, async () => {
      const { timeline, notes } = await openTraces(nodeFiles, both(kind), { globalBatch: 16 });
      const iterations = [...new Set(timeline.operations.map(({ iteration }) => iteration))].sort();
      assert.equal(iterations.length, 3);
      for (const iteration of iterations) assert.deepEqual([0, 1].map((device) => passes(timeline.operations, device, iteration)), expected[kind]);
      assert.equal(timeline.operations.filter(({ op }) => op === "OPTIM").length, 6);
      // Each micro-batch crosses each boundary once in both directions.
      const transfers = (kind === "interleaved" ? 3 : 1) * 4 * 2 * 3;
      for (const wanted of ["SEND", "RECV"] as const) assert.equal(timeline.operations.filter(({ op }) => op === wanted).length, transfers, wanted);
      assert.ok((timeline.clockSkewMs ?? Infinity) < 0.05, `skew ${timeline.clockSkewMs} ms`);
      assert.ok(timeline.periodMs > 0 && timeline.bubbleRatio > 0 && timeline.bubbleRatio < 1, JSON.stringify(timeline.bubbleRatio));
      assert.equal(notes.some((note) => /do not say their stage/.test(note)), kind !== "interleaved");
      assert.equal(notes.some((note) => /Passes have no names/.test(note)), kind === "1f1b");
    });
  }

  it("frozen work is placed where its component is named, and listed where it is not", async () => {
    const plain = await openTraces(nodeFiles, both("1f1b"));
    assert.deepEqual(plain.notPlaced.find(({ name }) => name === "text_encoder")?.count, 6);
    assert.match(notPlacedText(plain) ?? "", /^Not placed: .*text_encoder \(6×, /);
    const told = await openTraces(nodeFiles, both("1f1b"), { components: ["text_encoder"] });
    assert.equal(told.timeline.operations.filter(({ op, component }) => op === "FILL" && component === "text_encoder").length, 6);
    assert.equal(told.notPlaced.some(({ name }) => name === "text_encoder"), false);
  });

  it("packed files are unpacked, others refused", async () => {
    const folder = await mkdtemp(join(tmpdir(), "diffusionpipe-import-"));
    try {
      const packed = await Promise.all(both("gpipe").map(async (path, rank) => {
        const to = join(folder, `${rank}.json.gz`);
        await writeFile(to, gzipSync(await readFile(path)));
        return to;
      }));
      assert.deepEqual((await openTraces(nodeFiles, packed)).timeline, (await openTraces(nodeFiles, both("gpipe"))).timeline);
      await writeFile(packed[0], (await readFile(packed[0])).subarray(0, 500));
      await assert.rejects(openTraces(nodeFiles, packed), /0\.json\.gz: The file cannot be unpacked/);
      await writeFile(packed[0], Buffer.from([0xff, 0xfe, 0]));
      await assert.rejects(openTraces(nodeFiles, packed), /0\.json\.gz: The file is not UTF-8/);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });

  it("are summed up in a line, and named without their ranks", async () => {
    assert.match(importedText(await openTraces(nodeFiles, both("gpipe"))), /^2 ranks, iterations \d+–\d+, \d+ operations$/);
    assert.deepEqual(["/a/1f1b.rank0.json", "run_rank3.pt.trace.json.gz", "rank0.json"].map((path) => traceName([path])), ["1f1b", "run", "trace"]);
  });
});
