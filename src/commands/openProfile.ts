/** Opens a profile in its view. */
import * as vscode from "vscode";
import { z } from "zod";
import { profileViewType } from "../editor/profileEditor";
import { optionsOf } from "./arguments";
import { onlyOrChosen, workspaceFiles } from "./pick";
import type { Handler } from "./shell";

const options = z.strictObject({ profile: z.string().optional() });

/** @returns Path of the profile. */
export const openProfileCommand: Handler = async (_shell, argument) => {
  const given = optionsOf(options, "profile", argument);
  const path = given.profile ?? (await onlyOrChosen(vscode.l10n.t("Open Profile"), vscode.l10n.t("Which profile?"), await workspaceFiles("**/*.profile.json"), "There is no profile in this workspace.", 'Make one with "DiffusionPipe: Profile Layers".'));
  await openProfile(path);
  return path;
};

export async function openProfile(path: string): Promise<void> {
  await vscode.commands.executeCommand("vscode.openWith", vscode.Uri.file(path), profileViewType);
}
