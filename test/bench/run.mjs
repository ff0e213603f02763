// `npm run bench [-- NAME …]`: every promise about speed and memory, measured; medians of repeats, ratios within one run.
import { existsSync } from "node:fs";
import { join } from "node:path";
import { ensureNodeModules, ensurePython, python, root, run } from "../tools/environment.mjs";
import { bundled } from "./bundle.mjs";

const benches = ["modelView", "parse", "planner", "predict", "profile", "start", "timeline"];
const asked = process.argv.slice(2);
const unknown = asked.find((name) => !benches.includes(name));
if (unknown) throw new Error(`There is no bench "${unknown}". Benches: ${benches.join(", ")}.`);

ensureNodeModules();
run("npm", ["run", "--silent", "build"]);
if (asked.length === 0 || asked.includes("predict") || asked.includes("profile")) {
  ensurePython();
  process.env.DIFFUSIONPIPE_PYTHON ??= python();
}
for (const name of asked.length ? asked : benches) {
  console.log(`\n== ${name}`);
  const { run: bench } = existsSync(join(root, "test/bench", `${name}.ts`)) ? await bundled(name) : await import(`./${name}.mjs`);
  await bench();
}
