/** Errors as notifications with something to press. */
import * as vscode from "vscode";
import { Cancelled, messageOf, UserError } from "../model/errors";
import type { Shell } from "./shell";

/** Shows what went wrong and does not wait for an answer. Something that was called off is not an error. */
export function showError(shell: Shell, what: string, error: unknown): void {
  if (error instanceof Cancelled || error instanceof vscode.CancellationError) {
    shell.log.info(`${what}: ${messageOf(error)}`);
    return;
  }
  shell.log.error(`${what}: ${error instanceof Error && !(error instanceof UserError) ? (error.stack ?? error.message) : messageOf(error)}`);
  void offer(shell, error).catch((failure: unknown) => shell.log.error(messageOf(failure)));
}

async function offer(shell: Shell, error: unknown): Promise<void> {
  const file = error instanceof UserError ? error.file : undefined;
  const canOpen = file !== undefined && (await shell.files.stat(file))?.kind === "file";
  const actions = [
    ...(canOpen ? [vscode.l10n.t("Open File")] : []),
    ...(vscode.workspace.isTrusted ? [] : [vscode.l10n.t("Manage Workspace Trust")]),
    vscode.l10n.t("Show Log"),
  ];
  const message = error instanceof UserError ? error.message : vscode.l10n.t("DiffusionPipe failed: {0}", messageOf(error));
  const chosen = await vscode.window.showErrorMessage(message, ...actions);
  if (chosen === vscode.l10n.t("Open File") && file !== undefined) await openAtField(file, (error as UserError).field);
  else if (chosen === vscode.l10n.t("Manage Workspace Trust")) await vscode.commands.executeCommand("workbench.trust.manage");
  else if (chosen === vscode.l10n.t("Show Log")) shell.log.show();
}

/** Opens a JSON file as text, with the caret at a field such as "chains[0].stages" where it has one. */
export async function openAtField(file: string, field: string | undefined): Promise<vscode.TextEditor> {
  const { spanOf } = await import("../editor/planText");
  const document = await vscode.workspace.openTextDocument(vscode.Uri.file(file));
  const { offset, length } = spanOf(document.getText(), field);
  return vscode.window.showTextDocument(document, { selection: new vscode.Range(document.positionAt(offset), document.positionAt(offset + length)) });
}
