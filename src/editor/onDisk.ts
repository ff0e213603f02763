/** Where a document lies on disk, or would lie: what paths in it are relative to. */
import * as vscode from "vscode";

/** A new document that was not saved yet, or git's version of a file, is taken for the file that it will be or was. */
export function onDisk(document: vscode.Uri): vscode.Uri {
  if (document.scheme !== "untitled" && document.scheme !== "git") return document;
  const folders = vscode.workspace.workspaceFolders ?? [];
  const holder = folders.find(({ uri }) => document.path.startsWith(`${uri.path}/`)) ?? (document.path.startsWith("/") ? undefined : folders[0]);
  if (!holder) return vscode.Uri.file(document.path);
  return document.path.startsWith("/") ? holder.uri.with({ path: document.path }) : vscode.Uri.joinPath(holder.uri, document.path);
}
