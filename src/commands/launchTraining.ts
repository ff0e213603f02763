/** Starts a plan on a target, after showing the document of what will be sent and run. */
import { dirname } from "node:path";
import * as vscode from "vscode";
import { z } from "zod";
import { describeLaunch } from "../app/commandLine/describeLaunch";
import { dryRun, launch, type PreparedLaunch } from "../app/launch";
import { readDocument } from "../formats/document";
import { planFormat } from "../formats/plan";
import { Cancelled } from "../model/errors";
import { showLaunchPage } from "../views/launchPage";
import { optionsOf } from "./arguments";
import { askTarget } from "./askTarget";
import { missingWeights } from "./missingWeights";
import { askFolder, askNumber, pickPlan } from "./pick";
import { withProgress } from "./progress";
import { runServices } from "./runServices";
import type { Handler, Shell } from "./shell";

const options = z.strictObject({
  plan: z.string().optional(),
  target: z.string().optional(),
  data: z.string().optional(),
  /** Make random weights from this seed where the model has none. */
  initWeights: z.int().nonnegative().optional(),
  /** False: start without asking. */
  confirm: z.boolean().optional(),
  /** Only make the document. */
  dryRun: z.boolean().optional(),
  signal: z.instanceof(AbortSignal).optional(),
});
type LaunchTrainingOptions = z.infer<typeof options>;

const title = vscode.l10n.t("Launch Training");

/** @returns The run's record, or with `dryRun` the document. */
export const launchTrainingCommand: Handler = async (shell, argument) => {
  const given = optionsOf(options, "plan", argument);
  const plan = given.plan ?? (await pickPlan(title));
  const target = given.target ?? (await askTarget(shell, title, dirname(plan)));
  const data = given.data ?? (given.confirm === false || given.dryRun ? undefined : await dataIfNone(shell, plan));
  const initWeights = given.initWeights ?? (given.confirm === false || given.dryRun ? undefined : await seedIfNoWeights(shell, plan));
  const services = runServices();
  const prepared = await withProgress(shell, vscode.l10n.t("Preparing the launch"), given.signal, (signal, report) =>
    dryRun(services, plan, target, { data, initWeights, signal, onStep: (message) => report({ message }) }));
  if (given.dryRun) return prepared.document;
  if (given.confirm !== false) await confirmLaunch(prepared);
  const record = await withProgress(shell, vscode.l10n.t("Launching {0}", prepared.document.place.runId), given.signal, (signal, report) =>
    launch(services, prepared, { signal, onStep: (message) => report({ message }) }));
  shell.refresh();
  if (given.confirm !== false) void offerLog(record.id, record.targetName);
  return record;
};

async function dataIfNone(shell: Shell, plan: string): Promise<LaunchTrainingOptions["data"]> {
  const { training } = await readDocument(planFormat, shell.files, plan);
  return training.data === undefined ? askFolder(vscode.l10n.t("Folder of captioned images to train on")) : undefined;
}

async function seedIfNoWeights(shell: Shell, plan: string): Promise<number | undefined> {
  const missing = await missingWeights(shell.files, plan);
  if (missing.length === 0) return undefined;
  return askNumber(title, vscode.l10n.t("There are no weights for {0}. Seed to start from random ones", missing.join(", ")), 0, { least: 0 });
}

/** @throws Cancelled unless the document is agreed to. */
async function confirmLaunch(prepared: PreparedLaunch): Promise<void> {
  await showLaunchPage(prepared.document.place.runId, describeLaunch(prepared));
  const start = vscode.l10n.t("Start Training");
  const target = prepared.document.targetName ?? prepared.document.place.kind;
  const answer = await vscode.window.showInformationMessage(vscode.l10n.t("The open document shows what will be sent to {0} and run there.", target), start, vscode.l10n.t("Cancel"));
  if (answer !== start) throw new Cancelled();
}

async function offerLog(id: string, target: string): Promise<void> {
  const show = vscode.l10n.t("Show Log");
  const answer = await vscode.window.showInformationMessage(vscode.l10n.t("{0} is running on {1}. It goes on when the editor closes.", id, target), show);
  if (answer === show) await vscode.commands.executeCommand("diffusionpipe.showRunLog", { id });
}
