/** The custom text editor of `*.pipeplan.json`: the document is text, the timeline is a view of it. */
import * as vscode from "vscode";
import { UserError } from "../model/errors";
import type { Timeline } from "../model/timeline";
import type { Compare } from "./baselines";
import { viewHtml, viewRoot } from "./html";
import type { PlanSearches } from "./judging";
import type { Jumps, PlanSession } from "./planSession";
import type { Replanner } from "./quickFixes";

export const timelineViewType = "diffusionpipe.timeline";

/** A view that has not opened by then will not. */
const openingMs = 30_000;

export interface TimelineEditorServices {
  readonly extensionUri: vscode.Uri;
  readonly log: (message: string) => void;
  /** `compare` of src/app/compare.ts. */
  readonly compare: Compare;
  /** Searches in a worker, loaded when the first is wanted. */
  readonly searches: () => Promise<PlanSearches>;
  /** Plans again what the view asks for; can be called off. */
  readonly replan: Replanner;
  readonly jumps: Jumps;
}

export interface TimelineEditor extends vscode.Disposable {
  /** Opens a plan and lays a measured timeline over its prediction; undefined takes it away again. */
  showMeasured(plan: vscode.Uri, name: string, timeline: Timeline | undefined): Promise<void>;
  /** As `searchTimeline` of src/commands/shell.ts. */
  search(of: { readonly plan: string } | { readonly model: string }, query: string): Promise<string | undefined>;
  /** Opens a plan and has its view draw the whole timeline. @returns A PNG. @throws UserError where there is no picture of the plan. */
  draw(plan: vscode.Uri): Promise<Uint8Array>;
}

/** Registers the editor; the view type is declared in the manifest. */
export function registerTimelineEditor({ extensionUri, log, compare, searches, replan, jumps }: TimelineEditorServices): TimelineEditor {
  const diagnostics = vscode.languages.createDiagnosticCollection("diffusionpipe-plan");
  const sessions = new Map<string, Set<PlanSession>>();
  /** Views in the order in which they were looked at. */
  const panels = new Map<PlanSession, { readonly panel: vscode.WebviewPanel; readonly uri: vscode.Uri }>();
  /** What is to be searched for in plans that are being opened. */
  const asked = new Map<string, string>();
  const opened = new vscode.EventEmitter<readonly [plan: string, session: PlanSession]>();
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
      const session = new PlanSession(document, panel.webview, { log, compare, searches, replan, diagnostics, jumps });
      const open = sessions.get(key) ?? new Set();
      sessions.set(key, open.add(session));
      const remember = () => {
        panels.delete(session);
        panels.set(session, { panel, uri: document.uri });
      };
      remember();
      panel.onDidChangeViewState(() => {
        if (panel.active) remember();
        if (!panel.visible) session.hide();
      });
      const query = asked.get(key);
      if (query !== undefined) session.search(query);
      asked.delete(key);
      opened.fire([key, session]);
      const run = measured.get(key);
      if (run) session.showMeasured(run.name, run.timeline);
      panel.onDidDispose(() => {
        session.dispose();
        open.delete(session);
        panels.delete(session);
      });
      panel.webview.html = viewHtml(panel.webview, extensionUri, "main", "Timeline");
    },
  };
  /** The view of a plan that is in front, or the first one that opens. */
  const sessionOf = (key: string) => new Promise<PlanSession>((resolve, reject) => {
    const open = [...(sessions.get(key) ?? [])];
    const front = open.find((session) => panels.get(session)?.panel.visible);
    if (front) return resolve(front);
    const timer = setTimeout(() => {
      waiting.dispose();
      reject(new UserError("The timeline did not open in time.", { hint: "Open the plan in front and try again." }));
    }, openingMs);
    const waiting = opened.event(([other, session]) => {
      if (other !== key) return;
      waiting.dispose();
      clearTimeout(timer);
      resolve(session);
    });
  });
  const registration = vscode.window.registerCustomEditorProvider(timelineViewType, provider, { supportsMultipleEditorsPerDocument: true });
  const lastOf = (fits: (session: PlanSession, uri: vscode.Uri) => boolean) => [...panels].filter(([session, { uri }]) => fits(session, uri)).at(-1);
  return {
    async search(of, query) {
      const found = lastOf((session, uri) => ("plan" in of ? uri.fsPath === of.plan : session.model === of.model));
      if (found) {
        const [session, { panel, uri }] = found;
        panel.reveal();
        session.search(query);
        return uri.fsPath;
      }
      if (!("plan" in of)) return undefined;
      const uri = vscode.Uri.file(of.plan);
      asked.set(uri.toString(), query);
      await vscode.commands.executeCommand("vscode.openWith", uri, timelineViewType);
      return of.plan;
    },
    async showMeasured(plan, name, timeline) {
      const key = plan.toString();
      if (timeline) measured.set(key, { name, timeline });
      else measured.delete(key);
      // The manifest offers to take away only what is there.
      await vscode.commands.executeCommand("setContext", "diffusionpipe.measuredPlans", [...measured.keys()]);
      await vscode.commands.executeCommand("vscode.openWith", plan, timelineViewType);
      for (const session of sessions.get(key) ?? []) session.showMeasured(name, timeline);
    },
    async draw(plan) {
      const key = plan.toString();
      await vscode.commands.executeCommand("vscode.openWith", plan, timelineViewType);
      return (await sessionOf(key)).draw();
    },
    dispose: () => vscode.Disposable.from(registration, diagnostics, opened).dispose(),
  };
}
