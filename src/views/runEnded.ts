/** Says that a run has ended, and offers what comes next. */
import * as vscode from "vscode";
import type { RunEntry } from "../app/runs";

/** Only for runs of this workspace's plans, and not for one that was just cancelled by hand. */
export async function sayEnded({ record, status }: RunEntry): Promise<void> {
  const state = status?.state ?? record.lastState;
  if (state === "cancelled" || state === "gone" || !vscode.workspace.getWorkspaceFolder(vscode.Uri.file(record.planPath))) return;
  const subject = { subject: record.id };
  const measured = vscode.l10n.t("Show Measured Timeline");
  const log = vscode.l10n.t("Show Log");
  if (state === "completed") {
    const answer = await vscode.window.showInformationMessage(vscode.l10n.t("{0} has completed.", record.id), measured, log);
    if (answer === measured) await vscode.commands.executeCommand("diffusionpipe.showMeasured", subject);
    else if (answer === log) await vscode.commands.executeCommand("diffusionpipe.showRunLog", subject);
    return;
  }
  const why = status?.progress?.message;
  const message = state === "lost" ? vscode.l10n.t("{0} is lost: its processes are gone and left no exit code.", record.id) : vscode.l10n.t("{0} has failed{1}", record.id, why === undefined ? "." : `: ${why}`);
  if ((await vscode.window.showErrorMessage(message, log)) === log) await vscode.commands.executeCommand("diffusionpipe.showRunLog", subject);
}
