import * as vscode from "vscode";

/** Several changes of files at once are one change of what shows them. */
const settleMs = 300;

/** Calls back a moment after files that match came, changed or went. */
export function watchFiles(glob: vscode.GlobPattern, changed: () => void): vscode.Disposable {
  let pending: NodeJS.Timeout | undefined;
  const soon = () => {
    clearTimeout(pending);
    pending = setTimeout(changed, settleMs);
  };
  const watcher = vscode.workspace.createFileSystemWatcher(glob);
  return vscode.Disposable.from(watcher, watcher.onDidCreate(soon), watcher.onDidChange(soon), watcher.onDidDelete(soon), new vscode.Disposable(() => clearTimeout(pending)));
}
