import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import * as vscode from "vscode";
import { eventually, extension, inWorkspace } from "../workspace";

interface Inspected {
  readonly components: readonly { readonly name: string; readonly role: string; readonly parameters: number; readonly layers: readonly { readonly parameters: number; readonly flopsPerSample: number }[] }[];
}

describe("Inspect Model", () => {
  const shown = () => {
    const tab = vscode.window.tabGroups.activeTabGroup.activeTab;
    return tab?.input instanceof vscode.TabInputWebview && tab.input.viewType.endsWith("diffusionpipe.model") ? tab.label : undefined;
  };

  it("opens the model's view and hands out components, roles and figures", async () => {
    const { components } = (await vscode.commands.executeCommand("diffusionpipe.inspectModel", { model: inWorkspace("model") })) as Inspected;
    assert.deepEqual(components.filter(({ role }) => role === "trained").map(({ name }) => name), ["unet"]);
    assert.equal(await eventually("the view is in front", shown), "model");
    for (const { parameters, layers } of components) {
      assert.equal(layers.reduce((sum, layer) => sum + layer.parameters, 0), parameters);
      assert.ok(layers.every(({ flopsPerSample }) => flopsPerSample > 0));
    }
  });

  it("takes a resource of the explorer, and shows a model in one view", async () => {
    await vscode.commands.executeCommand("workbench.action.closeAllEditors");
    await vscode.commands.executeCommand("diffusionpipe.inspectModel", vscode.Uri.file(inWorkspace("model", "model_index.json")));
    assert.equal(await eventually("the view is in front", shown), "model");
    await vscode.commands.executeCommand("diffusionpipe.inspectModel", { model: inWorkspace("model") });
    assert.equal(vscode.window.tabGroups.all.flatMap(({ tabs }) => tabs).filter(({ label }) => label === "model").length, 1);
  });

  it("remembers the roles that it was given, and lets go of them when they are the model's own", async () => {
    const trained = async (options: object) => ((await vscode.commands.executeCommand("diffusionpipe.inspectModel", { model: inWorkspace("model"), ...options })) as Inspected).components.filter(({ role }) => role === "trained").map(({ name }) => name);
    assert.deepEqual(await trained({ train: ["text_encoder"] }), ["text_encoder", "unet"]);
    await vscode.commands.executeCommand("workbench.action.closeAllEditors");
    assert.deepEqual(await trained({}), ["text_encoder", "unet"]);
    await assert.rejects(() => trained({ train: ["vae"] }), /cannot be trained/);
    assert.deepEqual(await trained({ train: [] }), ["unet"]);
    await vscode.commands.executeCommand("workbench.action.closeAllEditors");
    assert.deepEqual(await trained({}), ["unet"]);
  });

  it("names file and field of a broken configuration", async () => {
    const file = inWorkspace("model", "unet", "config.json");
    const before = readFileSync(file);
    writeFileSync(file, before.toString().replace(/"block_out_channels": \[[^\]]*\]/, '"block_out_channels": "wide"'));
    try {
      const api = await extension().activate();
      await assert.rejects(async () => api.inspect({ model: inWorkspace("model") }), /unet.config\.json: block_out_channels/);
    } finally {
      writeFileSync(file, before);
    }
  });

  it("says what is missing", async () => {
    const api = await extension().activate();
    await assert.rejects(async () => api.inspect({ model: inWorkspace("broken", "model") }), /config\.json/);
    await assert.rejects(async () => api.inspect({ modle: "x" }), /options are wrong/);
  });
});
