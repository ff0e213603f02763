/** The activity bar's trees, the status bar, and what makes them look again. */
import * as vscode from "vscode";
import { workspaceFiles, workspaceModels } from "../commands/pick";
import type { RunEntry } from "../app/runs";
import { messageOf } from "../model/errors";
import type { Files } from "../platform/files";
import { ModelsTree } from "./modelsTree";
import { PlansTree } from "./plansTree";
import { describeRun, isActive, RunsTree } from "./runsTree";
import type { StatusBar } from "./statusBar";

/** While a run goes on its target is asked this often. */
const runPollMs = 5_000;
/** Several changes of files at once are one change of a tree. */
const settleMs = 300;

export interface Views extends vscode.Disposable {
  refresh(): void;
}

/** @param listRuns Asks the targets of runs that have not ended; not called in an untrusted workspace. */
export function registerViews(files: Files, statusBar: StatusBar, log: vscode.LogOutputChannel, listRuns: () => Promise<readonly RunEntry[]>): Views {
  let timer: NodeJS.Timeout | undefined;
  const runs = new RunsTree(async () => {
    if (!vscode.workspace.isTrusted) return [];
    const entries = await listRuns();
    const active = entries.filter(isActive);
    statusBar.showRunning(active.map((entry) => `${entry.record.id}: ${describeRun(entry)}`).join(", "));
    clearTimeout(timer);
    if (active.length > 0) timer = setTimeout(() => runs.refresh(), runPollMs);
    return entries;
  });
  const models = new ModelsTree(files, workspaceModels);
  const plans = new PlansTree(files, () => workspaceFiles("**/*.pipeplan.json"));
  const refresh = () => [models, plans, runs].forEach((tree) => tree.refresh());
  const reattach = runs.getChildren().catch((error: unknown) => log.warn(`Runs: ${messageOf(error)}`));
  void reattach;
  return {
    refresh,
    dispose: vscode.Disposable.from(
      vscode.window.registerTreeDataProvider("diffusionpipe.models", models),
      vscode.window.registerTreeDataProvider("diffusionpipe.plans", plans),
      vscode.window.registerTreeDataProvider("diffusionpipe.runs", runs),
      onChange("**/{model_index,config}.json", () => models.refresh()),
      onChange("**/*.pipeplan.json", () => plans.refresh()),
      vscode.workspace.onDidChangeWorkspaceFolders(refresh),
      vscode.workspace.onDidGrantWorkspaceTrust(refresh),
      new vscode.Disposable(() => clearTimeout(timer)),
    ).dispose,
  };
}

function onChange(glob: string, refresh: () => void): vscode.Disposable {
  let pending: NodeJS.Timeout | undefined;
  const soon = () => {
    clearTimeout(pending);
    pending = setTimeout(refresh, settleMs);
  };
  const watcher = vscode.workspace.createFileSystemWatcher(glob);
  return vscode.Disposable.from(watcher, watcher.onDidCreate(soon), watcher.onDidChange(soon), watcher.onDidDelete(soon), new vscode.Disposable(() => clearTimeout(pending)));
}
