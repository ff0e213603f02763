/** What the model view's buttons start: profiling and planning with the roles and the size that it shows. */
import * as vscode from "vscode";
import { differences } from "../app/profileFits";
import { shownPath } from "../commands/pick";
import { defaultProfilePath } from "../commands/profileLayers";
import { readDocument } from "../formats/document";
import { profileFormat } from "../formats/profile";
import { Cancelled } from "../model/errors";
import type { Inspection } from "../model/inspection";
import type { RoleChoice } from "../model/choice";
import type { Files } from "../platform/files";
import type { ModelCommand } from "../protocol/modelMessages";

export async function runModelCommand(files: Files, command: ModelCommand, inspection: Inspection, choice: RoleChoice): Promise<void> {
  const { height, width, sequenceLength, frames } = inspection.bindings;
  const { path } = inspection.model;
  const options = { ...choice, height, width, sequenceLength, ...(frames !== undefined && { frames }) };
  if (command === "profile") await vscode.commands.executeCommand("diffusionpipe.profileLayers", { model: path, ...options });
  else if (await isProfileToBeMade(files, inspection)) {
    const profile = await vscode.commands.executeCommand("diffusionpipe.profileLayers", { model: path, output: defaultProfilePath(path), ...options });
    await vscode.commands.executeCommand("diffusionpipe.newPlan", { from: profile });
  } else await vscode.commands.executeCommand("diffusionpipe.newPlan", { from: path, ...options });
}

/** A profile of other roles or another size would make another plan than what is shown promises. @throws Cancelled */
async function isProfileToBeMade(files: Files, inspection: Inspection): Promise<boolean> {
  const profile = defaultProfilePath(inspection.model.path);
  if (!(await files.stat(profile))) return false; // planning makes it
  const different = differences(await readDocument(profileFormat, files, profile), inspection);
  if (different.length === 0) return false;
  const again = vscode.l10n.t("Profile Again");
  const asItIs = vscode.l10n.t("Plan From It");
  const answer = await vscode.window.showWarningMessage(vscode.l10n.t("{0} was made with {1}.", shownPath(profile), different.join(", ")), { modal: true, detail: vscode.l10n.t("What was measured before is kept in a cache; only what is missing is measured again.") }, again, asItIs);
  if (answer === undefined) throw new Cancelled();
  return answer === again;
}
