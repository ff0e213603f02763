/** Times a model's layers and writes NAME.profile.json beside the model's folder. */
import { hostname } from "node:os";
import { basename, dirname, join } from "node:path";
import * as vscode from "vscode";
import { z } from "zod";
import { bindingsOf, inspectModel } from "../app/inspect";
import { editorTrace } from "../views/tracing";
import { measuredPrecision, profileModel, providerNamed, relativeTo, type ProfileOptions, type Progress } from "../app/profile";
import { localProfileServices } from "../app/profileServices";
import { writeDocument } from "../formats/document";
import { profileFormat } from "../formats/profile";
import { Cancelled } from "../model/errors";
import type { Profile } from "../model/profile";
import { whereMeasured } from "../profile/where";
import { optionsOf } from "./arguments";
import { chosenModel } from "./modelFolder";
import { shownPath } from "./pick";
import { withProgress } from "./progress";
import { noticeFallback } from "./providerNotice";
import type { Handler, Shell } from "./shell";

export const profileOptions = z.strictObject({
  /** Folder of the model, or its model_index.json. */
  model: z.string().optional(),
  output: z.string().optional(),
  provider: z.string().optional(),
  /** "fp32" or "fp16". */
  precision: z.string().optional(),
  threads: z.int().positive().optional(),
  batches: z.array(z.int().positive()).optional(),
  train: z.array(z.string()).optional(),
  freeze: z.array(z.string()).optional(),
  /** What a training script leaves open, by name. */
  answers: z.record(z.string(), z.string()).optional(),
  height: z.int().positive().optional(),
  width: z.int().positive().optional(),
  sequenceLength: z.int().positive().optional(),
  frames: z.int().positive().optional(),
  signal: z.instanceof(AbortSignal).optional(),
  onProgress: z.custom<(progress: Progress) => void>((value) => typeof value === "function").optional(),
});
export type ProfileCommandOptions = z.infer<typeof profileOptions>;

/** @returns Path of the profile. */
export const profileLayersCommand: Handler = async (shell, argument) => {
  const options = optionsOf(profileOptions, "model", argument);
  const title = vscode.l10n.t("Profile Layers");
  const model = await chosenModel(shell, title, argument, options.model, options.answers);
  const output = options.output ?? defaultProfilePath(model);
  if (options.output === undefined && (await shell.files.stat(output))) await confirmReplacing(output);
  const device = await profileTo(shell, model, output, options);
  void offerNext(output, device);
  return output;
};

/** NAME.profile.json beside the model's folder NAME. */
export function defaultProfilePath(model: string): string {
  return join(dirname(model), `${basename(model)}.profile.json`);
}

async function confirmReplacing(output: string): Promise<void> {
  const replace = vscode.l10n.t("Replace");
  const answer = await vscode.window.showWarningMessage(vscode.l10n.t("{0} is there already.", shownPath(output)), { modal: true, detail: vscode.l10n.t("What was measured before is kept in a cache; only what is missing is measured again.") }, replace);
  if (answer !== replace) throw new Cancelled();
}

async function offerNext(output: string, { provider }: Profile["device"]): Promise<void> {
  const plan = vscode.l10n.t("New Plan");
  const open = vscode.l10n.t("Open Profile");
  const answer = await vscode.window.showInformationMessage(vscode.l10n.t("{0} is written, timed with {1} on {2}.", shownPath(output), provider, machineName()), plan, open);
  if (answer === plan) await vscode.commands.executeCommand("diffusionpipe.newPlan", vscode.Uri.file(output));
  else if (answer === open) await vscode.window.showTextDocument(vscode.Uri.file(output));
}

/** The machine that this extension host, and so the measuring process, runs on. */
function machineName(): string {
  return whereMeasured({ remoteName: vscode.env.remoteName, hostname: hostname(), environment: process.env });
}

/**
 * Measures and writes. Settings stand in for options that are left out, and for roles what was chosen in the model view.
 * @returns What it was measured with.
 */
export async function profileTo(shell: Shell, folder: string, output: string, options: ProfileCommandOptions): Promise<Profile["device"]> {
  const settings = settingsFor(folder);
  const choice = options.train || options.freeze ? { train: options.train, freeze: options.freeze } : shell.roles.of(folder);
  const model = await inspectModel(shell.files, folder, choice, editorTrace(folder, true));
  const bound = model.bind(bindingsOf(model, { height: options.height, width: options.width, sequenceLength: options.sequenceLength, frames: options.frames }));
  const chosen = {
    provider: options.provider === undefined ? settings.provider : providerNamed(options.provider),
    precision: options.precision === undefined ? settings.precision : measuredPrecision(options.precision),
    threads: options.threads ?? settings.threads,
    batches: options.batches ?? settings.batches,
  };
  const title = vscode.l10n.t("Profiling {0} on {1}", basename(folder), machineName());
  const device = await withProgress(shell, title, options.signal, async (signal, report) => {
    const profile = await profileModel(localProfileServices(shell.scriptsFolder, machineName()), bound, chosen, {
      signal,
      onChoice: (choice) => void noticeFallback(shell, choice),
      onNotice: (text) => shell.log.info(text),
      onProgress: (progress) => {
        options.onProgress?.(progress);
        report({ message: progressText(progress), fraction: progress.done / Math.max(1, progress.total) });
      },
    });
    await writeDocument(profileFormat, shell.files, output, { ...profile, model: relativeTo(output, profile.model) });
    return profile.device;
  });
  shell.refresh();
  return device;
}

function progressText({ done, total, what, remainingMs }: Progress): string {
  const left = remainingMs === undefined || done === total ? "" : vscode.l10n.t(", about {0} s left", Math.ceil(remainingMs / 1000));
  return `${done}/${total} ${what}${left}`;
}

function settingsFor(folder: string): Pick<ProfileOptions, "provider" | "precision" | "threads" | "batches"> {
  const settings = vscode.workspace.getConfiguration("diffusionpipe.profile", vscode.Uri.file(folder));
  const provider = settings.get<string>("provider", "auto");
  const precision = settings.get<string>("precision", "auto");
  const batches = settings.get<number[]>("batches", []);
  return {
    provider: provider === "auto" ? undefined : providerNamed(provider),
    precision: precision === "auto" ? undefined : measuredPrecision(precision),
    threads: settings.get<number>("threads", 0) || undefined,
    batches: batches.length > 0 ? batches : undefined,
  };
}
