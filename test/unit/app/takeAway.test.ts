import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { nodeProcesses } from "../../../src/platform/nodeProcess";
import type { Timeline } from "../../../src/model/timeline";

const traces = [0, 1].map((rank) => resolve("test/fixtures/traces", `interleaved.rank${rank}.json`));

describe("the command line's import and export", function () {
  this.timeout(30_000);
  let folder: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "diffusionpipe-away-"));
  });
  after(() => rm(folder, { recursive: true, force: true }));
  const cli = (...args: readonly string[]) => nodeProcesses.run({ argv: [process.execPath, resolve("dist/cli.js"), ...args] });

  it("makes a measured timeline of a trace for each rank and lists what has no place", async () => {
    const output = join(folder, "run.timeline.json");
    const { code, output: said, errorOutput } = await cli("import", ...traces, "-o", output, "--batch", "16");
    assert.equal(code, 0, errorOutput);
    assert.match(new TextDecoder().decode(said), /^2 ranks, iterations 1–3, \d+ operations; period [\d.]+ ms, bubbles [\d.]+ % \(measured\)\nWrote /);
    assert.match(errorOutput, /^Not placed: text_encoder, 6 times, [\d.]+ ms$/m);
    const timeline = JSON.parse(await readFile(output, "utf8")) as Timeline;
    assert.equal(timeline.source, "measured");
    assert.ok(Math.abs(timeline.throughputPerSecond - 16_000 / timeline.periodMs) < 1e-6);
  });

  it("exports it as one page", async () => {
    const page = join(folder, "run.html");
    const { code, errorOutput } = await cli("export", join(folder, "run.timeline.json"), "--as", "html", "-o", page);
    assert.equal(code, 0, errorOutput);
    const html = await readFile(page, "utf8");
    assert.match(html, /<title>run<\/title>/);
    assert.match(html, /"format":"diffusionpipe\.timeline\/1"/);
  });

  it("offers no PNG, and says what to do instead", async () => {
    const { code, errorOutput } = await cli("export", join(folder, "run.timeline.json"), "--as", "png", "-o", join(folder, "run.png"));
    assert.equal(code, 1);
    assert.match(errorOutput, /Export as svg, or run "DiffusionPipe: Export Timeline"/);
    assert.equal(existsSync(join(folder, "run.png")), false);
  });

  it("refuses a trace with file and field, and writes nothing", async () => {
    const [bad, output] = [join(folder, "bad.json"), join(folder, "bad.timeline.json")];
    await writeFile(bad, '{"traceEvents":[{"ph":"X","cat":"cpu_op","name":"a","ts":"soon","dur":1,"pid":1,"tid":1}]}');
    const { code, errorOutput } = await cli("import", bad, "-o", output);
    assert.equal(code, 1);
    assert.match(errorOutput, /bad\.json: traceEvents\[0\]\.ts: /);
    assert.equal(existsSync(output), false);
    assert.equal((await cli("import", "-o", output)).code, 1);
  });
});
