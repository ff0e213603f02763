/** Lays what a run measured over the timeline that its plan predicts. */
import { basename, dirname, join } from "node:path";
import * as vscode from "vscode";
import { z } from "zod";
import { fetchRun, predictionFile, recordedRuns } from "../app/runs";
import { simulatePlan } from "../app/simulate";
import { readDocument } from "../formats/document";
import { timelineFormat } from "../formats/timeline";
import { UserError } from "../model/errors";
import type { Timeline } from "../model/timeline";
import type { RunRecord } from "../remote/runs/record";
import { runStore } from "../remote/runs/record";
import { optionsOf } from "./arguments";
import { fetchedFolder } from "./fetchRun";
import { formatMs } from "../timeline/layout/format";
import { onlyOrChosen, planAdvice, shownPath, workspaceFiles } from "./pick";
import { pickRun } from "./pickRun";
import { withProgress } from "./progress";
import { runServices } from "./runServices";
import type { Handler, Shell } from "./shell";

const measuredFile = "measured.timeline.json";

const options = z.strictObject({
  /** A run's id, or a timeline file. */
  from: z.string().optional(),
  /** The plan to lay it over; by default the one that was run. */
  plan: z.string().optional(),
});

/** @returns Path of the plan. */
export const showMeasuredCommand: Handler = async (shell, argument) => {
  const given = optionsOf(options, "from", argument);
  const from = given.from ?? (await pickRun(vscode.l10n.t("Show Measured Timeline"), "ended"));
  return from.endsWith(".json") ? showTimelineFile(shell, from, given.plan) : showRun(shell, from, given.plan);
};

/** Opens the plan that a timeline file belongs to, with the file laid over it where it was measured. @returns Path of the plan. */
export async function showTimelineFile(shell: Shell, file: string, givenPlan?: string): Promise<string> {
  const timeline = await readDocument(timelineFormat, shell.files, file);
  const run = (await recordedRuns(runServices())).find(({ id }) => file.split(/[\\/]/).includes(id));
  const plan = givenPlan ?? (run && (await shell.files.stat(run.planPath)) ? run.planPath : await askPlan(file));
  if (timeline.source === "predicted") {
    await shell.showMeasured(plan, "", undefined);
    void vscode.window.showInformationMessage(vscode.l10n.t("{0} is a prediction. A plan's prediction is always simulated from the plan as it is now; this is it.", shownPath(file)));
    return plan;
  }
  await lay(shell, plan, run?.id ?? shownPath(file), timeline, file);
  return plan;
}

async function showRun(shell: Shell, id: string, givenPlan?: string): Promise<string> {
  const services = runServices();
  const record = await runStore(services.files, services.runsFolder).read(id);
  const plan = givenPlan ?? record.planPath;
  if (!(await shell.files.stat(plan))) throw new UserError("The plan of this run is not there any more.", { file: plan, hint: "Open the run's measured.timeline.json and choose another plan of the same model." });
  const file = await measuredOf(shell, record);
  await lay(shell, plan, id, await readDocument(timelineFormat, shell.files, file), file);
  await warnIfChanged(shell, plan, record);
  return plan;
}

/** Where the run's measured timeline lies on this disk; its results are fetched beside the plan where it does not. */
async function measuredOf(shell: Shell, record: RunRecord): Promise<string> {
  const fetched = join(fetchedFolder(record), measuredFile);
  if (await shell.files.stat(fetched)) return fetched;
  const inPlace = record.place.kind === "local" && record.started ? join(record.started.folder, measuredFile) : undefined;
  if (inPlace !== undefined && (await shell.files.stat(inPlace))) return inPlace;
  if (inPlace === undefined) {
    await withProgress(shell, vscode.l10n.t("Fetching {0}", record.id), undefined, (signal, report) =>
      fetchRun(runServices(), record.id, fetchedFolder(record), { signal, onStep: (message) => report({ message }) }));
    if (await shell.files.stat(fetched)) return fetched;
  }
  throw new UserError(`${record.id} has left no measured timeline.`, { hint: "It is written when the run has completed. The run's log says how far it came." });
}

/** @throws UserError where the plan is of another number of devices. */
export async function lay(shell: Shell, plan: string, name: string, timeline: Timeline, file: string): Promise<void> {
  const predicted = (await simulatePlan(shell.files, plan)).timeline;
  if (timeline.devices.length !== predicted.devices.length) {
    throw new UserError(`It was measured on ${timeline.devices.length} devices, and the plan ${basename(plan)} has ${predicted.devices.length}.`, { file, field: "devices", hint: "Choose the plan that was run." });
  }
  await shell.showMeasured(plan, name, timeline);
}

/** A run is judged by the prediction that was written before it started, not by what its plan became. */
async function warnIfChanged(shell: Shell, plan: string, record: RunRecord): Promise<void> {
  const services = runServices();
  const file = join(runStore(services.files, services.runsFolder).folderOf(record.id), predictionFile);
  if (!(await shell.files.stat(file))) return;
  const then = (await readDocument(timelineFormat, shell.files, file)).periodMs;
  const now = (await simulatePlan(shell.files, plan)).timeline.periodMs;
  if (Math.abs(now / then - 1) < 1e-6) return;
  void vscode.window.showWarningMessage(vscode.l10n.t("{0}, its profile or its cluster has changed since {1} was launched: the prediction then was {2}, now it is {3}.", basename(plan), record.id, formatMs(then), formatMs(now)));
}

/** Plans beside the file and in the folders above come first: results lie below the plan that was run. */
async function askPlan(file: string): Promise<string> {
  const distance = (plan: string) => (file.startsWith(`${dirname(plan)}/`) ? file.slice(dirname(plan).length).split("/").length : Infinity);
  const plans = [...(await workspaceFiles("**/*.pipeplan.json"))].sort((a, b) => distance(a) - distance(b));
  return onlyOrChosen(vscode.l10n.t("Open Timeline"), vscode.l10n.t("A timeline is shown with its plan. Which plan was {0} made from?", basename(file)), plans, ...planAdvice);
}
