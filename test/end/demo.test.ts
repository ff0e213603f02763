/** The demo, as a newcomer runs it but shorter: every figure of its table comes from a file that is there. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Cluster } from "../../src/model/cluster";
import type { Plan } from "../../src/model/plan";
import type { Profile } from "../../src/model/profile";
import type { Operation, Program } from "../../src/model/program";
import type { Timeline, TimelineOperation } from "../../src/model/timeline";
import { fillReport, type FillReport } from "../../src/plan/fillReport";
import { fillPlan } from "../../src/planner/fill/fill";
import { withCuts } from "../../src/planner/cuts";
import { contextOf } from "../../src/simulate/context";

const demo = (...args: string[]) => spawnSync(process.execPath, ["test/tools/demo.mjs", ...args], { encoding: "utf8", maxBuffer: 1 << 26 });

describe("npm run demo", () => {
  let out: string;
  let result: ReturnType<typeof demo>;
  const read = <T>(...names: string[]) => JSON.parse(readFileSync(join(out, ...names), "utf8")) as T;
  const cell = (label: string) => new RegExp(`^ *${label} {2,}(\\S.*?) {2,}\\S`, "m").exec(result.stdout)?.[1].trim() ?? assert.fail(`no row "${label}" in\n${result.stdout}`);

  before(() => {
    out = mkdtempSync(join(tmpdir(), "diffusionpipe-demo-"));
    result = demo("--steps", "6", "--batches", "4,8", "--out", out);
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
    assert.ok(read<Plan>("filled.pipeplan.json").fills.some((fill) => fill.iteration !== 0));
    assertExecuted(read<Program>("filled.run", "program.json"), read<Timeline>("filled.run", "measured.timeline.json"));
  });

  it("puts at least half of the frozen time into bubbles, on both ranks, partial batches among it", () => {
    const plan = join(out, "two.pipeplan.json");
    const options = ["--batch", "16", "--schedule", "1f1b", "--stages", "2", "--microbatches", "2", "--steps", "4", "--data", "media/sample/images"];
    command("plan", "--profile", join(out, "target.profile.json"), "--cluster", "media/sample/local.cluster.json", ...options, "-o", plan);
    const fills = fillBothRanks(plan, read<Profile>("target.profile.json"));
    assert.ok(fills.share >= 0.5 && fills.devices.every(({ hiddenMs }) => hiddenMs > 0) && fills.partialFills > 0, JSON.stringify(fills));
    const { id } = JSON.parse(command("launch", plan, "--target", "media/sample/local.target.json", "--follow", "--json")) as { id: string };
    command("fetch", id, "-o", join(out, "two.run"));
    assertExecuted(read<Program>("two.run", "program.json"), read<Timeline>("two.run", "measured.timeline.json"));
  });

  it("ends with a non-zero exit where a stage fails", () => {
    const failed = demo("--batches", "0", "--out", join(out, "failed"));
    assert.notEqual(failed.status, 0);
    assert.match(failed.stderr, /--batches takes .*The demo stopped: diffusionpipe profile ended with 1/s);
  });
});

function command(...args: string[]): string {
  const done = spawnSync(process.execPath, ["dist/cli.js", ...args], { encoding: "utf8", maxBuffer: 1 << 26 });
  assert.equal(done.status, 0, `${args.join(" ")}\n${done.stderr}`);
  return done.stdout + (args.includes("--json") ? "" : done.stderr);
}

/** The plan whose less hidden rank hides most, whatever the search would rather do with the costs measured here; written over `file`. */
function fillBothRanks(file: string, profile: Profile): FillReport {
  const plan = JSON.parse(readFileSync(file, "utf8")) as Plan;
  const context = contextOf(profile, JSON.parse(readFileSync("media/sample/local.cluster.json", "utf8")) as Cluster);
  const [{ layers }] = context.workload.chains;
  const filled = layers.slice(1).map((_, index) => fillPlan(withCuts(plan, [0, index + 1, layers.length]), context, true).plan);
  const reports = filled.map((one) => fillReport(one, context));
  const least = ({ devices, share, partialFills }: FillReport) => (share < 0.5 || partialFills === 0 ? 0 : Math.min(...devices.map(({ hiddenMs }) => hiddenMs)));
  const best = reports.reduce((found, report, index) => (least(report) > least(reports[found]) ? index : found), 0);
  writeFileSync(file, JSON.stringify(filled[best]));
  return reports[best];
}

/** Each rank's second iteration as recorded, from optimizer step to optimizer step, has the program's operations in its order. */
function assertExecuted(program: Program, measured: Timeline): void {
  const computing = new Set<string>(["F", "B", "FILL", "OPTIM"]);
  const label = ({ op, microbatch, component, layers, samples }: Operation | TimelineOperation) => [op, microbatch, component, layers, samples].filter((part) => part !== undefined).join(" ");
  for (const { rank, operations } of program.ranks) {
    const planned = operations.filter(({ op }) => computing.has(op)).map(label);
    const recorded = measured.operations.filter(({ device, op }) => device === rank && computing.has(op)).sort((a, b) => a.startMs - b.startMs);
    const steps = recorded.flatMap(({ op }, index) => (op === "OPTIM" ? [index] : []));
    assert.deepEqual(recorded.slice(steps[0] + 1, steps[1] + 1).map(label), fromAfter(planned, "OPTIM"), `rank ${rank}`);
  }
}

/** A cyclic list from after `last` on: an iteration as seen between two optimizer steps. */
function fromAfter(list: readonly string[], last: string): readonly string[] {
  const at = list.lastIndexOf(last) + 1;
  return [...list.slice(at), ...list.slice(0, at)];
}
