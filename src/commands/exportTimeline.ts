/** A timeline, or a plan's predicted one, as a picture, a page, a trace or a table. */
import * as vscode from "vscode";
import { z } from "zod";
import { documentName, exportForm, exportForms, leftOutText, type ExportName } from "../app/export";
import { simulatePlan } from "../app/simulate";
import { timelinePage } from "../app/timelinePage";
import { readDocument } from "../formats/document";
import { timelineFormat } from "../formats/timeline";
import { Cancelled, UserError } from "../model/errors";
import type { Timeline } from "../model/timeline";
import { localPath, optionsOf } from "./arguments";
import { choose, shownPath, workspaceFiles } from "./pick";
import type { Handler, Shell } from "./shell";

const options = z.strictObject({
  /** A timeline, or a plan, which is simulated. */
  from: z.string().optional(),
  as: z.string().optional(),
  output: z.string().optional(),
});

/** @returns Path of the file made. */
export const exportTimelineCommand: Handler = async (shell, argument) => {
  const given = optionsOf(options, "from", argument);
  const title = vscode.l10n.t("Export Timeline");
  const from = given.from ?? (await pickSource(title));
  const name = given.as ?? (await choose<ExportName | "png">(title, vscode.l10n.t("As what?"), [...formChoices, ...(isPlan(from) ? [imageChoice] : [])]));
  const isImage = name === "png" && isPlan(from);
  const extension = isImage ? ".png" : exportForm(name).extension;
  const output = given.output ?? (await askPlace(title, from.replace(/(\.timeline|\.pipeplan)?\.json$/, extension)));
  const leftOut = isImage ? await writeImage(shell, from, output) : await writeForm(shell, from, name, output);
  if (leftOut !== undefined) shell.log.info(leftOut);
  if (given.output === undefined) void vscode.window.showInformationMessage([vscode.l10n.t("{0} is written.", shownPath(output)), ...(leftOut === undefined ? [] : [leftOut])].join(" "));
  return output;
};

const formChoices = Object.entries(exportForms).map(([key, form]) => ({ label: form.title, description: form.extension, value: key as ExportName }));
/** Of a plan only: it is drawn by the plan's view, with a measured timeline where one is laid over it. */
const imageChoice = { label: "PNG picture at double resolution", description: ".png", value: "png" as const };

function isPlan(path: string): boolean {
  return path.endsWith(".pipeplan.json");
}

async function writeImage(shell: Shell, plan: string, output: string): Promise<undefined> {
  await shell.files.write(output, await shell.drawTimeline(plan));
}

/** @returns What the form cannot say, in words. */
async function writeForm(shell: Shell, from: string, name: string, output: string): Promise<string | undefined> {
  const form = exportForm(name);
  const timeline = await timelineOf(shell, from);
  await shell.files.write(output, await form.make(timeline, { name: documentName(from), page: () => timelinePage(shell.files, shell.scriptsFolder) }));
  return leftOutText(form, timeline);
}

async function timelineOf(shell: Shell, from: string): Promise<Timeline> {
  return isPlan(from) ? (await simulatePlan(shell.files, from)).timeline : readDocument(timelineFormat, shell.files, from);
}

async function pickSource(title: string): Promise<string> {
  const timelines = await workspaceFiles("**/*.timeline.json");
  const plans = await workspaceFiles("**/*.pipeplan.json");
  if (timelines.length + plans.length === 0) throw new UserError("There is neither a plan nor a timeline in this workspace.", { hint: 'Make a plan with "DiffusionPipe: New Plan".' });
  return choose(title, vscode.l10n.t("Which timeline?"), [
    ...plans.map((path) => ({ label: shownPath(path), description: vscode.l10n.t("predicted by simulation"), value: path })),
    ...timelines.map((path) => ({ label: shownPath(path), value: path })),
  ]);
}

async function askPlace(title: string, suggestion: string): Promise<string> {
  const chosen = await vscode.window.showSaveDialog({ title, defaultUri: vscode.Uri.file(suggestion) });
  if (!chosen) throw new Cancelled();
  return localPath(chosen);
}
