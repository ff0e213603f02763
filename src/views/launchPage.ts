/** The document of a launch as a page that can be read and not changed. It is of this window only: a restored tab says so. */
import * as vscode from "vscode";

const scheme = "diffusionpipe-launch";
const pages = new Map<string, string>();

export function registerLaunchPages(): vscode.Disposable {
  return vscode.workspace.registerTextDocumentContentProvider(scheme, {
    provideTextDocumentContent: (uri) => pages.get(uri.path) ?? vscode.l10n.t("What would have been sent was shown here before the window was opened again. Launch the plan once more to see it.\n"),
  });
}

/** @param runId Names the page. */
export async function showLaunchPage(runId: string, text: string): Promise<void> {
  const uri = vscode.Uri.from({ scheme, path: `/${runId}.launch.txt` });
  pages.set(uri.path, text);
  await vscode.window.showTextDocument(await vscode.workspace.openTextDocument(uri), { preview: true });
}
