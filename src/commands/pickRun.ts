/** Which run? */
import * as vscode from "vscode";
import { listRuns, type RunEntry } from "../app/runs";
import { UserError } from "../model/errors";
import { describeRun, isActive } from "../views/runsTree";
import { choose } from "./pick";
import { runServices } from "./runServices";

/** @param which Those that go on, those that do not, or all. @throws UserError where there is none, Cancelled. */
export async function pickRun(title: string, which: "active" | "ended" | "all"): Promise<string> {
  const entries = (await listRuns(runServices())).filter((entry) => which === "all" || isActive(entry) === (which === "active"));
  if (entries.length === 0) throw new UserError({ active: "No run is going on.", ended: "No run has ended yet.", all: "There are no runs yet." }[which], { hint: 'Start one with "DiffusionPipe: Launch Training".' });
  return choose(title, vscode.l10n.t("Which run?"), entries.map(choiceOf));
}

export function choiceOf(entry: RunEntry): vscode.QuickPickItem & { readonly value: string } {
  return { label: entry.record.id, description: describeRun(entry), detail: `${entry.record.planPath} → ${entry.record.targetName}`, value: entry.record.id };
}
