// `npm run demo`: the main job, end to end, on the sample that ships: inspect, profile, plan, simulate, train on two
// processes, and lay the measured iteration beside the predicted one. Any stage that fails ends it with a non-zero exit.
// Options: --steps N (training steps of each run), --batches 1,2,4 (sizes to profile), --out FOLDER (default media/sample/out).
import { mkdirSync, readFileSync, rmSync } from "node:fs";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { diffusionpipe, prepareSample, readJson, sample, shown, trainAndFetch, withProfile } from "./commandLine.mjs";
import { ensureNodeModules, ensurePython, root, run } from "./environment.mjs";

const { values } = parseArgs({ options: { steps: { type: "string", default: "12" }, batches: { type: "string", default: "1,2,4,8,16" }, out: { type: "string", default: "media/sample/out" } } });
const out = resolve(root, values.out);
const started = Date.now();

const seconds = () => `${Math.round((Date.now() - started) / 1000)} s`;

function stage(title) {
  console.log(`\n[${seconds()}] ${title}`);
}

const call = (...args) => diffusionpipe(args, { echo: true });
const indented = (text, lines = 12) => text.trimEnd().split("\n").slice(0, lines).map((line) => `    ${line}`).join("\n");

async function main() {
  stage("Setting up: npm packages, build, Python environment");
  ensureNodeModules();
  run("npm", ["run", "--silent", "build"]);
  ensurePython();
  mkdirSync(out, { recursive: true });

  stage("Drawing the sample's captioned images and making its weights from a seed (first time only)");
  prepareSample();
  const model = join(sample, "model");

  stage("Parse: what trains, what is frozen");
  console.log(indented(await call("inspect", model)));

  stage("Profile: every distinct layer on this machine, by onnxruntime and by the target's own PyTorch");
  const cluster = join(sample, "local.cluster.json");
  const target = join(sample, "local.target.json");
  const local = join(out, "onnxruntime.profile.json");
  const onTarget = join(out, "target.profile.json");
  await call("profile", model, "-o", local, "--threads", "1", "--batches", values.batches);
  await call("profile", model, "-o", onTarget, "--on", target, "--batches", values.batches);

  stage("Plan: filled and unfilled, and the prediction of each before anything runs");
  const common = ["--cluster", cluster, "--batch", "16", "--stages", "2", "--schedule", "1f1b", "--steps", values.steps, "--data", join(sample, "images"), "--learning-rate", "0.0005"];
  const plans = [];
  for (const [name, options] of [["filled", []], ["unfilled", ["--no-fill"]]]) {
    const plan = join(out, `${name}.pipeplan.json`);
    await call("plan", "--profile", onTarget, ...common, ...options, "-o", plan);
    const timeline = join(out, `${name}.predicted.timeline.json`);
    await call("simulate", plan, "-o", timeline);
    plans.push({ name, plan, timeline });
  }
  // The same decisions, timed by what onnxruntime measured without Python.
  const byOnnxruntime = join(out, "filled.by-onnxruntime.timeline.json");
  await call("simulate", withProfile(plans[0].plan, local, join(out, "filled.by-onnxruntime.pipeplan.json")), "-o", byOnnxruntime);
  console.log(indented(await call("compare", plans[0].plan), 20));

  stage("Train on two processes, a core each: the filled plan, then the unfilled one");
  for (const entry of plans) {
    entry.run = join(out, `${entry.name}.run`);
    rmSync(entry.run, { recursive: true, force: true });
    await trainAndFetch(entry.plan, target, entry.run, { echo: true });
  }

  stage("Predicted against measured");
  report(plans, readJson(byOnnxruntime), byOnnxruntime);
  console.log(`
The trained pipeline is in ${shown(join(plans[0].run, "output"))}.
To see it in VS Code: open the folder ${shown(sample)}, install the extension (npm run package, then "Install from VSIX…"
or press F5 in this repository), and open ${shown(plans[0].plan)}.
Done in ${seconds()}.`);
}

/** Every figure beside the file it was read from. */
function report(plans, estimate, estimatePath) {
  const rows = [];
  const measured = {};
  for (const { name, timeline, run: folder } of plans) {
    const predictedMs = readJson(timeline).periodMs;
    const file = join(folder, "measured.timeline.json");
    measured[name] = readJson(file).periodMs;
    const losses = readFileSync(join(folder, "metrics.jsonl"), "utf8").trim().split("\n").map((line) => JSON.parse(line).loss);
    rows.push([`${name}: predicted period`, `${predictedMs.toFixed(0)} ms`, shown(timeline)]);
    rows.push([`${name}: measured period`, `${measured[name].toFixed(0)} ms`, shown(file)]);
    rows.push([`${name}: error of the prediction`, percent(predictedMs / measured[name] - 1), "the two above"]);
    rows.push([`${name}: loss, first and last`, `${losses[0].toFixed(4)}  ${losses.at(-1).toFixed(4)}`, shown(join(folder, "metrics.jsonl"))]);
  }
  rows.push(["filled: predicted by onnxruntime", `${estimate.periodMs.toFixed(0)} ms`, `${shown(estimatePath)} (backward: estimate)`]);
  rows.push(["measured, filled over unfilled", `${(measured.unfilled / measured.filled).toFixed(3)}x`, "the two measured periods, each plan at its best"]);
  const widths = [0, 1].map((column) => Math.max(...rows.map((row) => row[column].length)));
  for (const row of rows) console.log(`  ${row[0].padEnd(widths[0])}  ${row[1].padStart(widths[1])}  ${row[2]}`);
}

const percent = (ratio) => `${ratio >= 0 ? "+" : ""}${(ratio * 100).toFixed(1)} %`;

await main().catch((error) => {
  console.error(`\nThe demo stopped: ${error.message}`);
  process.exitCode = 1;
});
