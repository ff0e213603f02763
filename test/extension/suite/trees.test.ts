import assert from "node:assert/strict";
import * as vscode from "vscode";
import { nodeFiles } from "../../../src/platform/nodeFiles";
import { workspaceFiles, workspaceModels } from "../../../src/commands/pick";
import { ModelsTree } from "../../../src/views/modelsTree";
import { PlansTree } from "../../../src/views/plansTree";
import { RunsTree } from "../../../src/views/runsTree";
import { extension, inWorkspace } from "../workspace";

/** Nothing was chosen in the model view. */
const asUsual = { of: () => ({}) };

describe("Trees", () => {
  it("list models, their components and layers with parameters", async () => {
    const tree = new ModelsTree(nodeFiles, asUsual, workspaceModels);
    const models = await tree.getChildren();
    const model = models.find((node) => node.kind === "model" && node.subject === inWorkspace("model"));
    assert.ok(model);
    const components = await tree.getChildren(model);
    const labels = components.map((node) => tree.getTreeItem(node));
    assert.deepEqual(labels.map((item) => item.label).sort(), ["text_encoder", "unet", "vae"]);
    const unet = labels.findIndex((item) => item.label === "unet");
    assert.equal(labels[unet].description, "trained, 8.70 M");
    assert.match(String(labels[unet].tooltip), /UNet2DConditionModel: trained, 8.696.100 parameters in 35 layers/);
    const layers = await tree.getChildren(components[unet]);
    assert.ok(layers.length > 10);
    assert.match(String(tree.getTreeItem(layers[0]).tooltip), /timestep_embedding: 82.432 parameters, computes F W/);
  });

  it("show the roles that were chosen in the model view, and let go of those that cannot be", async () => {
    const rolesWith = async (choice: { train?: string[]; freeze?: string[] }) => {
      const tree = new ModelsTree(nodeFiles, { of: () => choice }, workspaceModels);
      const components = await tree.getChildren({ kind: "model", subject: inWorkspace("model") });
      return Object.fromEntries(components.map((node) => tree.getTreeItem(node)).map((item) => [item.label, String(item.description).split(",")[0]]));
    };
    assert.deepEqual(await rolesWith({ train: ["text_encoder"] }), { text_encoder: "trained", unet: "trained", vae: "frozen" });
    assert.deepEqual(await rolesWith({ train: ["no_such_component"] }), { text_encoder: "frozen", unet: "trained", vae: "frozen" });
  });

  it("show why a model cannot be read", async () => {
    const tree = new ModelsTree(nodeFiles, asUsual, workspaceModels);
    const broken = (await tree.getChildren()).find((node) => node.kind === "model" && node.subject === inWorkspace("broken", "model"));
    const [problem] = await tree.getChildren(broken);
    assert.equal(problem.kind, "problem");
    assert.match(String(tree.getTreeItem(problem).label), /config\.json/);
  });

  it("mark a plan that cannot be read, and say where", async () => {
    const tree = new PlansTree(nodeFiles, () => workspaceFiles("**/broken.pipeplan.json"));
    const [node] = await tree.getChildren();
    const item = tree.getTreeItem(node);
    assert.equal(item.description, "broken");
    assert.match(String(item.tooltip), /broken\.pipeplan\.json: \w+/);
  });

  it("are empty where there is nothing, and the manifest then says what to do", async () => {
    assert.deepEqual(await new ModelsTree(nodeFiles, asUsual, async () => []).getChildren(), []);
    assert.deepEqual(await new PlansTree(nodeFiles, async () => []).getChildren(), []);
    assert.deepEqual(await new RunsTree(async () => []).getChildren(), []);
    const { contributes } = extension().packageJSON as { readonly contributes: { readonly views: Record<string, { readonly id: string }[]>; readonly viewsWelcome: { readonly view: string }[] } };
    for (const { id } of contributes.views.diffusionpipe) assert.ok(contributes.viewsWelcome.some(({ view }) => view === id), id);
  });

  it("are shown by Show Runs", async () => {
    assert.deepEqual(await vscode.commands.executeCommand("diffusionpipe.showRuns", {}), []);
  });
});
