import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import * as vscode from "vscode";
import { extension, inWorkspace } from "../workspace";

interface Inspected {
  readonly components: readonly { readonly name: string; readonly role: string; readonly parameters: number; readonly layers: readonly { readonly parameters: number }[] }[];
}

describe("Inspect Model", () => {
  it("opens a page that names components, roles and counts", async () => {
    const { components } = (await vscode.commands.executeCommand("diffusionpipe.inspectModel", { model: inWorkspace("model") })) as Inspected;
    assert.deepEqual(components.filter(({ role }) => role === "trained").map(({ name }) => name), ["unet"]);
    const page = vscode.window.activeTextEditor?.document;
    assert.ok(page);
    assert.match(page.uri.path, /\.model\.txt$/);
    const text = page.getText();
    for (const { name, parameters, layers } of components) {
      assert.ok(text.includes(name));
      assert.ok(text.includes(parameters.toLocaleString("en-US")), `${parameters} of ${name}`);
      assert.equal(layers.reduce((sum, layer) => sum + layer.parameters, 0), parameters);
    }
  });

  it("takes a resource of the explorer", async () => {
    await vscode.commands.executeCommand("workbench.action.closeAllEditors");
    await vscode.commands.executeCommand("diffusionpipe.inspectModel", vscode.Uri.file(inWorkspace("model", "model_index.json")));
    assert.match(vscode.window.activeTextEditor?.document.getText() ?? "", /UNet2DConditionModel, trained/);
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
