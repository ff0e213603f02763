/** Opens the file that describes a component, at the place that decides on a layer. */
import * as vscode from "vscode";
import { openAtField } from "../commands/showError";
import { UserError } from "../model/errors";
import type { Files } from "../platform/files";
import { configurationField, configurationFile } from "./modelConfiguration";

/** @param model Absolute path of the model's folder or file; nothing outside of it is opened. @throws UserError where no text describes the component. */
export async function openConfiguration(files: Files, model: string, component: string, layer?: string): Promise<void> {
  const file = await configurationFile(files, model, component);
  if (file === undefined) throw new UserError(`There is no text file that describes "${component}".`, { file: model });
  const document = await vscode.workspace.openTextDocument(vscode.Uri.file(file));
  await openAtField(file, file.endsWith(".json") ? configurationField(parsed(document.getText()), component, layer) : undefined);
}

/** Undefined for text that is no JSON. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
