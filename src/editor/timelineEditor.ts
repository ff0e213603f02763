/** The custom text editor of `*.pipeplan.json`: the document is text, the timeline is a view of it. */
import * as vscode from "vscode";
import type { Timeline } from "../model/timeline";
import type { Compare } from "./baselines";
import { viewHtml, viewRoot } from "./html";
import type { PlanSearches } from "./judging";
import type { PlanSession } from "./planSession";
import type { Replanner } from "./quickFixes";

export const timelineViewType = "diffusionpipe.timeline";

export interface TimelineEditorServices {
  readonly extensionUri: vscode.Uri;
  readonly log: (message: string) => void;
  /** `compare` of src/app/compare.ts. */
  readonly compare: Compare;
  /** Searches in a worker, loaded when the first is wanted. */
  readonly searches: () => Promise<PlanSearches>;
  /** Plans again what the view asks for; can be called off. */
  readonly replan: Replanner;
}

export interface TimelineEditor extends vscode.Disposable {
  /** Opens a plan and lays a measured timeline over its prediction; undefined takes it away again. */
  showMeasured(plan: vscode.Uri, name: string, timeline: Timeline | undefined): Promise<void>;
}

/** Registers the editor; the view type is declared in the manifest. */
export function registerTimelineEditor({ extensionUri, log, compare, searches, replan }: TimelineEditorServices): TimelineEditor {
  const diagnostics = vscode.languages.createDiagnosticCollection("diffusionpipe-plan");
  const sessions = new Map<string, Set<PlanSession>>();
  const measured = new Map<string, { readonly name: string; readonly timeline: Timeline }>();
  const provider: vscode.CustomTextEditorProvider = {
    async resolveCustomTextEditor(document, panel) {
      let closed = false;
      panel.onDidDispose(() => (closed = true));
      // Loaded with the first plan that is opened: the formats' schemas would make up most of the extension's start.
      const { PlanSession } = await import("./planSession");
      if (closed) return;
      const key = document.uri.toString();
      panel.webview.options = { enableScripts: true, localResourceRoots: [viewRoot(extensionUri)] };
      const session = new PlanSession(document, panel.webview, { log, compare, searches, replan, diagnostics });
      const open = sessions.get(key) ?? new Set();
      sessions.set(key, open.add(session));
      const run = measured.get(key);
      if (run) session.showMeasured(run.name, run.timeline);
      panel.onDidDispose(() => {
        session.dispose();
        open.delete(session);
      });
      panel.webview.html = viewHtml(panel.webview, extensionUri, "main", "Timeline");
    },
  };
  const registration = vscode.window.registerCustomEditorProvider(timelineViewType, provider, { supportsMultipleEditorsPerDocument: true });
  return {
    async showMeasured(plan, name, timeline) {
      const key = plan.toString();
      if (timeline) measured.set(key, { name, timeline });
      else measured.delete(key);
      // The manifest offers to take away only what is there.
      await vscode.commands.executeCommand("setContext", "diffusionpipe.measuredPlans", [...measured.keys()]);
      await vscode.commands.executeCommand("vscode.openWith", plan, timelineViewType);
      for (const session of sessions.get(key) ?? []) session.showMeasured(name, timeline);
    },
    dispose: () => vscode.Disposable.from(registration, diagnostics).dispose(),
  };
}
