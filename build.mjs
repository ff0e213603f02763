// Bundles the extension host, its processes and workers, the webview and the command line.
// node build.mjs [--watch] [--minify] [--tests] [--schemas]
import { context, build } from "esbuild";
import { copyFileSync, readdirSync, statSync, existsSync, mkdirSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { pathToFileURL } from "node:url";

const flags = new Set(process.argv.slice(2));
const common = {
  bundle: true,
  sourcemap: !flags.has("--minify"),
  minify: flags.has("--minify"),
  logLevel: "warning",
  // Its other form looks for its own address, which a bundle has not.
  alias: { "web-tree-sitter": "./node_modules/web-tree-sitter/web-tree-sitter.cjs" },
  define: { "process.env.NODE_ENV": flags.has("--minify") ? '"production"' : '"development"' },
};
// Native code stays outside the bundles; `vscode` is there only inside the editor.
const external = ["vscode", "onnxruntime-node"];

function filesUnder(folder, ending) {
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .flatMap((name) => {
      const path = join(folder, name);
      return statSync(path).isDirectory() ? filesUnder(path, ending) : [path];
    })
    .filter((path) => path.endsWith(ending));
}

const node = {
  ...common,
  platform: "node",
  target: "node20",
  format: "cjs",
  external,
  outdir: "dist",
  entryPoints: {
    ...(existsSync("src/extension.ts") && { extension: "src/extension.ts" }),
    cli: "src/cli.ts",
    ...Object.fromEntries(filesUnder("src/entry", ".ts").map((path) => [path.slice("src/entry/".length, -3), path])),
  },
};
const web = {
  ...common,
  platform: "browser",
  target: "es2022",
  format: "iife",
  outdir: "dist/webview",
  // webview/main is the timeline's page, webview/NAME/main that of the view NAME.
  entryPoints: ["main.ts", "main.css"].flatMap((file) => filesUnder("webview", file)).map((path) => ({ in: path, out: basename(dirname(path)).replace("webview", "main") })),
};
// Tests are bundled one file each, so that a stack trace names one of them.
const tests = {
  ...common,
  minify: false,
  sourcemap: "inline",
  platform: "node",
  target: "node20",
  format: "cjs",
  external: [...external, "mocha", "playwright-core", "@vscode/test-electron", "typescript"],
  outdir: "out/test",
  outbase: "test",
  entryPoints: filesUnder("test", ".test.ts").concat(filesUnder("test", "index.ts")),
};

/** Python's grammar and the runtime that parses with it: read as files when the first script is. */
function copyGrammar() {
  mkdirSync("dist", { recursive: true });
  for (const file of ["web-tree-sitter/web-tree-sitter.wasm", "tree-sitter-python/tree-sitter-python.wasm"]) copyFileSync(join("node_modules", file), join("dist", basename(file)));
}

async function writeSchemas() {
  await build({ ...common, platform: "node", format: "esm", entryPoints: ["src/formats/published.ts"], outfile: "out/schemas.mjs", sourcemap: false });
  const { publishedSchemas } = await import(pathToFileURL("out/schemas.mjs").href);
  mkdirSync("media/schemas", { recursive: true });
  for (const [file, schema] of publishedSchemas()) writeFileSync(join("media/schemas", file), `${JSON.stringify(schema, null, 2)}\n`);
}

if (flags.has("--schemas")) {
  await writeSchemas();
} else if (flags.has("--watch")) {
  copyGrammar();
  for (const options of [node, web]) await (await context(options)).watch();
} else {
  copyGrammar();
  await Promise.all([node, ...(web.entryPoints.length ? [web] : []), ...(flags.has("--tests") ? [tests] : [])].map((options) => build(options)));
}
