/** The activity bar's trees, the status bar, and what makes them look again. */
import * as vscode from "vscode";
import { workspaceFiles, workspaceModels } from "../commands/pick";
import type { RunEntry } from "../app/runs";
import { messageOf } from "../model/errors";
import type { Files } from "../platform/files";
import { ModelsTree } from "./modelsTree";
import { PlansTree } from "./plansTree";
import { sayEnded } from "./runEnded";
import type { RoleMemory } from "./roleMemory";
import { describeRun, isActive, RunsTree } from "./runsTree";
import { RunWatch } from "./runWatch";
import type { StatusBar } from "./statusBar";
import { watchFiles } from "./watchFiles";

export interface Views extends vscode.Disposable {
  refresh(): void;
}

/** @param listRuns Asks the targets of runs that have not ended; not called in an untrusted workspace. */
export function registerViews(files: Files, roles: RoleMemory, statusBar: StatusBar, log: vscode.LogOutputChannel, listRuns: () => Promise<readonly RunEntry[]>): Views {
  const runs: RunsTree = new RunsTree(() => watch.entries());
  const watch = new RunWatch(async () => (vscode.workspace.isTrusted ? listRuns() : []), {
    onChange: (entries) => {
      statusBar.showRunning(entries.filter(isActive).map((entry) => `${entry.record.id}: ${describeRun(entry)}`).join(", "));
      runs.refresh();
    },
    onEnded: (entry) => void sayEnded(entry),
    onError: (error) => log.warn(`Runs: ${messageOf(error)}`),
  });
  const models = new ModelsTree(files, roles, workspaceModels);
  const plans = new PlansTree(files, () => workspaceFiles("**/*.pipeplan.json"));
  const refresh = () => [models, plans, watch].forEach((view) => view.refresh());
  const registered = vscode.Disposable.from(
    vscode.window.registerTreeDataProvider("diffusionpipe.models", models),
    vscode.window.registerTreeDataProvider("diffusionpipe.plans", plans),
    vscode.window.registerTreeDataProvider("diffusionpipe.runs", runs),
    watchFiles("**/{model_index.json,config.json,*.py,*.safetensors,*.onnx}", () => models.refresh()),
    watchFiles("**/*.pipeplan.json", () => plans.refresh()),
    vscode.workspace.onDidChangeWorkspaceFolders(refresh),
    vscode.workspace.onDidGrantWorkspaceTrust(refresh),
    watch,
  );
  return { refresh, dispose: () => registered.dispose() };
}
