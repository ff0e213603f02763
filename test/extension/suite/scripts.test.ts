import assert from "node:assert/strict";
import { rmSync, writeFileSync } from "node:fs";
import * as vscode from "vscode";
import { workspaceModels } from "../../../src/commands/pick";
import { eventually, inWorkspace } from "../workspace";

interface Inspected {
  readonly model: { readonly path: string };
  readonly components: readonly { readonly name: string; readonly class: string; readonly role: string; readonly parameters: number }[];
}

const script = `# python train.py --base=model
import argparse
import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from transformers import CLIPTextModel

parser = argparse.ArgumentParser()
parser.add_argument("--base", required=True)
args = parser.parse_args()
unet = UNet2DConditionModel.from_pretrained(args.base, subfolder="unet")
vae = AutoencoderKL.from_pretrained(args.base, subfolder="vae").requires_grad_(False)
words = CLIPTextModel.from_pretrained(args.base, subfolder="text_encoder")
optimizer = torch.optim.AdamW(list(unet.parameters()) + list(words.parameters()))
`;

describe("A training script", () => {
  const path = () => inWorkspace("train.py");
  const rolesOf = ({ components }: Inspected) => Object.fromEntries(components.map(({ name, role }) => [name, role]));
  const roles = { text_encoder: "trained", vae: "frozen", unet: "trained" };

  before(() => writeFileSync(path(), script));
  after(() => rmSync(path(), { force: true }));

  const lensesOf = async (uri: vscode.Uri) => {
    await vscode.workspace.openTextDocument(uri);
    const lenses = (await vscode.commands.executeCommand("vscode.executeCodeLensProvider", uri, 10)) as vscode.CodeLens[];
    return lenses.filter(({ command }) => command?.command.startsWith("diffusionpipe."));
  };

  it("offers what can be done with it over its first model, and so does model_index.json", async () => {
    const lenses = await lensesOf(vscode.Uri.file(path()));
    assert.deepEqual(lenses.map(({ command }) => command?.title), ["Inspect", "Profile", "Plan pipeline"]);
    assert.deepEqual(lenses.map(({ command }) => command?.command), ["diffusionpipe.inspectModel", "diffusionpipe.profileLayers", "diffusionpipe.newPlan"]);
    assert.ok(lenses.every(({ range }) => script.split("\n")[range.start.line].startsWith("unet =")));
    const overIndex = await lensesOf(vscode.Uri.file(inWorkspace("model", "model_index.json")));
    assert.deepEqual(overIndex.map(({ command }) => command?.title), ["Inspect", "Profile", "Plan pipeline"]);
  });

  it("is one of the workspace's models", async () => {
    assert.ok((await workspaceModels()).includes(path()));
  });

  it("tells a caller in code what it leaves open", async () => {
    await assert.rejects(async () => vscode.commands.executeCommand("diffusionpipe.inspectModel", { model: path() }), /line 8: The script leaves open which model it loads: base/);
  });

  it("asks a person once what it leaves open", async () => {
    await vscode.commands.executeCommand("workbench.action.closeAllEditors");
    const done = vscode.commands.executeCommand("diffusionpipe.inspectModel", vscode.Uri.file(path())) as Thenable<Inspected>;
    let ended = false;
    const inspected = Promise.resolve(done).finally(() => (ended = true));
    // The first choice is what the script's own text names.
    await eventually("the answer is taken", async () => {
      await vscode.commands.executeCommand("workbench.action.acceptSelectedQuickOpenItem");
      return ended ? true : undefined;
    });
    assert.deepEqual(rolesOf(await inspected), roles);
    const again = (await vscode.commands.executeCommand("diffusionpipe.inspectModel", vscode.Uri.file(path()))) as Inspected;
    assert.equal(again.model.path, path());
    assert.deepEqual(rolesOf(again), roles);
  });

  it("then can be asked again", async () => {
    const lenses = await lensesOf(vscode.Uri.file(path()));
    assert.equal(lenses.at(-1)?.command?.command, "diffusionpipe.answerScript");
  });

  it("takes answers from a caller in code", async () => {
    const before = (await vscode.commands.executeCommand("diffusionpipe.inspectModel", { model: path(), answers: { base: "no/such-model" } }).then(
      () => undefined,
      (error: unknown) => error,
    )) as Error;
    assert.match(before.message, /no\/such-model is not in the local Hugging Face cache.*huggingface-cli download/);
    const inspected = (await vscode.commands.executeCommand("diffusionpipe.inspectModel", { model: path(), answers: { base: "model" } })) as Inspected;
    assert.deepEqual(rolesOf(inspected), roles);
  });

  it("says where it is not Python", async () => {
    writeFileSync(path(), `${script}def broken(:\n`);
    await assert.rejects(async () => vscode.commands.executeCommand("diffusionpipe.inspectModel", { model: path() }), /train\.py: line 14: .*Python/);
  });
});
