/** Quick fixes for plans that are not valid: the planner keeps what it can, and plans the rest again. */
import * as vscode from "vscode";
import { Cancelled, messageOf } from "../model/errors";
import type { Plan } from "../model/plan";
import type { Replan } from "../protocol/messages";
import type { Context } from "../simulate/context";

/** What the planner has to do for an edit, behind a notification that can cancel it. @throws UserError, Cancelled. */
export type Replanner = (plan: Plan, request: Replan, context: Context) => Promise<Plan>;

/** Whose problems these are, in the Problems panel. */
export const problemSource = "DiffusionPipe";

const command = "diffusionpipe.repairPlan";

const fixes: readonly { readonly kind: "refill" | "repair"; readonly title: string; readonly isFor: (field: string) => boolean }[] = [
  { kind: "refill", title: "Fill the bubbles again, around what is pinned", isFor: (field) => field.startsWith("fills") },
  { kind: "repair", title: "Plan the stages again, as much like this as can be", isFor: (field) => /^(chains|batch|schedule|dataParallel|fills)/.test(field) },
];

export function registerQuickFixes(replan: Replanner): vscode.Disposable {
  const provider: vscode.CodeActionProvider = {
    provideCodeActions: (document, _range, { diagnostics }) =>
      diagnostics.filter(({ source }) => source === problemSource).flatMap((diagnostic) =>
        fixes.filter(({ isFor }) => typeof diagnostic.code === "string" && isFor(diagnostic.code)).map(({ kind, title }, index) => {
          const action = new vscode.CodeAction(title, vscode.CodeActionKind.QuickFix);
          action.command = { command, title, arguments: [document.uri, kind] };
          action.diagnostics = [diagnostic];
          action.isPreferred = index === 0;
          return action;
        }),
      ),
  };
  return vscode.Disposable.from(
    vscode.languages.registerCodeActionsProvider({ pattern: "**/*.pipeplan.json" }, provider, { providedCodeActionKinds: [vscode.CodeActionKind.QuickFix] }),
    vscode.commands.registerCommand(command, (uri: vscode.Uri, kind: "refill" | "repair") => repair(uri, { kind }, replan)),
  );
}

/** The formats' schemas are loaded when they are first needed. */
async function repair(uri: vscode.Uri, request: Replan, replan: Replanner): Promise<void> {
  try {
    const [{ parseDocument }, { planFormat }, { nameOf, readInputs }, { writePlan }] = await Promise.all([import("../formats/document"), import("../formats/plan"), import("./planInputs"), import("./writePlan")]);
    const document = await vscode.workspace.openTextDocument(uri);
    const { version } = document;
    // Rules between fields are what is broken.
    const plan = parseDocument({ ...planFormat, check: undefined }, document.getText(), nameOf(uri));
    const { context } = await readInputs(uri, plan);
    await writePlan(document, version, await replan(plan, request, context), context);
  } catch (error) {
    if (!(error instanceof Cancelled)) void vscode.window.showErrorMessage(vscode.l10n.t("The plan was not repaired: {0}", messageOf(error)));
  }
}
