import assert from "node:assert/strict";
import type { build } from "esbuild";
import { createRequire } from "node:module";
import { join } from "node:path";
import * as vscode from "vscode";
import { commandTable } from "../../../src/commands/table";
import { extension } from "../workspace";

interface Manifest {
  readonly version: string;
  readonly contributes: { readonly commands: readonly { readonly command: string; readonly title: string; readonly category: string }[] };
}

describe("Activation", () => {
  it("returns its API and says its version", async () => {
    const api = await extension().activate();
    assert.equal(api.version, (extension().packageJSON as Manifest).version);
  });

  it("is quick, from a small bundle", async function () {
    const { activationMs } = await extension().activate();
    const file = join(extension().extensionPath, "dist/extension.js");
    const load = createRequire(__filename);
    const cached = load.cache[file];
    delete load.cache[file];
    const started = performance.now();
    load(file);
    const loadMs = performance.now() - started;
    load.cache[file] = cached;
    const esbuild = load("esbuild") as { readonly build: typeof build };
    const bundled = await esbuild.build({ entryPoints: [join(extension().extensionPath, "src/extension.ts")], bundle: true, minify: true, platform: "node", format: "cjs", external: ["vscode", "onnxruntime-node"], write: false });
    const bytes = bundled.outputFiles[0].contents.length;
    // Times are told, not judged: another process may have had the core.
    this.runnable().title += ` (loads in ${loadMs.toFixed(0)} ms, activates in ${activationMs.toFixed(1)} ms, ${bytes} bytes minified)`;
    assert.ok(bytes < 1.5e6, `${bytes} bytes`);
  });

  it("has a table of commands that equals the manifest", async () => {
    const declared = (extension().packageJSON as Manifest).contributes.commands;
    assert.deepEqual(Object.keys(commandTable).sort(), declared.map(({ command }) => command).sort());
    assert.ok(declared.every(({ category }) => category === "DiffusionPipe"));
    await extension().activate();
    const registered = await vscode.commands.getCommands(true);
    for (const id of Object.keys(commandTable)) assert.ok(registered.includes(id), `${id} is not registered`);
  });

  it("has the commands of the palette by name", () => {
    const titles = (extension().packageJSON as Manifest).contributes.commands.map(({ title }) => title);
    for (const title of ["Inspect Model", "Profile Layers", "Open Profile", "New Plan", "Open Timeline", "Launch Training", "Show Runs", "Cancel Run", "Export Timeline"]) assert.ok(titles.includes(title), title);
  });
});
