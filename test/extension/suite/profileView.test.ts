import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import * as vscode from "vscode";
import { measureAgain } from "../../../src/app/profileStand";
import type { Profile } from "../../../src/model/profile";
import { eventually, extension, inWorkspace } from "../workspace";

const profile = inWorkspace("viewed.profile.json");
const read = () => JSON.parse(readFileSync(profile, "utf8")) as Profile;

/** Times by signature: each layer that has it has the same. */
function timesOf({ components }: Profile): ReadonlyMap<string, string> {
  return new Map(components.flatMap(({ layers }) => layers.map(({ signature = "", times }) => [signature, JSON.stringify(times.map(({ batch, forwardMs }) => [batch, forwardMs]))] as const)));
}

describe("The profile view", () => {
  before(async () => {
    const api = await extension().activate();
    await api.profile({ provider: "cpu", threads: 1, batches: [1], height: 32, width: 32, train: ["text_encoder"], model: inWorkspace("model"), output: profile });
  });

  it("is what a profile opens in, by command and by itself", async () => {
    const opened = async (open: () => Thenable<unknown>) => {
      await vscode.commands.executeCommand("workbench.action.closeAllEditors");
      await open();
      const input = await eventually("the profile's tab", () => {
        const active = vscode.window.tabGroups.activeTabGroup.activeTab?.input;
        return active instanceof vscode.TabInputCustom ? active : undefined;
      });
      assert.deepEqual([input.viewType, input.uri.fsPath], ["diffusionpipe.profile", profile]);
    };
    await opened(() => vscode.commands.executeCommand("diffusionpipe.openProfile", { profile }));
    await opened(() => vscode.commands.executeCommand("diffusionpipe.openProfile", vscode.Uri.file(profile)));
    await opened(() => vscode.commands.executeCommand("vscode.open", vscode.Uri.file(profile)));
  });

  it("has a broken profile among the problems, at its field", async () => {
    const file = inWorkspace("wrong.profile.json");
    writeFileSync(file, JSON.stringify({ ...read(), bindings: { height: "tall", width: 32, sequenceLength: 8 } }, null, 2));
    await vscode.commands.executeCommand("diffusionpipe.openProfile", { profile: file });
    const [problem] = await eventually("the problem", () => {
      const found = vscode.languages.getDiagnostics(vscode.Uri.file(file));
      return found.length > 0 ? found : undefined;
    });
    const document = await vscode.workspace.openTextDocument(vscode.Uri.file(file));
    assert.equal(document.getText(problem.range), '"tall"');
    await vscode.commands.executeCommand("workbench.action.closeAllEditors");
    await eventually("the problem is gone with the view", () => (vscode.languages.getDiagnostics(vscode.Uri.file(file)).length === 0 ? true : undefined));
  });

  it("measures again only what changed, with the profile's own roles and size", async () => {
    const before = read();
    const config = inWorkspace("model", "text_encoder", "config.json");
    const text = readFileSync(config, "utf8");
    const { intermediate_size } = JSON.parse(text) as { intermediate_size: number };
    writeFileSync(config, text.replace(/"intermediate_size": \d+/, `"intermediate_size": ${2 * intermediate_size}`));
    try {
      const again = measureAgain(before, profile);
      assert.ok(!("refused" in again));
      assert.equal(await vscode.commands.executeCommand("diffusionpipe.profileLayers", again), profile);
    } finally {
      writeFileSync(config, text);
    }
    const after = read();
    assert.deepEqual([after.choice, after.bindings, after.device], [before.choice, before.bindings, before.device]);
    assert.notEqual(after.model.sha256, before.model.sha256);
    const [then, now] = [timesOf(before), timesOf(after)];
    const fresh = [...now.keys()].filter((signature) => !then.has(signature));
    const changed = after.components.flatMap(({ name, layers }) => layers.filter(({ signature }) => fresh.includes(signature ?? "")).map((layer) => `${name}/${layer.name}`));
    assert.deepEqual(changed, [0, 1, 2, 3, 4, 5].map((index) => `text_encoder/layers.${index}`));
    // What was timed before is taken from the cache, to the last digit.
    for (const [signature, times] of now) if (then.has(signature)) assert.equal(times, then.get(signature));
  });
});
