/** Times a model's layers and writes NAME.profile.json beside the model's folder. */
import { hostname } from "node:os";
import { basename, dirname, join } from "node:path";
import * as vscode from "vscode";
import { z } from "zod";
import { deviceNamed } from "../app/devices";
import { estimateProfile } from "../app/estimateProfile";
import { bindingsOf, inspectModel } from "../app/inspect";
import { editorTrace } from "../views/tracing";
import { measuredPrecision, profileModel, ProfilingStopped, providerNamed, relativeTo, type ProfileHooks, type ProfileOptions, type Progress } from "../app/profile";
import { profileOn } from "../app/profileOn";
import { localProfileServices } from "../app/profileServices";
import { writeDocument } from "../formats/document";
import { modelChoice, profileFormat } from "../formats/profile";
import { Cancelled, UserError } from "../model/errors";
import type { BoundModel } from "../model/model";
import type { Profile } from "../model/profile";
import { whereMeasured } from "../profile/where";
import { optionsOf } from "./arguments";
import { askWhere } from "./askWhere";
import { chosenModel } from "./modelFolder";
import { openProfile } from "./openProfile";
import { shownPath } from "./pick";
import { withProgress } from "./progress";
import { noticeFallback } from "./providerNotice";
import { runServices } from "./runServices";
import type { Handler, Shell } from "./shell";

export const profileOptions = z.strictObject({
  /** Folder of the model, or its model_index.json. */
  model: z.string().optional(),
  output: z.string().optional(),
  /** Estimate for this device: a name of the catalogue, or a device file. */
  for: z.string().optional(),
  /** Measure on the target of this file. */
  on: z.string().optional(),
  provider: z.string().optional(),
  /** "fp32" or "fp16"; of an estimate also "bf16" or "tf32". */
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
  const given = optionsOf(profileOptions, "model", argument);
  const title = vscode.l10n.t("Profile Layers");
  const model = await chosenModel(shell, title, argument, given.model, given.answers);
  const options = isPlaced(given) ? given : { ...given, ...(await askWhere(shell, title)) };
  const output = options.output ?? (options.for === undefined ? defaultProfilePath(model) : estimatePath(model, options.for));
  if (options.output === undefined && (await shell.files.stat(output))) await confirmReplacing(output);
  const device = await profileTo(shell, model, output, options);
  void offerNext(output, device, options);
  return output;
};

/** Whether options say where, or come from code that knows what it wants: then nobody is asked. */
function isPlaced({ model, output, ...options }: ProfileCommandOptions): boolean {
  return (model !== undefined && output !== undefined) || (["for", "on", "provider", "threads"] as const).some((name) => options[name] !== undefined);
}

/** NAME.profile.json beside the model's folder NAME. */
export function defaultProfilePath(model: string): string {
  return join(dirname(model), `${basename(model)}.profile.json`);
}

/** NAME.DEVICE.profile.json: an estimate does not take the place of what was measured. */
function estimatePath(model: string, device: string): string {
  return join(dirname(model), `${basename(model)}.${basename(device, ".device.json").toLowerCase()}.profile.json`);
}

async function confirmReplacing(output: string): Promise<void> {
  const replace = vscode.l10n.t("Replace");
  const answer = await vscode.window.showWarningMessage(vscode.l10n.t("{0} is there already.", shownPath(output)), { modal: true, detail: vscode.l10n.t("What was measured before is kept in a cache; only what is missing is measured again.") }, replace);
  if (answer !== replace) throw new Cancelled();
}

async function offerNext(output: string, { provider }: Profile["device"], options: ProfileCommandOptions): Promise<void> {
  const plan = vscode.l10n.t("New Plan");
  const open = vscode.l10n.t("Open Profile");
  const answer = await vscode.window.showInformationMessage(writtenText(output, provider, options), plan, open);
  if (answer === plan) await vscode.commands.executeCommand("diffusionpipe.newPlan", vscode.Uri.file(output));
  else if (answer === open) await openProfile(output);
}

function writtenText(output: string, provider: string, options: ProfileCommandOptions): string {
  if (options.for !== undefined) return vscode.l10n.t("{0} is written. Its times are estimates: the error is unknown until they are measured there.", shownPath(output));
  if (options.on !== undefined) return vscode.l10n.t("{0} is written.", shownPath(output));
  return vscode.l10n.t("{0} is written, timed with {1} on {2}.", shownPath(output), provider, machineName());
}

/** The machine that this extension host, and so the measuring process, runs on. */
function machineName(): string {
  return whereMeasured({ remoteName: vscode.env.remoteName, hostname: hostname(), environment: process.env });
}

/**
 * Measures or estimates, and writes. Settings stand in for options that are left out, and for roles what was chosen in the model view.
 * @returns What it was measured with.
 */
export async function profileTo(shell: Shell, folder: string, output: string, options: ProfileCommandOptions): Promise<Profile["device"]> {
  const settings = settingsFor(folder);
  if (options.for !== undefined && options.on !== undefined) throw new UserError('A profile is either estimated ("for") or measured on a target ("on").');
  const choice = options.choice ?? (options.train || options.freeze ? { train: options.train, freeze: options.freeze } : shell.roles.of(folder));
  const isHere = options.for === undefined && options.on === undefined;
  const model = await inspectModel(shell.files, folder, choice, editorTrace(folder, isHere));
  const bound = model.bind(bindingsOf(model, { height: options.height, width: options.width, sequenceLength: options.sequenceLength, frames: options.frames, symbols: options.symbols }));
  const write = (profile: Profile) => writeDocument(profileFormat, shell.files, output, { ...profile, model: relativeTo(output, profile.model) });
  const title = isHere ? vscode.l10n.t("Profiling {0} on {1}", basename(folder), machineName()) : vscode.l10n.t("Profiling {0}", basename(folder));
  const device = await withProgress(shell, title, options.signal, async (signal, report) => {
    const profile = await profileOf(shell, bound, { ...options, batches: options.batches ?? settings.batches?.slice() }, settings, {
      signal,
      onChoice: (choice) => void noticeFallback(shell, choice),
      onNotice: (text) => shell.log.info(text),
      onProgress: (progress) => {
        options.onProgress?.(progress);
        report({ message: progressText(progress), fraction: progress.done / Math.max(1, progress.total) });
      },
    });
    await write(profile);
    return profile.device;
  }).catch(async (error: unknown): Promise<never> => {
    if (error instanceof ProfilingStopped) {
      await write(error.profile);
      shell.refresh();
      void vscode.window.showInformationMessage(vscode.l10n.t("Profiling was stopped. {0} holds what was measured until then; {1} distinct layers are estimates. Profile Layers goes on from there.", shownPath(output), error.missing));
    }
    throw error;
  });
  shell.refresh();
  return device;
}

type MeasureSettings = Pick<ProfileOptions, "provider" | "precision" | "threads" | "batches">;

async function profileOf(shell: Shell, bound: BoundModel, options: ProfileCommandOptions, settings: MeasureSettings, hooks: ProfileHooks): Promise<Profile> {
  const { batches } = options;
  if (options.for !== undefined) return estimateProfile(bound, (await deviceNamed(shell.files, options.for)).device, { precision: options.precision, batches }, hooks);
  if (options.on !== undefined) return profileOn(runServices(), bound, options.on, { batches }, hooks);
  const chosen = {
    batches,
    provider: options.provider === undefined ? settings.provider : providerNamed(options.provider),
    precision: options.precision === undefined ? settings.precision : measuredPrecision(options.precision),
    threads: options.threads ?? settings.threads,
    busyCores: options.busyCores,
    patienceMs: options.patienceMs,
  };
  return profileModel(localProfileServices(shell.scriptsFolder, machineName()), bound, chosen, hooks);
}

function progressText({ done, total, what, remainingMs }: Progress): string {
  const left = remainingMs === undefined || done === total ? "" : vscode.l10n.t(", about {0} s left", Math.ceil(remainingMs / 1000));
  return `${done}/${total} ${what}${left}`;
}

function settingsFor(folder: string): MeasureSettings {
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
