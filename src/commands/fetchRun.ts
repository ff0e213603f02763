/** Brings a run's results into the workspace. */
import { dirname, join } from "node:path";
import * as vscode from "vscode";
import { z } from "zod";
import { fetchRun, recordedRuns } from "../app/runs";
import { UserError } from "../model/errors";
import type { RunRecord } from "../remote/runs/record";
import { optionsOf } from "./arguments";
import { pickRun } from "./pickRun";
import { shownPath } from "./pick";
import { withProgress } from "./progress";
import { runServices } from "./runServices";
import type { Handler } from "./shell";

const options = z.strictObject({
  id: z.string().optional(),
  /** By default the folder runs/ID beside the plan. */
  output: z.string().optional(),
});

/** @returns The folder with the results. */
export const fetchRunCommand: Handler = async (shell, argument) => {
  const given = optionsOf(options, "id", argument);
  const id = given.id ?? (await pickRun(vscode.l10n.t("Fetch Run Results"), "all"));
  const services = runServices();
  const record = (await recordedRuns(services)).find((run) => run.id === id);
  if (!record) throw new UserError(`There is no run "${id}" here.`);
  const output = given.output ?? fetchedFolder(record);
  await withProgress(shell, vscode.l10n.t("Fetching {0}", id), undefined, (signal, report) =>
    fetchRun(services, id, output, { signal, onStep: (message) => report({ message }) }));
  if (given.output === undefined) void offerMeasured(id, output);
  return output;
};

/** The folder runs/ID beside the plan. */
export function fetchedFolder({ planPath, id }: RunRecord): string {
  return join(dirname(planPath), "runs", id);
}

async function offerMeasured(id: string, output: string): Promise<void> {
  const show = vscode.l10n.t("Show Measured Timeline");
  const answer = await vscode.window.showInformationMessage(vscode.l10n.t("The results are in {0}.", shownPath(output)), show);
  if (answer === show) await vscode.commands.executeCommand("diffusionpipe.showMeasured", { subject: id });
}
