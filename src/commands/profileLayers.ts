/** Times a model's layers and writes NAME.profile.json beside the model's folder. */
import { basename, dirname, join } from "node:path";
import * as vscode from "vscode";
import { z } from "zod";
import { bindingsOf, inspectModel } from "../app/inspect";
import { editorTrace } from "../views/tracing";
import { profileModel, providerNamed, relativeTo, type Progress } from "../app/profile";
import { localProfileServices } from "../app/profileServices";
import { writeDocument } from "../formats/document";
import { modelChoice, profileFormat } from "../formats/profile";
import { Cancelled } from "../model/errors";
import type { Provider } from "../profile/messages";
import { optionsOf } from "./arguments";
import { chosenModel } from "./modelFolder";
import { openProfile } from "./openProfile";
import { shownPath } from "./pick";
import { withProgress } from "./progress";
import type { Handler, Shell } from "./shell";

export const profileOptions = z.strictObject({
  /** Folder of the model, or its model_index.json. */
  model: z.string().optional(),
  output: z.string().optional(),
  provider: z.string().optional(),
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
  /** Named dimensions of a graph. */
  symbols: z.record(z.string(), z.int().positive()).optional(),
  /** All that is chosen about the model, in place of `train`, `freeze` and what was chosen in the model view. */
  choice: modelChoice.optional(),
  busyCores: z.int().nonnegative().optional(),
  patienceMs: z.number().positive().optional(),
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
  await profileTo(shell, model, output, options);
  void offerNext(output);
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

async function offerNext(output: string): Promise<void> {
  const plan = vscode.l10n.t("New Plan");
  const open = vscode.l10n.t("Open Profile");
  const answer = await vscode.window.showInformationMessage(vscode.l10n.t("{0} is written.", shownPath(output)), plan, open);
  if (answer === plan) await vscode.commands.executeCommand("diffusionpipe.newPlan", vscode.Uri.file(output));
  else if (answer === open) await openProfile(output);
}

/** Measures and writes. Settings stand in for options that are left out, and for roles what was chosen in the model view. */
export async function profileTo(shell: Shell, folder: string, output: string, options: ProfileCommandOptions): Promise<void> {
  const settings = settingsFor(folder);
  const choice = options.choice ?? (options.train || options.freeze ? { train: options.train, freeze: options.freeze } : shell.roles.of(folder));
  const model = await inspectModel(shell.files, folder, choice, editorTrace(folder, true));
  const bound = model.bind(bindingsOf(model, { height: options.height, width: options.width, sequenceLength: options.sequenceLength, frames: options.frames, symbols: options.symbols }));
  const chosen = {
    provider: options.provider === undefined ? settings.provider : providerNamed(options.provider),
    threads: options.threads ?? settings.threads,
    batches: options.batches ?? settings.batches,
    busyCores: options.busyCores,
    patienceMs: options.patienceMs,
  };
  await withProgress(shell, vscode.l10n.t("Profiling {0}", basename(folder)), options.signal, async (signal, report) => {
    const profile = await profileModel(localProfileServices(shell.scriptsFolder), bound, chosen, {
      signal,
      onNotice: (text) => shell.log.info(text),
      onProgress: (progress) => {
        options.onProgress?.(progress);
        report({ message: progressText(progress), fraction: progress.done / Math.max(1, progress.total) });
      },
    });
    await writeDocument(profileFormat, shell.files, output, { ...profile, model: relativeTo(output, profile.model) });
  });
  shell.refresh();
}

function progressText({ done, total, what, remainingMs }: Progress): string {
  const left = remainingMs === undefined || done === total ? "" : vscode.l10n.t(", about {0} s left", Math.ceil(remainingMs / 1000));
  return `${done}/${total} ${what}${left}`;
}

function settingsFor(folder: string): { provider?: Provider; threads?: number; batches?: number[] } {
  const settings = vscode.workspace.getConfiguration("diffusionpipe.profile", vscode.Uri.file(folder));
  const provider = settings.get<string>("provider", "auto");
  const batches = settings.get<number[]>("batches", []);
  return {
    provider: provider === "auto" ? undefined : providerNamed(provider),
    threads: settings.get<number>("threads", 0) || undefined,
    batches: batches.length > 0 ? batches : undefined,
  };
}
