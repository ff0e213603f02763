/** Trains a component that was frozen, or freezes one that trained: another profile, and the plan made anew from it. */
import { dirname, relative } from "node:path";
import * as vscode from "vscode";
import { measureAgain } from "../app/profileStand";
import { choiceWithRole, roleProfilePath } from "../app/roleProfile";
import { localPath } from "../commands/arguments";
import { UserError } from "../model/errors";
import type { Plan } from "../model/plan";
import type { Context } from "../simulate/context";
import { inputUri, nameOf, readInputs, type PlanInputs } from "./planInputs";
import type { Replanner } from "./quickFixes";

/**
 * What is measured already is taken from the cache; the new profile is written beside the old one, which other plans may use.
 * @returns the new plan, which keeps schedule, stages and micro-batches as far as it can, and what to simulate it with.
 * @throws UserError where the profile cannot be made here, or there is no such plan; Cancelled.
 */
export async function planWithRole(planUri: vscode.Uri, plan: Plan, { profile }: PlanInputs, { component, trains }: { readonly component: string; readonly trains: boolean }, replan: Replanner): Promise<{ readonly plan: Plan; readonly context: Context }> {
  const file = localPath(inputUri(planUri, "profile", plan.profile.path));
  const again = measureAgain(profile, file);
  if ("refused" in again) throw new UserError(`Another role needs another profile. ${again.refused}`, { file: nameOf(planUri), field: "profile" });
  const output = roleProfilePath(file, component, trains);
  await vscode.commands.executeCommand("diffusionpipe.profileLayers", { ...again, choice: choiceWithRole(profile.choice ?? {}, component, trains), output });
  const { [component]: _, ...frozenPrecision } = plan.frozenPrecision ?? {};
  const path = relative(dirname(localPath(planUri)), output).replaceAll("\\", "/");
  const { pins: _pins, selfConditioning: _conditioned, ...rest } = plan;
  const start: Plan = { ...rest, frozenPrecision, profile: { path, sha256: "" } };
  const inputs = await readInputs(planUri, start);
  const made = await replan(start, { kind: "repair" }, inputs.context);
  return { plan: { ...made, profile: { path, sha256: inputs.sha256.profile } }, context: inputs.context };
}
