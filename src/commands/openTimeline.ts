/** Opens a plan in the timeline, or the plan of a timeline file. */
import * as vscode from "vscode";
import { z } from "zod";
import { optionsOf } from "./arguments";
import { timelineViewType } from "../editor/timelineEditor";
import { pickPlan } from "./pick";
import { showTimelineFile } from "./showMeasured";
import type { Handler } from "./shell";

const options = z.strictObject({ /** Or a timeline file. */ plan: z.string().optional() });

export const openTimelineCommand: Handler = async (shell, argument) => {
  const { plan } = optionsOf(options, "plan", argument);
  const path = plan ?? (await pickPlan(vscode.l10n.t("Open Timeline")));
  if (path.endsWith(".timeline.json")) return showTimelineFile(shell, path);
  await openTimeline(path);
  return path;
};

export async function openTimeline(plan: string): Promise<void> {
  await vscode.commands.executeCommand("vscode.openWith", vscode.Uri.file(plan), timelineViewType);
}
