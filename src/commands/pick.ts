/** Questions about what is in the workspace. A question that is dismissed calls the command off. */
import { dirname, sep } from "node:path";
import * as vscode from "vscode";
import { Cancelled, UserError } from "../model/errors";
import { looksLikeTraining } from "../parse/script/looks";
import { nodeFiles } from "../platform/nodeFiles";
import { isRunId } from "../remote/runs/id";
import { localPath } from "./arguments";

const notOurs = "**/{node_modules,.git,.venv,venv,site-packages,__pycache__}/**";
const mostFiles = 1000;
const mostScriptBytes = 200_000;

/** Absolute paths of the workspace's files that match, sorted. */
export async function workspaceFiles(glob: string): Promise<readonly string[]> {
  const found = await vscode.workspace.findFiles(glob, notOurs, mostFiles);
  return found.filter((uri) => uri.scheme === "file").map((uri) => uri.fsPath).sort();
}

/** Folders of diffusers, then files that are models by themselves: weights and exports outside those folders, and training scripts. */
export async function workspaceModels(): Promise<readonly string[]> {
  const folders = (await workspaceFiles("**/model_index.json")).filter(isOutsideRuns).map(dirname);
  const files = (await workspaceFiles("**/*.{safetensors,onnx}")).filter(isOutsideRuns);
  return [...folders, ...files.filter((path) => !folders.some((folder) => path.startsWith(folder + sep))), ...(await workspaceScripts())];
}

/** Python files that look as if they trained a diffusion model. */
export async function workspaceScripts(): Promise<readonly string[]> {
  const paths = (await workspaceFiles("**/*.py")).filter(isOutsideRuns);
  const found = await Promise.all(paths.map(async (path) => looksLikeTraining(await scriptText(path))));
  return paths.filter((_, index) => found[index]);
}

/** Empty where a file cannot be read or is too long for a script. */
async function scriptText(path: string): Promise<string> {
  try {
    return new TextDecoder().decode(await nodeFiles.read(path, mostScriptBytes));
  } catch (error) {
    if (error instanceof UserError) return "";
    throw error;
  }
}

/** What runs in the workspace were given (kept by content, under its SHA-256), and what they left, are not its own models and images. */
export const isOutsideRuns = (path: string): boolean => !path.split(sep).some((part) => isRunId(part) || /^[0-9a-f]{64}$/.test(part));

export function shownPath(path: string): string {
  return vscode.workspace.asRelativePath(path, (vscode.workspace.workspaceFolders?.length ?? 0) > 1);
}

export interface Choice<T> extends vscode.QuickPickItem {
  readonly value: T;
}

/** @throws Cancelled when nothing was chosen. */
export async function choose<T>(title: string, placeHolder: string, choices: readonly Choice<T>[]): Promise<T> {
  const chosen = await vscode.window.showQuickPick(choices, { title, placeHolder, matchOnDescription: true, ignoreFocusOut: true });
  if (!chosen) throw new Cancelled();
  return chosen.value;
}

/** Asks until the answer fits. @param check What is wrong with an answer. @throws Cancelled */
export async function ask(title: string, prompt: string, value: string, check: (answer: string) => string | undefined = () => undefined): Promise<string> {
  const answer = await vscode.window.showInputBox({ title, prompt, value, ignoreFocusOut: true, validateInput: check });
  if (answer === undefined) throw new Cancelled();
  return answer.trim();
}

/** @throws Cancelled */
export async function askNumber(title: string, prompt: string, value: number, { least = 1, whole = true } = {}): Promise<number> {
  const fits = (answer: string) => {
    const number = Number(answer);
    return answer.trim() !== "" && Number.isFinite(number) && number >= least && (!whole || Number.isInteger(number));
  };
  return Number(await ask(title, prompt, String(value), (answer) => (fits(answer) ? undefined : vscode.l10n.t("A {0} of at least {1}", whole ? "whole number" : "number", least))));
}

/** @throws Cancelled */
export async function askFolder(title: string): Promise<string> {
  const chosen = await vscode.window.showOpenDialog({ title, canSelectFiles: false, canSelectFolders: true, defaultUri: vscode.workspace.workspaceFolders?.[0]?.uri });
  if (!chosen) throw new Cancelled();
  return localPath(chosen[0]);
}

/** The only one there is, or the one chosen. @throws UserError where there is none. */
export async function onlyOrChosen(title: string, placeHolder: string, paths: readonly string[], none: string, hint: string): Promise<string> {
  if (paths.length === 0) throw new UserError(none, { hint });
  if (paths.length === 1) return paths[0];
  return choose(title, placeHolder, paths.map((path) => ({ label: shownPath(path), value: path })));
}

export async function pickModel(title: string): Promise<string> {
  return onlyOrChosen(title, vscode.l10n.t("Which model?"), await workspaceModels(), "There is no model in this workspace.", "Copy a model folder, the one with model_index.json in it, into the workspace, or a training script, a .safetensors or an .onnx file.");
}

/** Where there is no plan: what is missing, and what to do. */
export const planAdvice = ["There is no plan in this workspace.", 'Make one with "DiffusionPipe: New Plan".'] as const;

export async function pickPlan(title: string): Promise<string> {
  return onlyOrChosen(title, vscode.l10n.t("Which plan?"), await workspaceFiles("**/*.pipeplan.json"), ...planAdvice);
}
