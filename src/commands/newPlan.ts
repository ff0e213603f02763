/** From a model to a plan by a few questions; a profile is made first where there is none. */
import { basename, dirname, join } from "node:path";
import * as vscode from "vscode";
import { z } from "zod";
import { amountNamed, makePlan, scheduleNamed, StoppedEarly, type Planned } from "../app/plan";
import { workerSearches } from "../app/searchWorker";
import { writeDocument } from "../formats/document";
import { planFormat } from "../formats/plan";
import { UserError } from "../model/errors";
import type { Plan } from "../model/plan";
import { optionsOf } from "./arguments";
import { askCluster, clusterAnswers, writeCluster } from "./askCluster";
import { modelFolder, readyModel } from "./modelFolder";
import { openTimeline } from "./openTimeline";
import { ask, askFolder, askNumber, choose, isOutsideRuns, shownPath, workspaceFiles, workspaceModels, type Choice } from "./pick";
import { defaultProfilePath, profileOptions, profileTo } from "./profileLayers";
import { withProgress } from "./progress";
import type { Handler, Shell } from "./shell";

const options = profileOptions.omit({ model: true }).extend({
  /** A profile, a model's folder, or its model_index.json. */
  from: z.string().optional(),
  /** A cluster file, or what this machine has. */
  cluster: z.union([z.string(), clusterAnswers]).optional(),
  batch: z.int().positive().optional(),
  /** Image folder; null for none yet. */
  data: z.string().nullable().optional(),
  output: z.string().optional(),
  schedule: z.string().optional(),
  stages: z.int().positive().optional(),
  microbatches: z.int().positive().optional(),
  fill: z.boolean().optional(),
  fillMargin: z.number().min(0).lt(1).optional(),
  smallestBubbleMs: z.number().min(0).optional(),
  steps: z.int().positive().optional(),
  learningRate: z.number().positive().optional(),
  seed: z.int().optional(),
});

const title = vscode.l10n.t("New Plan");

/** @returns Path of the plan. */
export const newPlanCommand: Handler = async (shell, argument) => {
  const given = optionsOf(options, "from", argument);
  const { from, cluster: clusterOption, batch: batchOption, data: dataOption, output: outputOption, schedule, stages, microbatches, fill, fillMargin, smallestBubbleMs, steps, learningRate, seed, ...profiling } = given;
  const source = from ?? (await askSource());
  const isProfile = source.endsWith(".profile.json");
  const base = isProfile ? source.slice(0, -".profile.json".length) : await readyModel(shell, modelFolder(source), argument, given.answers);
  const cluster = await clusterFile(shell, clusterOption, dirname(base));
  const batch = batchOption ?? (await askNumber(title, vscode.l10n.t("Global batch: samples of one optimizer step"), 16));
  const data = dataOption === undefined ? await askData() : dataOption;
  const output = outputOption ?? (await askOutput(shell, dirname(base), basename(base)));

  const profile = isProfile ? source : defaultProfilePath(base);
  if (!(await shell.files.stat(profile))) {
    if (isProfile) throw new UserError("The profile does not exist.", { file: profile });
    if (!vscode.workspace.isTrusted) throw new UserError("There is no profile of this model, and profiling waits until this workspace is trusted.", { file: profile });
    await profileTo(shell, base, profile, profiling);
  }
  const filling = { ...fillingFor(dirname(output)), ...(fillMargin !== undefined && { fillMargin }), ...(smallestBubbleMs !== undefined && { smallestBubbleMs }) };
  const { plan, faster } = await withProgress(shell, vscode.l10n.t("Planning {0}", basename(base)), given.signal, (signal, report) =>
    makePlan(shell.files, { profile, cluster, plan: output }, { batch, data: data ?? undefined, schedule: scheduleNamed(schedule), stages, microbatches, fill, ...filling, steps, learningRate, seed }, {
      signal,
      onProgress: (done, total, bestMs) => report({ message: vscode.l10n.t("{0} of {1} candidates{2}", done, total, bestMs === undefined ? "" : vscode.l10n.t(", best period {0} ms", bestMs.toFixed(0))), fraction: done / total }),
    }, workerSearches(shell.scriptsFolder).searchPlan)).catch(async (error: unknown): Promise<Pick<Planned, "plan" | "faster">> => ({ plan: await bestSoFar(error, given.signal) }));
  await writeDocument(planFormat, shell.files, output, plan);
  shell.refresh();
  if (plan.runnable !== true) void vscode.window.showWarningMessage(vscode.l10n.t("The trainer cannot run this plan yet: {0}", plan.runnable.reason));
  else if (faster !== undefined) void vscode.window.showInformationMessage(faster);
  await openTimeline(output);
  return output;
};

/** The plan that a search stopped by hand had found by then, if it is wanted. @throws what stopped it otherwise. */
async function bestSoFar(error: unknown, outer: AbortSignal | undefined): Promise<Plan> {
  if (!(error instanceof StoppedEarly) || outer?.aborted) throw error;
  const use = vscode.l10n.t("Use It");
  const answer = await vscode.window.showInformationMessage(vscode.l10n.t("Planning was stopped. The best plan so far has a period of {0} ms.", error.best.predicted.periodMs.toFixed(1)), use);
  if (answer !== use) throw error;
  return error.best;
}

/** @throws UserError for a setting out of its range. */
function fillingFor(folder: string): { fillMargin?: number; smallestBubbleMs?: number } {
  const settings = vscode.workspace.getConfiguration("diffusionpipe.plan", vscode.Uri.file(folder));
  return { fillMargin: amountNamed(settings.get("fillMargin"), "diffusionpipe.plan.fillMargin", 1), smallestBubbleMs: amountNamed(settings.get("smallestBubbleMs"), "diffusionpipe.plan.smallestBubbleMs") };
}

async function askSource(): Promise<string> {
  const profiles = await workspaceFiles("**/*.profile.json");
  const models = await workspaceModels();
  if (profiles.length + models.length === 0) throw new UserError("There is neither a diffusers model nor a profile in this workspace.", { hint: "Copy a model folder, the one with model_index.json in it, into the workspace." });
  return choose(title, vscode.l10n.t("Plan from which model or profile?"), [
    ...profiles.map((path) => ({ label: shownPath(path), description: vscode.l10n.t("profile"), value: path })),
    ...models.map((path) => ({ label: shownPath(path), description: vscode.l10n.t("model; profiled first unless its profile is there"), value: path })),
  ]);
}

async function clusterFile(shell: Shell, given: string | z.infer<typeof clusterAnswers> | undefined, folder: string): Promise<string> {
  if (typeof given === "string") return given;
  const thisMachine = join(folder, "this-machine.cluster.json");
  if (given) return writeCluster(shell, thisMachine, given);
  const choices: Choice<string | undefined>[] = [
    ...(await workspaceFiles("**/*.cluster.json")).map((path) => ({ label: shownPath(path), value: path })),
    { label: vscode.l10n.t("This machine…"), description: vscode.l10n.t("a few questions; writes {0}", shownPath(thisMachine)), value: undefined },
  ];
  return (await choose(title, vscode.l10n.t("Which cluster?"), choices)) ?? writeCluster(shell, thisMachine, await askCluster(title));
}

async function askData(): Promise<string | null> {
  const browse = Symbol("browse");
  const choices: Choice<string | null | typeof browse>[] = [
    ...(await workspaceFiles("**/metadata.jsonl")).filter(isOutsideRuns).map((path) => ({ label: shownPath(dirname(path)), value: dirname(path) })),
    { label: vscode.l10n.t("Browse…"), description: vscode.l10n.t("a folder with images and metadata.jsonl"), value: browse },
    { label: vscode.l10n.t("None yet"), description: vscode.l10n.t("the plan can be looked at, not launched"), value: null },
  ];
  const chosen = await choose(title, vscode.l10n.t("Which captioned images to train on?"), choices);
  return typeof chosen === "symbol" ? askFolder(title) : chosen;
}

async function askOutput(shell: Shell, folder: string, name: string): Promise<string> {
  for (let prompt = vscode.l10n.t("Name of the plan, in {0}", shownPath(folder)); ; prompt = vscode.l10n.t("There is a plan of this name; choose another")) {
    const answer = await ask(title, prompt, name, (text) => (/^[^/\\<>:"|?*]+$/.test(text.trim()) ? undefined : vscode.l10n.t("A file name")));
    const path = join(folder, `${answer.replace(/\.pipeplan\.json$/, "")}.pipeplan.json`);
    if (!(await shell.files.stat(path))) return path;
  }
}
