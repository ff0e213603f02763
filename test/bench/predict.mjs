// Predicted against measured: the grid's plans of the sample on two processes pinned to a core each, in shuffled order.
// All predictions are written before the first run; nothing is fitted to these runs.
// DIFFUSIONPIPE_BENCH_PLANS=developed leaves out the plans that are held out: for whoever works on the predictor.
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { diffusionpipe, prepareSample, readJson, sample, shown, trainAndFetch } from "../tools/commandLine.mjs";
import { root } from "../tools/environment.mjs";
import { bundled } from "./bundle.mjs";

const steps = Number(process.env.DIFFUSIONPIPE_BENCH_STEPS ?? 14);
const batches = "1,2,4,8,16";
/** Runs of one plan by which the machine's noise is judged. */
const noiseRuns = 5;

const out = join(root, "out/bench/predict");
const columns = { target: "PyTorch on the target", onnxruntime: "onnxruntime", perFlop: "constant per FLOP" };

const sorted = (values) => [...values].sort((a, b) => a - b);
const quantile = (values, share) => sorted(values)[Math.max(0, Math.ceil(share * values.length) - 1)];
const median = (values) => {
  const all = sorted(values);
  return (all[(all.length - 1) >> 1] + all[all.length >> 1]) / 2;
};
const percent = (ratio) => `${(100 * ratio).toFixed(1)} %`;
const signed = (ratio) => `${ratio >= 0 ? "+" : ""}${percent(ratio)}`;

export async function run() {
  rmSync(out, { recursive: true, force: true });
  mkdirSync(out, { recursive: true });
  prepareSample();
  const { plansOf, periodMs, constantPerFlop, runOrder } = await bundled("predictPlans");
  const target = join(sample, "local.target.json");
  const cluster = readJson(join(sample, "local.cluster.json"));
  const { base, profiles } = await profiled(target);
  const documents = { target: readJson(profiles.target), onnxruntime: readJson(profiles.onnxruntime), perFlop: constantPerFlop(readJson(profiles.target)) };

  const wanted = plansOf(base, documents.target, cluster).filter(({ heldOut }) => process.env.DIFFUSIONPIPE_BENCH_PLANS !== "developed" || !heldOut);
  const cases = wanted.map(({ name, heldOut, plan }, index) => {
    const file = join(out, `${index}.pipeplan.json`);
    writeFileSync(file, `${JSON.stringify(plan, null, 2)}\n`);
    const predicted = Object.fromEntries(Object.keys(columns).map((by) => [by, periodMs(plan, documents[by], cluster)]));
    return { name, heldOut, file: relative(out, file), predicted, measured: [] };
  });
  writeFileSync(join(out, "predictions.json"), `${JSON.stringify(cases.map(({ name, heldOut, predicted }) => ({ name, heldOut, predicted })), null, 2)}\n`);
  console.log(`Predictions of ${cases.length} plans are in ${shown(join(out, "predictions.json"))}; now they run.`);

  for (const [number, index] of runOrder(cases.length, noiseRuns).entries()) {
    const folder = join(out, "runs", String(number));
    await trainAndFetch(join(out, cases[index].file), target, folder);
    cases[index].measured.push(readJson(join(folder, "measured.timeline.json")).periodMs);
  }
  report(cases);
}

/** Profiles of the sample, and what its plans have in common. */
async function profiled(target) {
  const model = join(sample, "model");
  const profiles = { target: join(out, "target.profile.json"), onnxruntime: join(out, "onnxruntime.profile.json") };
  await diffusionpipe(["profile", model, "-o", profiles.target, "--on", target, "--batches", batches]);
  await diffusionpipe(["profile", model, "-o", profiles.onnxruntime, "--threads", "1", "--busy-cores", "1", "--batches", batches]);
  const any = join(out, "any.pipeplan.json");
  await diffusionpipe([
    "plan", "--profile", profiles.target, "--cluster", join(sample, "local.cluster.json"), "--batch", "16", "--stages", "2", "--microbatches", "2",
    "--schedule", "1f1b", "--steps", String(steps), "--data", join(sample, "images"), "-o", any,
  ]);
  const { model: modelRef, profile, cluster, optimizer, training } = readJson(any);
  return { base: { model: modelRef, profile, cluster, optimizer, training }, profiles };
}

function report(cases) {
  const names = Object.keys(columns);
  const rows = cases.map((entry) => {
    const measuredMs = median(entry.measured);
    return { ...entry, measuredMs, errors: Object.fromEntries(names.map((by) => [by, entry.predicted[by] / measuredMs - 1])) };
  });
  console.log(`${"plan".padEnd(66)} measured ms  ${names.map((by) => columns[by].padStart(22)).join("  ")}`);
  for (const { name, heldOut, measuredMs, predicted, errors } of rows) {
    const cells = names.map((by) => `${predicted[by].toFixed(0)} ${signed(errors[by])}`.padStart(22));
    console.log(`${(name + (heldOut ? " *" : "")).padEnd(66)} ${measuredMs.toFixed(0).padStart(11)}  ${cells.join("  ")}`);
  }
  console.log("* held out: not looked at while the predictor was built");

  const best = Math.min(...rows.map(({ measuredMs }) => measuredMs));
  const summary = {};
  for (const by of names) {
    const over = (chosen) => chosen.length && { median: median(chosen.map(({ errors }) => Math.abs(errors[by]))), p95: quantile(chosen.map(({ errors }) => Math.abs(errors[by])), 0.95) };
    const chosen = rows.reduce((a, b) => (b.predicted[by] < a.predicted[by] ? b : a));
    summary[by] = { all: over(rows), heldOut: over(rows.filter(({ heldOut }) => heldOut)), chosen: chosen.name, regret: chosen.measuredMs / best - 1 };
    const text = (what, found) => (found ? `${what}: median ${percent(found.median)}, 95th percentile ${percent(found.p95)}` : `${what}: none`);
    console.log(`${columns[by].padEnd(22)} ${text("all", summary[by].all)}; ${text("held out", summary[by].heldOut)}; regret ${percent(summary[by].regret)} (${chosen.name})`);
  }
  const repeated = rows.find(({ measured }) => measured.length === noiseRuns);
  const off = repeated.measured.map((ms) => Math.abs(ms / repeated.measuredMs - 1));
  // Runs of one plan lie anywhere in the random order, so the machine's drift is in how they differ.
  const apart = rows.map(({ measured }) => Math.max(...measured) / Math.min(...measured) - 1);
  const noise = { plan: repeated.name, runs: repeated.measured, median: median(off), most: Math.max(...off), apart: { median: median(apart), p95: quantile(apart, 0.95), most: Math.max(...apart) } };
  const spread = Math.max(...rows.map(({ measuredMs }) => measuredMs)) / best - 1;
  console.log(`noise floor: ${noiseRuns} runs of one plan are off their median by ${percent(noise.median)} in the median, ${percent(noise.most)} at most (${noise.plan}); the slowest run of a plan takes ${percent(noise.apart.median)} more than its fastest in the median, ${percent(noise.apart.p95)} at the 95th percentile, ${percent(noise.apart.most)} at most`);
  console.log(`spread of the measured periods: the slowest plan takes ${percent(spread)} more than the fastest`);
  writeFileSync(join(out, "result.json"), `${JSON.stringify({ steps, cases: rows, summary, noise, spread }, null, 2)}\n`);
  console.log(`Measured: medians of the runs, each of ${steps} iterations without the first two and the last. Kept in ${shown(out)}.`);
}
