/** The editor's front: builds what commands and views need and registers them. Use-cases are loaded when first used. */
import * as vscode from "vscode";
import { answersComeFrom } from "./app/answers";
import { AnswerMemory } from "./commands/answerMemory";
import { registerCommands } from "./commands/register";
import type { Shell } from "./commands/shell";
import { showError } from "./commands/showError";
import { registerProfileEditor } from "./editor/profileEditor";
import { registerQuickFixes, type Replanner } from "./editor/quickFixes";
import { registerTimelineEditor } from "./editor/timelineEditor";
import { nodeFiles } from "./platform/nodeFiles";
import { registerCodeLens } from "./views/codeLens";
import { registerTimelineLenses } from "./views/timelineLenses";
import { registerLaunchPages } from "./views/launchPage";
import { registerModelViews } from "./views/modelView";
import { registerViews } from "./views/register";
import { RoleMemory } from "./views/roleMemory";
import { StatusBar } from "./views/statusBar";

/** For other extensions. Options are those of the commands; a promise rejects with a message for people. */
export interface DiffusionPipeApi {
  readonly version: string;
  /** What activating took, in ms: the editor waits for it. */
  readonly activationMs: number;
  /** @returns The document that `diffusionpipe inspect --json` prints. */
  inspect(options: object): Thenable<unknown>;
  /** @returns Path of the profile. */
  profile(options: object): Thenable<unknown>;
  /** @returns Path of the plan. */
  plan(options: object): Thenable<unknown>;
}

export function activate(context: vscode.ExtensionContext): DiffusionPipeApi {
  const started = performance.now();
  const log = vscode.window.createOutputChannel("DiffusionPipe", { log: true });
  const statusBar = new StatusBar();
  const roles = new RoleMemory(context.workspaceState, () => views.refresh());
  const shell: Shell = {
    roles,
    files: nodeFiles,
    scriptsFolder: context.asAbsolutePath("dist"),
    log,
    busy: (text) => statusBar.busy(text),
    refresh: () => views.refresh(),
    answers: new AnswerMemory(context.workspaceState),
    showModel: (path, choice) => modelViews.show(path, choice),
    searchTimeline: (of, query) => timelineEditor.search(of, query),
    showMeasured: (plan, name, timeline) => timelineEditor.showMeasured(vscode.Uri.file(plan), name, timeline),
    drawTimeline: (plan) => timelineEditor.draw(vscode.Uri.file(plan)),
  };
  answersComeFrom((path) => shell.answers.of(path));
  const views = registerViews(nodeFiles, roles, statusBar, log, async () => {
    const [{ listRuns }, { runServices }] = await Promise.all([import("./app/runs"), import("./commands/runServices")]);
    return listRuns(runServices());
  });
  const replan: Replanner = async (plan, request, planContext) => (await import("./commands/replan")).replanWithProgress(shell, plan, request, planContext);
  const timelineEditor = registerTimelineEditor({
    extensionUri: context.extensionUri,
    log: (message) => log.info(message),
    jumps: {
      model: (model, component, layer) => modelViews.reveal(model, component, layer),
      configuration: async (model, component, layer) => (await import("./views/openConfiguration")).openConfiguration(nodeFiles, model, component, layer),
    },
    compare: async (plan, planContext, hooks) => (await import("./app/searchWorker")).workerSearches(shell.scriptsFolder).compare(plan, planContext, hooks),
    searches: async () => (await import("./app/searchWorker")).workerSearches(shell.scriptsFolder),
    replan,
  });
  const modelViews = registerModelViews(context.extensionUri, {
    files: nodeFiles,
    memory: roles,
    log: (message) => log.info(message),
    showError: (error) => showError(shell, "Model view", error),
    run: async (command, inspection, choice) => (await import("./views/modelCommands")).runModelCommand(nodeFiles, command, inspection, choice),
  });
  const profileEditor = registerProfileEditor({
    extensionUri: context.extensionUri,
    files: nodeFiles,
    log: (message) => log.info(message),
    showError: (error) => showError(shell, "Profile view", error),
  });
  context.subscriptions.push(
    log, statusBar, views, timelineEditor, profileEditor, modelViews, registerLaunchPages(), registerCodeLens((path) => Object.keys(shell.answers.of(path)).length > 0),
    registerTimelineLenses(nodeFiles), registerCommands(shell), registerQuickFixes(replan),
  );
  const activationMs = performance.now() - started;
  log.debug(`Activated in ${activationMs.toFixed(1)} ms`);
  return {
    activationMs,
    version: (context.extension.packageJSON as { readonly version: string }).version,
    inspect: (options) => vscode.commands.executeCommand("diffusionpipe.inspectModel", options),
    profile: (options) => vscode.commands.executeCommand("diffusionpipe.profileLayers", options),
    plan: (options) => vscode.commands.executeCommand("diffusionpipe.newPlan", options),
  };
}
