/** Finds a component, a layer or a stage in the timeline of a plan: the one that is open, else one of the workspace's. */
import { dirname, resolve } from "node:path";
import * as vscode from "vscode";
import { z } from "zod";
import { readDocument } from "../formats/document";
import { planFormat } from "../formats/plan";
import { UserError } from "../model/errors";
import type { Files } from "../platform/files";
import { onlyOrChosen, workspaceFiles } from "./pick";
import type { Handler } from "./shell";

const name = z.union([z.string(), z.object({ name: z.string() }).transform((named) => named.name)]);
/** A node of the Models tree, or what a lens stands over: `subject` is the model's path. */
const ofModel = z.object({ subject: z.string(), component: name, layer: name.optional() });
const ofPlan = z.object({ plan: z.string(), query: z.string() });

/** @returns Path of the plan. */
export const showInTimelineCommand: Handler = async (shell, argument) => {
  const inPlan = ofPlan.safeParse(argument).data;
  if (inPlan) return shell.searchTimeline({ plan: inPlan.plan }, inPlan.query);
  const target = ofModel.safeParse(argument).data;
  if (!target) throw new UserError("Choose a component or a layer in the Models view first.", { hint: "Its context menu has “Show in Timeline”." });
  const { subject, component, layer } = target;
  const query = `"${layer === undefined ? component : `${component}/${layer}`}"`;
  const found = await shell.searchTimeline({ model: subject }, query);
  if (found !== undefined) return found;
  const plan = await onlyOrChosen(vscode.l10n.t("Show in Timeline"), vscode.l10n.t("In which plan?"), await plansOf(shell.files, subject), "There is no plan of this model in the workspace.", 'Make one with "DiffusionPipe: New Plan".');
  return shell.searchTimeline({ plan }, query);
};

/** Absolute paths of the workspace's plans that train a model; those that cannot be read are none. */
async function plansOf(files: Files, model: string): Promise<readonly string[]> {
  const paths = await workspaceFiles("**/*.pipeplan.json");
  const trains = await Promise.all(paths.map(async (path) => {
    const plan = await readDocument(planFormat, files, path).catch(() => undefined);
    return plan !== undefined && resolve(dirname(path), plan.model.path) === resolve(model);
  }));
  return paths.filter((_, index) => trains[index]);
}
