// Size of what VS Code loads, and of what the package holds.
import { statSync } from "node:fs";
import { join } from "node:path";
import { root, run as execute } from "../tools/environment.mjs";

export async function run() {
  execute(process.execPath, ["build.mjs", "--minify"]);
  for (const file of ["extension.js", "cli.js", "measure.js", "webview/main.js", "timeline.html"]) {
    console.log(`dist/${file}  ${(statSync(join(root, "dist", file)).size / 1e6).toFixed(2)} MB minified`);
  }
}
