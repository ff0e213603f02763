/** A changed plan as one edit of its document's text. */
import * as vscode from "vscode";
import { UserError } from "../model/errors";
import type { Plan } from "../model/plan";
import { predictedFigures } from "../plan/predict";
import { runnable } from "../plan/runnable";
import { validatePlan } from "../plan/validate";
import type { Context } from "../simulate/context";
import { nameOf } from "./planInputs";
import { replacements } from "./planText";

/**
 * One edit, undone by one undo: what was decided, and in the same edit the figures predicted for the plan, so that the file stays
 * true. Everything else keeps its bytes.
 * @param version Of the document that the plan was made from.
 * @throws UserError where the plan is not valid, the text has changed since, or it cannot be written.
 */
export async function writePlan(document: vscode.TextDocument, version: number, plan: Plan, context: Context): Promise<void> {
  validatePlan(plan, context.workload, context.devices.length, nameOf(document.uri));
  const written = { ...plan, runnable: runnable(plan, context.workload), predicted: predictedFigures(plan, context) };
  const edit = new vscode.WorkspaceEdit();
  for (const { offset, length, text } of replacements(document.getText(), written)) {
    edit.replace(document.uri, new vscode.Range(document.positionAt(offset), document.positionAt(offset + length)), text);
  }
  assertVersion(document, version);
  if (!(await vscode.workspace.applyEdit(edit))) throw new UserError("VS Code refused the edit: the file may be read-only.");
}

/** @throws UserError where the text is another one by now. */
export function assertVersion(document: vscode.TextDocument, version: number): void {
  if (document.version !== version) throw new UserError("The text has changed meanwhile; the change was not made.");
}
