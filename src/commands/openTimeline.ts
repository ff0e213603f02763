/** Opens a plan in the timeline. */
import * as vscode from "vscode";
import { z } from "zod";
import { optionsOf } from "./arguments";
import { timelineViewType } from "../editor/timelineEditor";
import { pickPlan } from "./pick";
import type { Handler } from "./shell";

const options = z.strictObject({ plan: z.string().optional() });

export const openTimelineCommand: Handler = async (_, argument) => {
  const { plan } = optionsOf(options, "plan", argument);
  const path = plan ?? (await pickPlan(vscode.l10n.t("Open Timeline")));
  await openTimeline(path);
  return path;
};

export async function openTimeline(plan: string): Promise<void> {
  await vscode.commands.executeCommand("vscode.openWith", vscode.Uri.file(plan), timelineViewType);
}
