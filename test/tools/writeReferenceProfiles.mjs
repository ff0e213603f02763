// `npm run reference-profiles`: writes media/profiles and media/clusters anew from media/models and the catalogue of devices.
import { build } from "esbuild";
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { root } from "./environment.mjs";

const bundle = join(root, "out/tools/referenceProfiles.cjs");
await build({ entryPoints: [join(root, "test/tools/referenceProfiles.ts")], outfile: bundle, bundle: true, platform: "node", target: "node20", format: "cjs", external: ["onnxruntime-node"], logLevel: "warning" });
const { referenceFiles } = (await import(pathToFileURL(bundle).href)).default;
for (const [file, text] of await referenceFiles(root)) {
  mkdirSync(dirname(join(root, file)), { recursive: true });
  writeFileSync(join(root, file), text);
  console.log(`${file}: ${text.length} bytes`);
}
