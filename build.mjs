// Bundles the extension host, its processes and workers, the webview and the command line.
// node build.mjs [--watch] [--minify] [--tests] [--schemas]
import { context, build } from "esbuild";
import { createHash } from "node:crypto";
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
// The page that a timeline is exported into is one file: script and style inside it, each allowed by its digest alone. It is always
// small, since every exported file carries it.
const page = {
  ...web,
  minify: true,
  sourcemap: false,
  write: false,
  define: { "process.env.NODE_ENV": '"production"' },
  outdir: "dist",
  entryPoints: ["ts", "css"].map((ending) => ({ in: `webview/export/page.${ending}`, out: "timeline" })),
  plugins: [{ name: "page", setup: ({ onEnd }) => onEnd(({ outputFiles }) => outputFiles?.length && writePage(outputFiles)) }],
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

/**
 * Room for title and document is left as src/timeline/export/html.ts finds it. An empty style sheet is allowed as well: the controls
 * put their rules into one, by script.
 */
function writePage(files) {
  const text = (ending) => files.find(({ path }) => path.endsWith(ending)).text;
  // A comment's beginning inside a script changes where the script ends.
  const [script, style] = [text(".js").trim().replaceAll("<!--", "\\x3c!--"), text(".css").trim()];
  if (/<\/script/i.test(script) || /<\/style/i.test(style)) throw new Error("The exported page's script or style would end early.");
  const digest = (content) => `'sha256-${createHash("sha256").update(content).digest("base64")}'`;
  mkdirSync("dist", { recursive: true });
  writeFileSync("dist/timeline.html", `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; base-uri 'none'; form-action 'none'; script-src ${digest(script)}; style-src ${digest(style)} ${digest("")}">
<title>{{title}}</title>
<style>${style}</style>
</head>
<body>
<div id="app"></div>
<script type="application/json" id="timeline-data">{{timeline}}</script>
<script>${script}</script>
</body>
</html>
`);
}

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
  for (const options of [node, web, page]) await (await context(options)).watch();
} else {
  copyGrammar();
  await Promise.all([node, ...(web.entryPoints.length ? [web, page] : []), ...(flags.has("--tests") ? [tests] : [])].map((options) => build(options)));
}
