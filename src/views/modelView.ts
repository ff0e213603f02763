/** The model view: one panel for each model that is looked at, there again after the window was. */
import { basename, isAbsolute } from "node:path";
import * as vscode from "vscode";
import { viewHtml, viewRoot } from "../editor/html";
import { UserError } from "../model/errors";
import type { Inspection } from "../model/inspection";
import type { Bindings } from "../model/profile";
import type { RoleChoice } from "../model/choice";
import type { ModelSession, ModelViewServices } from "./modelSession";

export const modelViewType = "diffusionpipe.model";

export interface ModelViews extends vscode.Disposable {
  /**
   * Shows a model, in its own view where it has one already.
   * @param choice Roles to show it with; those chosen last where left out. @throws what the view then shows as well.
   */
  show(path: string, choice?: RoleChoice): Promise<Inspection>;
  /** Shows a model at a component, or at one of its layers. @throws as `show`. */
  reveal(path: string, component: string, layer?: string): Promise<void>;
}

interface View {
  readonly panel: vscode.WebviewPanel;
  readonly session: Promise<ModelSession>;
}

export function registerModelViews(extensionUri: vscode.Uri, services: ModelViewServices): ModelViews {
  const views = new Map<string, View>();

  function attach(panel: vscode.WebviewPanel, path: string, bindings?: Bindings): View {
    panel.webview.options = { enableScripts: true, localResourceRoots: [viewRoot(extensionUri)] };
    // Loaded with the first model: reading models is most of the extension, and not of its start.
    const session = import("./modelSession").then(({ ModelSession }) => {
      const made = new ModelSession(path, panel.webview, services, bindings);
      panel.webview.html = viewHtml(panel.webview, extensionUri, "model", "Model");
      return made;
    });
    const view = { panel, session };
    views.set(path, view);
    panel.onDidDispose(() => {
      if (views.get(path) === view) views.delete(path);
      void session.then((made) => made.dispose());
    });
    return view;
  }

  const serializer: vscode.WebviewPanelSerializer = {
    async deserializeWebviewPanel(panel, state: unknown) {
      const { isBindings } = await import("../protocol/modelGuards");
      const { path, bindings } = (typeof state === "object" && state !== null ? state : {}) as Readonly<Record<string, unknown>>;
      if (typeof path !== "string" || !isAbsolute(path)) return panel.dispose();
      const { session } = attach(panel, path, isBindings(bindings) ? bindings : undefined);
      await (await session).load().catch(() => undefined);
    },
  };
  const registration = vscode.window.registerWebviewPanelSerializer(modelViewType, serializer);

  function viewOf(path: string): View {
    const open = views.get(path);
    open?.panel.reveal();
    return open ?? attach(vscode.window.createWebviewPanel(modelViewType, basename(path), vscode.ViewColumn.Active), path);
  }

  return {
    async show(path, choice) {
      const session = await viewOf(path).session;
      return choice ? session.choose(choice) : session.load();
    },
    async reveal(path, component, layer) {
      if (!(await services.files.stat(path))) throw new UserError("The model of this plan is not there.", { file: path, hint: "Mend the path in the plan (model.path)." });
      const session = await viewOf(path).session;
      await session.load();
      session.reveal(component, layer);
    },
    dispose: () => vscode.Disposable.from(registration, ...[...views.values()].map(({ panel }) => panel)).dispose(),
  };
}
