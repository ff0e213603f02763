/** "Inspect · Profile · Plan pipeline" over a training script's first model, and over a model_index.json. */
import * as vscode from "vscode";
import { firstModelLine, looksLikeTraining } from "../parse/script/looks";

/** Longer files are no scripts. */
const mostCharacters = 200_000;

export class ModelLenses implements vscode.CodeLensProvider, vscode.Disposable {
  private readonly changed = new vscode.EventEmitter<void>();
  readonly onDidChangeCodeLenses = this.changed.event;
  private readonly granted = vscode.workspace.onDidGrantWorkspaceTrust(() => this.changed.fire());

  /** @param hasAnswers Whether what a script leaves open has been answered, by its path. */
  constructor(private readonly hasAnswers: (path: string) => boolean) {}

  dispose(): void {
    vscode.Disposable.from(this.changed, this.granted).dispose();
  }

  provideCodeLenses(document: vscode.TextDocument): vscode.CodeLens[] {
    const isScript = document.languageId === "python";
    const text = document.getText();
    if (isScript && (text.length > mostCharacters || !looksLikeTraining(text))) return [];
    const line = isScript ? firstModelLine(text) : 0;
    const lens = (title: string, command: string, tooltip: string) => new vscode.CodeLens(new vscode.Range(line, 0, line, 0), { title, command, tooltip, arguments: [document.uri] });
    return [
      lens(vscode.l10n.t("Inspect"), "diffusionpipe.inspectModel", vscode.l10n.t("Which parts train, which are frozen, and what the layers are")),
      ...(vscode.workspace.isTrusted ? [lens(vscode.l10n.t("Profile"), "diffusionpipe.profileLayers", vscode.l10n.t("Time every distinct layer on this machine"))] : []),
      lens(vscode.l10n.t("Plan pipeline"), "diffusionpipe.newPlan", vscode.l10n.t("Stages, micro-batches, and frozen work placed in the bubbles")),
      ...(isScript && this.hasAnswers(document.uri.fsPath) ? [lens(vscode.l10n.t("Answer again"), "diffusionpipe.answerScript", vscode.l10n.t("Ask again what the script leaves open"))] : []),
    ];
  }
}

export function registerCodeLens(hasAnswers: (path: string) => boolean): vscode.Disposable {
  const lenses = new ModelLenses(hasAnswers);
  const selector: vscode.DocumentSelector = [{ scheme: "file", language: "python" }, { scheme: "file", pattern: "**/model_index.json" }];
  return vscode.Disposable.from(lenses, vscode.languages.registerCodeLensProvider(selector, lenses));
}
