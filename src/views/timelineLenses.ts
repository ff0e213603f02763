/** Ways back to the timeline: over a component's configuration file, and over the stages in a plan's text. */
import { basename, dirname, join } from "node:path";
import * as vscode from "vscode";
import type { Files } from "../platform/files";

const command = "diffusionpipe.showInTimeline";

/** Longer texts are no plans. */
const mostCharacters = 5_000_000;

class ConfigurationLenses implements vscode.CodeLensProvider {
  constructor(private readonly files: Files) {}

  /** Of a component of a diffusers folder: the folder above it lists the components. */
  async provideCodeLenses({ uri }: vscode.TextDocument): Promise<vscode.CodeLens[]> {
    const component = basename(dirname(uri.fsPath));
    const model = dirname(dirname(uri.fsPath));
    if ((await this.files.stat(join(model, "model_index.json")))?.kind !== "file") return [];
    return [lensAt(new vscode.Range(0, 0, 0, 0), vscode.l10n.t("Show in Timeline"), vscode.l10n.t("Find what {0} computes in the timeline of a plan", component), { subject: model, component })];
  }
}

class StageLenses implements vscode.CodeLensProvider {
  async provideCodeLenses(document: vscode.TextDocument): Promise<vscode.CodeLens[]> {
    const text = document.getText();
    if (text.length > mostCharacters) return [];
    const { stageSpans } = await import("../editor/planText");
    return stageSpans(text).map(({ offset, length, stage, chain, isOnly }) =>
      lensAt(new vscode.Range(document.positionAt(offset), document.positionAt(offset + length)), vscode.l10n.t("Stage {0}: Show in Timeline", stage), vscode.l10n.t("Find what stage {0} of {1} computes", stage, chain), { plan: document.uri.fsPath, query: `stage ${stage}${isOnly ? "" : ` ${chain}`}` }),
    );
  }
}

function lensAt(range: vscode.Range, title: string, tooltip: string, argument: object): vscode.CodeLens {
  return new vscode.CodeLens(range, { title, tooltip, command, arguments: [argument] });
}

export function registerTimelineLenses(files: Files): vscode.Disposable {
  return vscode.Disposable.from(
    vscode.languages.registerCodeLensProvider({ scheme: "file", pattern: "**/config.json" }, new ConfigurationLenses(files)),
    vscode.languages.registerCodeLensProvider({ scheme: "file", pattern: "**/*.pipeplan.json" }, new StageLenses()),
  );
}
