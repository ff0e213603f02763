/** Asks again what a training script leaves open, and shows its model. */
import * as vscode from "vscode";
import { z } from "zod";
import { UserError } from "../model/errors";
import { optionsOf } from "./arguments";
import { askScript } from "./askScript";
import { choose, shownPath, workspaceScripts } from "./pick";
import type { Handler } from "./shell";

const options = z.strictObject({ script: z.string().optional() });

/** @returns The document that `diffusionpipe inspect --json` prints. */
export const answerScriptCommand: Handler = async (shell, argument) => {
  const { script } = optionsOf(options, "script", argument);
  const path = script ?? (await pickScript());
  await shell.answers.forget(path);
  await askScript(shell, path);
  return shell.showModel(path, undefined);
};

async function pickScript(): Promise<string> {
  const scripts = await workspaceScripts();
  if (scripts.length === 0) throw new UserError("There is no training script in this workspace.", { hint: "Expected a Python file that loads models of diffusers and trains them." });
  return choose(vscode.l10n.t("Answer a Script's Questions"), vscode.l10n.t("Which script?"), scripts.map((path) => ({ label: shownPath(path), value: path })));
}
