// Predicted against measured: unlike plans of the sample on two processes pinned to a core each, in shuffled order, each
// several times. Predictions are written before the first run; nothing is fitted to these runs.
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { diffusionpipe, prepareSample, readJson, sample, shown, trainAndFetch, withProfile } from "../tools/commandLine.mjs";
import { root } from "../tools/environment.mjs";

const repeats = 3;
const steps = 14;
const cases = [
  { name: "1F1B, 2 micro-batches, filled", options: ["--schedule", "1f1b", "--microbatches", "2"] },
  { name: "1F1B, 8 micro-batches, no fill", options: ["--schedule", "1f1b", "--microbatches", "8", "--no-fill"] },
  { name: "GPipe, 4 micro-batches, filled", options: ["--schedule", "gpipe", "--microbatches", "4"] },
];

const median = (values) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];
const percent = (ratio) => `${ratio >= 0 ? "+" : ""}${(100 * ratio).toFixed(1)} %`;

export async function run() {
  const out = join(root, "out/bench/predict");
  rmSync(out, { recursive: true, force: true });
  mkdirSync(out, { recursive: true });
  prepareSample();
  const target = join(sample, "local.target.json");
  const model = join(sample, "model");
  const profiles = { target: join(out, "target.profile.json"), onnxruntime: join(out, "onnxruntime.profile.json") };
  await diffusionpipe(["profile", model, "-o", profiles.target, "--on", target, "--batches", "1,2,4,8,16"]);
  await diffusionpipe(["profile", model, "-o", profiles.onnxruntime, "--threads", "1", "--batches", "1,2,4,8,16"]);

  for (const [index, entry] of cases.entries()) {
    entry.plan = join(out, `${index}.pipeplan.json`);
    await diffusionpipe([
      "plan", "--profile", profiles.target, "--cluster", join(sample, "local.cluster.json"), "--batch", "16", "--stages", "2",
      "--steps", String(steps), "--data", join(sample, "images"), ...entry.options, "-o", entry.plan,
    ]);
    entry.predicted = await period(entry.plan, join(out, `${index}.timeline.json`));
    entry.byOnnxruntime = await period(withProfile(entry.plan, profiles.onnxruntime, join(out, `${index}.onnxruntime.pipeplan.json`)), join(out, `${index}.onnxruntime.timeline.json`));
    entry.measured = [];
  }
  const order = Array.from({ length: repeats }, () => shuffled(cases)).flat();
  for (const [number, entry] of order.entries()) {
    const folder = join(out, `run-${number}`);
    await trainAndFetch(entry.plan, target, folder);
    entry.measured.push(readJson(join(folder, "measured.timeline.json")).periodMs);
  }

  console.log("plan                              measured  noise floor  predicted, error    by onnxruntime, error");
  for (const { name, measured, predicted, byOnnxruntime } of cases) {
    const middle = median(measured);
    const noise = (Math.max(...measured) - Math.min(...measured)) / middle;
    const cells = [`${middle.toFixed(0)} ms`.padStart(8), `${(100 * noise).toFixed(1)} %`.padStart(11), `${predicted.toFixed(0)} ms ${percent(predicted / middle - 1)}`.padStart(16), `${byOnnxruntime.toFixed(0)} ms ${percent(byOnnxruntime / middle - 1)}`.padStart(22)];
    console.log(`${name.padEnd(32)}  ${cells.join("  ")}`);
  }
  writeFileSync(join(out, "result.json"), `${JSON.stringify(cases, null, 2)}\n`);
  console.log(`Measured: median of ${repeats} runs of ${steps} iterations, in shuffled order; noise floor: their spread over the median. Kept in ${shown(out)}.`);
}

async function period(plan, timeline) {
  await diffusionpipe(["simulate", plan, "-o", timeline]);
  return readJson(timeline).periodMs;
}

function shuffled(list) {
  return list.map((entry) => [Math.random(), entry]).sort((a, b) => a[0] - b[0]).map(([, entry]) => entry);
}
