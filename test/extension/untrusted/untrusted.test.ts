import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import * as vscode from "vscode";
import type { Inspection } from "../../../src/model/inspection";
import { eventually, inWorkspace } from "../workspace";

describe("In an untrusted workspace", () => {
  it("is really not trusted", () => {
    assert.equal(vscode.workspace.isTrusted, false);
  });

  it("inspects", async () => {
    const { components } = await vscode.commands.executeCommand<Inspection>("diffusionpipe.inspectModel", { model: inWorkspace("model") });
    assert.deepEqual(components.filter(({ role }) => role === "trained").map((component) => component.class), ["UNet2DConditionModel"]);
    await eventually("the model's view", () => (vscode.window.tabGroups.activeTabGroup.activeTab?.input instanceof vscode.TabInputWebview ? true : undefined));
  });

  it("looks at plans", async () => {
    const plan = inWorkspace("broken", "broken.pipeplan.json");
    await vscode.commands.executeCommand("diffusionpipe.openTimeline", { plan });
    await eventually("the timeline's tab", () => (vscode.window.tabGroups.activeTabGroup.activeTab?.input instanceof vscode.TabInputCustom ? true : undefined));
  });

  it("looks at profiles", async () => {
    await vscode.commands.executeCommand("workbench.action.closeAllEditors");
    await vscode.commands.executeCommand("diffusionpipe.openProfile", { profile: inWorkspace("broken", "broken.profile.json") });
    await eventually("the profile's tab", () => (vscode.window.tabGroups.activeTabGroup.activeTab?.input instanceof vscode.TabInputCustom ? true : undefined));
  });

  it("refuses to profile and says why", async () => {
    const output = inWorkspace("model.profile.json");
    await assert.rejects(async () => vscode.commands.executeCommand("diffusionpipe.profileLayers", { model: inWorkspace("model"), output }), /not trusted.*Profiling starts processes/);
    assert.equal(existsSync(output), false);
  });

  it("refuses to profile on the way to a plan", async () => {
    await assert.rejects(
      async () => vscode.commands.executeCommand("diffusionpipe.newPlan", { from: inWorkspace("model"), cluster: inWorkspace("local.cluster.json"), batch: 4, data: null, output: inWorkspace("z.pipeplan.json") }),
      /profiling waits until this workspace is trusted/,
    );
  });

  it("refuses to launch and says why", async () => {
    await assert.rejects(async () => vscode.commands.executeCommand("diffusionpipe.launchTraining", { plan: inWorkspace("broken", "broken.pipeplan.json"), target: inWorkspace("local.target.json"), dryRun: true }), /not trusted.*Launching runs commands/);
  });
});
