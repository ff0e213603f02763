import assert from "node:assert/strict";
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
    for (const title of ["Inspect Model", "Profile Layers", "New Plan", "Open Timeline", "Launch Training", "Show Runs", "Cancel Run", "Export Timeline"]) assert.ok(titles.includes(title), title);
  });
});
