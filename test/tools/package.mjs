// `npm run package`: the .vsix for this platform, with the runtime that times layers inside it.
// Native files of other platforms stay out; the package says which platform it is for.
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { root, run } from "./environment.mjs";

const target = `${process.platform}-${process.arch}`;
const native = `node_modules/onnxruntime-node/bin/napi-v6/${process.platform}/${process.arch}`;
if (!existsSync(join(root, native))) throw new Error(`onnxruntime-node has no runtime for ${target}.`);
const { name, version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
const output = `${name}-${target}-${version}.vsix`;

const scratch = mkdtempSync(join(tmpdir(), "diffusionpipe-package-"));
try {
  run(process.execPath, ["build.mjs", "--minify"]);
  const ignoreFile = join(scratch, "ignore");
  writeFileSync(ignoreFile, `${readFileSync(join(root, ".vscodeignore"), "utf8")}!${native}/**\n`);
  run(process.execPath, ["node_modules/@vscode/vsce/vsce", "package", "--target", target, "--ignoreFile", ignoreFile, "--allow-missing-repository", "--no-rewrite-relative-links", "-o", output]);
  console.log(`${output}: ${(statSync(join(root, output)).size / 1e6).toFixed(1)} MB`);
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
