// How long `inspect` takes on the largest models, the program's own start included, and how much memory.
// Promise: under 300 ms and 200 MB for SDXL and FLUX.
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { root } from "../tools/environment.mjs";

const repeats = 9;
const probe = 'process.on("exit", () => process.stderr.write(`peak ${process.resourceUsage().maxRSS}\\n`));';

const median = (values) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];

/** The probe itself takes time, so time and memory are measured in runs of their own. */
function inspect(model, options = []) {
  const started = performance.now();
  const { status, stderr } = spawnSync(process.execPath, [...options, "dist/cli.js", "inspect", model, "--json"], { cwd: root, encoding: "utf8", maxBuffer: 1 << 28 });
  if (status !== 0) throw new Error(stderr);
  return { ms: performance.now() - started, megabytes: Number(/peak (\d+)/.exec(stderr)?.[1] ?? NaN) / 1024 };
}

export function run() {
  console.log("model                 median ms   largest ms   median MB   (promise: 300 ms, 200 MB)");
  for (const model of ["stable-diffusion-xl", "flux-schnell"]) {
    const folder = join("test/fixtures/models", model);
    inspect(folder);
    const runs = Array.from({ length: repeats }, () => inspect(folder));
    const ms = runs.map((one) => one.ms);
    const probed = Array.from({ length: 3 }, () => inspect(folder, ["--import", `data:text/javascript,${encodeURIComponent(probe)}`]));
    console.log(`${model.padEnd(20)} ${median(ms).toFixed(0).padStart(10)} ${Math.max(...ms).toFixed(0).padStart(12)} ${median(probed.map((one) => one.megabytes)).toFixed(0).padStart(11)}`);
  }
}
