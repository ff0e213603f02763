/** Shows what a model folder holds as a page of text. */
import * as vscode from "vscode";
import { z } from "zod";
import { inspectDocument, inspectModel } from "../app/inspect";
import { optionsOf } from "./arguments";
import { inspectionUri } from "../views/inspectionPage";
import { modelFolder } from "./modelFolder";
import { pickModel } from "./pick";
import type { Handler } from "./shell";

const options = z.strictObject({
  model: z.string().optional(),
  train: z.array(z.string()).optional(),
  freeze: z.array(z.string()).optional(),
});

/** @returns The document that `diffusionpipe inspect --json` prints. */
export const inspectModelCommand: Handler = async (shell, argument) => {
  const { model, train, freeze } = optionsOf(options, "model", argument);
  const folder = modelFolder(model ?? (await pickModel(vscode.l10n.t("Inspect Model"))));
  const document = inspectDocument(await inspectModel(shell.files, folder, { train, freeze }));
  const page = await vscode.workspace.openTextDocument(inspectionUri(folder, { train, freeze }));
  await vscode.window.showTextDocument(page, { preview: true });
  return document;
};
