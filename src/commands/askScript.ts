/** Asks what a training script leaves open, once: the answers are kept for the workspace. */
import { basename } from "node:path";
import * as vscode from "vscode";
import { knownModels, openQuestions } from "../app/scripts";
import type { OpenQuestion } from "../parse/script/facts";
import { ask, askFolder, choose, type Choice } from "./pick";
import type { Shell } from "./shell";

/** Each answer may open another question. */
const mostQuestions = 30;

/** @throws Cancelled when a question is dismissed. UserError for a script that cannot be read. */
export async function askScript(shell: Shell, path: string): Promise<void> {
  for (let asked = 0; asked < mostQuestions; asked++) {
    const [question] = await openQuestions(shell.files, path);
    if (!question) return;
    await shell.answers.remember(path, { [question.what]: await answerTo(shell, path, question) });
  }
}

async function answerTo(shell: Shell, path: string, question: OpenQuestion): Promise<string> {
  const title = vscode.l10n.t("{0}, line {1}", basename(path), question.line);
  return question.kind === "model" ? askModel(shell, title, question) : ask(title, vscode.l10n.t("{0}: the script leaves this open", question.what), question.suggestion ?? "", notEmpty);
}

async function askModel(shell: Shell, title: string, { what, suggestion }: OpenQuestion): Promise<string> {
  const [browse, other] = [Symbol("browse"), Symbol("other")];
  const cached = await knownModels(shell.files);
  const choices: Choice<string | symbol>[] = [
    ...(suggestion === undefined ? [] : [{ label: suggestion, description: vscode.l10n.t("named in the script"), value: suggestion }]),
    ...cached.filter((id) => id !== suggestion).map((id) => ({ label: id, description: vscode.l10n.t("in the Hugging Face cache"), value: id })),
    { label: vscode.l10n.t("Folder…"), description: vscode.l10n.t("a diffusers model on this disk"), value: browse },
    { label: vscode.l10n.t("Another id…"), description: vscode.l10n.t("of the Hugging Face Hub, in the local cache"), value: other },
  ];
  const chosen = await choose(title, vscode.l10n.t("{0}: the script takes its model from the command line. Which one?", what), choices);
  if (chosen === browse) return askFolder(title);
  if (chosen === other) return ask(title, what, suggestion ?? "", notEmpty);
  return String(chosen);
}

function notEmpty(answer: string): string | undefined {
  return answer.trim() === "" ? vscode.l10n.t("An answer") : undefined;
}
