/** Takes a measured timeline away from its plan's prediction. */
import * as vscode from "vscode";
import { z } from "zod";
import { timelineViewType } from "../editor/timelineEditor";
import { UserError } from "../model/errors";
import { localPath, optionsOf } from "./arguments";
import type { Handler } from "./shell";

const options = z.strictObject({ plan: z.string().optional() });

export const hideMeasuredCommand: Handler = async (shell, argument) => {
  const plan = optionsOf(options, "plan", argument).plan ?? shownPlan();
  await shell.showMeasured(plan, "", undefined);
  return plan;
};

function shownPlan(): string {
  const input = vscode.window.tabGroups.activeTabGroup.activeTab?.input;
  if (input instanceof vscode.TabInputCustom && input.viewType === timelineViewType) return localPath(input.uri);
  throw new UserError("No plan's timeline is in front.", { hint: "Open the plan first." });
}
