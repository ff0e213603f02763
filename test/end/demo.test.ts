/** The demo, as a newcomer runs it but shorter: every figure of its table comes from a file that is there. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Plan } from "../../src/model/plan";
import type { Program } from "../../src/model/program";
import type { Timeline } from "../../src/model/timeline";

const demo = (...args: string[]) => spawnSync(process.execPath, ["test/tools/demo.mjs", ...args], { encoding: "utf8", maxBuffer: 1 << 26 });

describe("npm run demo", () => {
  let out: string;
  let result: ReturnType<typeof demo>;
  const read = <T>(...names: string[]) => JSON.parse(readFileSync(join(out, ...names), "utf8")) as T;
  const cell = (label: string) => new RegExp(`^ *${label} {2,}(\\S.*?) {2,}\\S`, "m").exec(result.stdout)?.[1].trim() ?? assert.fail(`no row "${label}" in\n${result.stdout}`);

  before(() => {
    out = mkdtempSync(join(tmpdir(), "diffusionpipe-demo-"));
    result = demo("--steps", "6", "--batches", "2,4,8", "--out", out);
  });
  after(() => rmSync(out, { recursive: true, force: true }));

  it("ends well", () => assert.equal(result.status, 0, `${result.stdout}\n${result.stderr}`));

  it("shows the figures of the files it names", () => {
    for (const name of ["filled", "unfilled"]) {
      const predicted = read<Timeline>(`${name}.predicted.timeline.json`);
      const measured = read<Timeline>(`${name}.run`, "measured.timeline.json");
      assert.equal(predicted.source, "predicted");
      assert.equal(measured.source, "measured");
      assert.equal(cell(`${name}: predicted period`), `${predicted.periodMs.toFixed(0)} ms`);
      assert.equal(cell(`${name}: measured period`), `${measured.periodMs.toFixed(0)} ms`);
    }
  });

  it("predicts before it trains", () => {
    for (const name of ["filled", "unfilled"]) {
      assert.ok(statSync(join(out, `${name}.predicted.timeline.json`)).mtimeMs < statSync(join(out, `${name}.run`, "measured.timeline.json")).mtimeMs);
    }
  });

  it("trains with the same losses whether filled or not", () => {
    const losses = (name: string) => readFileSync(join(out, `${name}.run`, "metrics.jsonl"), "utf8").trim().split("\n").map((line) => (JSON.parse(line) as { loss: number }).loss);
    const [filled, unfilled] = [losses("filled"), losses("unfilled")];
    assert.equal(filled.length, 6);
    for (const [step, loss] of filled.entries()) assert.ok(Math.abs(loss / unfilled[step] - 1) < 1e-4, `step ${step}: ${loss} and ${unfilled[step]}`);
    assert.ok(filled[5] < filled[0]);
  });

  it("runs on each rank exactly the operations of the program, in its order, fills of the next iteration among them", () => {
    const program = read<Program>("filled.run", "program.json");
    const measured = read<Timeline>("filled.run", "measured.timeline.json");
    assert.ok(read<Plan>("filled.pipeplan.json").fills.some((fill) => fill.iteration !== 0));
    for (const { rank, operations } of program.ranks) {
      const planned = operations.filter((operation) => operation.op === "F" || operation.op === "B" || operation.op === "FILL" || operation.op === "OPTIM").map((operation) => `${operation.op}${operation.microbatch ?? ""}`);
      const optimizerEnds = measured.operations.filter((operation) => operation.device === rank && operation.op === "OPTIM").map((operation) => operation.endMs).sort((a, b) => a - b);
      const executed = measured.operations
        .filter((operation) => operation.device === rank && planned.some((name) => name.startsWith(operation.op)) && operation.startMs >= optimizerEnds[1] && operation.endMs <= optimizerEnds[2])
        .sort((a, b) => a.startMs - b.startMs)
        .map((operation) => `${operation.op}${operation.microbatch ?? ""}`);
      assert.deepEqual(executed, rotated(planned, "OPTIM"));
    }
  });

  it("ends with a non-zero exit where a stage fails", () => {
    const failed = demo("--steps", "0", "--out", join(out, "failed"));
    assert.notEqual(failed.status, 0);
    assert.match(failed.stderr, /The demo stopped: .*steps/s);
  });
});

/** A cyclic list from after `last` on: an iteration as seen between two optimizer steps. */
function rotated(list: readonly string[], last: string): readonly string[] {
  const at = list.lastIndexOf(last) + 1;
  return [...list.slice(at), ...list.slice(0, at)];
}
