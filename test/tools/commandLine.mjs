// The product's own command line, as the demo and the benches call it.
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { python, root, run } from "./environment.mjs";

export const sample = join(root, "media/sample");
export const shown = (path) => relative(root, path);
export const readJson = (path) => JSON.parse(readFileSync(path, "utf8"));

const trainerEnvironment = { HF_HUB_OFFLINE: "1", PYTHONDONTWRITEBYTECODE: "1" };

/** Runs one command and returns its standard output; `echo` shows it as it could be typed. */
export function diffusionpipe(args, { echo = false } = {}) {
  if (echo) console.log(`  $ node dist/cli.js ${args.map((arg) => (arg.startsWith(root) ? shown(arg) : arg)).join(" ")}`);
  return new Promise((done, failed) => {
    const child = spawn(process.execPath, [join(root, "dist/cli.js"), ...args], {
      cwd: root,
      env: { ...process.env, ...trainerEnvironment, DIFFUSIONPIPE_PYTHON: python() },
      stdio: ["ignore", "pipe", echo ? "inherit" : "pipe"],
    });
    let output = "";
    let errors = "";
    child.stdout.on("data", (data) => (output += data));
    child.stderr?.on("data", (data) => (errors += data));
    child.on("error", failed);
    child.on("close", (code, signal) => (code === 0 ? done(output) : failed(new Error(`diffusionpipe ${args[0]} ended with ${code ?? signal}\n${errors}`))));
  });
}

/** Launches a plan, follows it to its end and brings its results into `folder`. */
export async function trainAndFetch(plan, target, folder, options = {}) {
  const { id } = JSON.parse(await diffusionpipe(["launch", plan, "--target", target, "--follow", "--json"], options));
  await diffusionpipe(["fetch", id, "-o", folder], options);
}

/** Writes the plan's decisions with another profile of the same model, so that both predict one and the same program. */
export function withProfile(plan, profile, into) {
  const sha256 = createHash("sha256").update(readFileSync(profile)).digest("hex");
  writeFileSync(into, `${JSON.stringify({ ...readJson(plan), profile: { path: relative(dirname(into), profile), sha256 } }, null, 2)}\n`);
  return into;
}

/** The sample's images and weights, made where they are missing. */
export function prepareSample() {
  if (!existsSync(join(sample, "images/metadata.jsonl"))) run(python(), [join(sample, "draw.py")], { quiet: true });
  const model = join(sample, "model");
  if (!existsSync(join(model, "unet/diffusion_pytorch_model.safetensors"))) {
    run(python(), ["-m", "diffusionpipe_trainer", "init", "--model", model, "--seed", "0"], { quiet: true, env: { ...process.env, ...trainerEnvironment, PYTHONPATH: join(root, "src/trainer") } });
  }
}
