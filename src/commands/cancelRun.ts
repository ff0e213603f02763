/** Ends a run: all its processes are gone afterwards. */
import * as vscode from "vscode";
import { z } from "zod";
import { cancelRun } from "../app/runs";
import { Cancelled } from "../model/errors";
import { optionsOf } from "./arguments";
import { pickRun } from "./pickRun";
import { withProgress } from "./progress";
import { runServices } from "./runServices";
import type { Handler } from "./shell";

const options = z.strictObject({
  id: z.string().optional(),
  /** False: do not ask. */
  confirm: z.boolean().optional(),
});

/** @returns The run's status. */
export const cancelRunCommand: Handler = async (shell, argument) => {
  const given = optionsOf(options, "id", argument);
  const title = vscode.l10n.t("Cancel Run");
  const id = given.id ?? (await pickRun(title, "active"));
  if (given.confirm !== false) {
    const stop = vscode.l10n.t("Cancel the Run");
    const answer = await vscode.window.showWarningMessage(vscode.l10n.t("Cancel {0}?", id), { modal: true, detail: vscode.l10n.t("All its processes are ended. What it wrote stays on the target.") }, stop);
    if (answer !== stop) throw new Cancelled();
  }
  try {
    return await withProgress(shell, vscode.l10n.t("Cancelling {0}", id), undefined, async (signal, report) =>
      cancelRun(runServices(), id, { signal, onStep: (message) => report({ message }) }));
  } finally {
    shell.refresh();
  }
};
