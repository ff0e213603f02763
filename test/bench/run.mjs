// `npm run bench [-- NAME …]`: every promise about speed and memory, measured; medians of repeats, ratios within one run.
import { build } from "esbuild";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { ensureNodeModules, ensurePython, python, root, run } from "../tools/environment.mjs";

const benches = ["modelView", "parse", "planner", "predict", "profile", "start"];
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
  const source = join(root, "test/bench", `${name}.ts`);
  let module = join(root, "test/bench", `${name}.mjs`);
  if (existsSync(source)) {
    module = join(root, "out/bench", `${name}.cjs`);
    await build({ entryPoints: [source], outfile: module, bundle: true, platform: "node", target: "node20", format: "cjs", external: ["vscode", "onnxruntime-node", "playwright-core"], logLevel: "warning" });
  }
  const { run: bench, default: defaults } = await import(pathToFileURL(module).href);
  await (bench ?? defaults.run)();
}
