// A bench written in TypeScript, as a module that Node loads.
import { build } from "esbuild";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { root } from "../tools/environment.mjs";

export async function bundled(name) {
  const outfile = join(root, "out/bench", `${name}.cjs`);
  await build({ entryPoints: [join(root, "test/bench", `${name}.ts`)], outfile, bundle: true, platform: "node", target: "node20", format: "cjs", external: ["vscode", "onnxruntime-node", "playwright-core"], logLevel: "warning" });
  const { default: module } = await import(pathToFileURL(outfile).href);
  return module;
}
