/** Lays what PyTorch's profiler recorded, one trace for each rank, over the timeline that a plan predicts. */
import * as vscode from "vscode";
import { z } from "zod";
import { importedText, notPlacedText, openTraces, traceName } from "../app/importTraces";
import { openPlan } from "../app/planFiles";
import { writeDocument } from "../formats/document";
import { timelineFormat } from "../formats/timeline";
import { Cancelled } from "../model/errors";
import { timelineViewType } from "../editor/timelineEditor";
import { localPath, optionsOf } from "./arguments";
import { pickPlan } from "./pick";
import { withProgress } from "./progress";
import { lay } from "./showMeasured";
import type { Handler, Shell } from "./shell";

const options = z.strictObject({
  traces: z.array(z.string()).min(1).optional(),
  /** The plan to lay it over; by default the one in front. */
  plan: z.string().optional(),
  /** Where the timeline is written as well. */
  output: z.string().optional(),
});

/** @returns What was laid over the plan, and what could not be placed. */
export const openTraceCommand: Handler = async (shell, argument) => {
  const title = vscode.l10n.t("Open PyTorch Trace");
  const given = optionsOf(options, "plan", argument);
  const traces = given.traces ?? (await askTraces(title));
  const plan = given.plan ?? planInFront() ?? (await pickPlan(title));
  const opened = await openPlan(shell.files, plan);
  const trained = new Set(opened.profile.chains.flatMap(({ segments }) => segments.map(({ component }) => component)));
  const components = opened.profile.components.map(({ name }) => name).filter((name) => !trained.has(name));
  const imported = await withProgress(shell, vscode.l10n.t("Reading {0} traces", traces.length), undefined, () => openTraces(shell.files, traces, { globalBatch: opened.plan.batch.global, components }));
  const name = traceName(traces);
  if (given.output !== undefined) await writeDocument(timelineFormat, shell.files, given.output, imported.timeline);
  await lay(shell, plan, name, imported.timeline, traces[0]);
  const said = [...imported.notes, notPlacedText(imported)].filter((text) => text !== undefined);
  tell(shell, `${name}: ${importedText(imported)}.`, said);
  return { plan, devices: imported.timeline.devices.length, operations: imported.timeline.operations.length, notPlaced: imported.notPlaced, said };
};

function tell(shell: Shell, what: string, said: readonly string[]): void {
  for (const line of [what, ...said]) shell.log.info(line);
  if (said.length === 0) return void vscode.window.showInformationMessage(what);
  const showLog = vscode.l10n.t("Show Log");
  void vscode.window.showWarningMessage([what, ...said].join(" "), showLog).then((pressed) => {
    if (pressed === showLog) shell.log.show();
  });
}

async function askTraces(title: string): Promise<readonly string[]> {
  const chosen = await vscode.window.showOpenDialog({
    title, canSelectMany: true, openLabel: vscode.l10n.t("Open Traces of All Ranks"),
    defaultUri: vscode.workspace.workspaceFolders?.[0]?.uri, filters: { [vscode.l10n.t("Chrome traces")]: ["json", "gz"] },
  });
  if (!chosen || chosen.length === 0) throw new Cancelled();
  return chosen.map(localPath);
}

function planInFront(): string | undefined {
  const input = vscode.window.tabGroups.activeTabGroup.activeTab?.input;
  return input instanceof vscode.TabInputCustom && input.viewType === timelineViewType && input.uri.scheme === "file" ? input.uri.fsPath : undefined;
}
