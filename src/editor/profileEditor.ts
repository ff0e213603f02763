/** The custom text editor of `*.profile.json`: the document is text, the table is a view of it that changes nothing. */
import * as vscode from "vscode";
import type { Files } from "../platform/files";
import { viewHtml, viewRoot } from "./html";

export const profileViewType = "diffusionpipe.profile";

export interface ProfileEditorServices {
  readonly extensionUri: vscode.Uri;
  readonly files: Files;
  readonly log: (message: string) => void;
  /** Shows an error to people. */
  readonly showError: (error: unknown) => void;
}

/** Registers the editor; the view type is declared in the manifest. */
export function registerProfileEditor(services: ProfileEditorServices): vscode.Disposable {
  const diagnostics = vscode.languages.createDiagnosticCollection("diffusionpipe-profile");
  const provider: vscode.CustomTextEditorProvider = {
    async resolveCustomTextEditor(document, panel) {
      let closed = false;
      panel.onDidDispose(() => (closed = true));
      // Loaded with the first profile that is opened: reading models is most of the extension, and not of its start.
      const { ProfileSession } = await import("./profileSession");
      if (closed) return;
      panel.webview.options = { enableScripts: true, localResourceRoots: [viewRoot(services.extensionUri)] };
      const session = new ProfileSession(document, panel.webview, { ...services, diagnostics });
      panel.onDidDispose(() => session.dispose());
      panel.webview.html = viewHtml(panel.webview, services.extensionUri, "profile", "Profile");
    },
  };
  return vscode.Disposable.from(vscode.window.registerCustomEditorProvider(profileViewType, provider, { supportsMultipleEditorsPerDocument: true }), diagnostics);
}
