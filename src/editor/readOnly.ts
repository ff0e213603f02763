/** Which documents a view may only look at. */
import { stat } from "node:fs/promises";
import * as vscode from "vscode";

/**
 * Files that nobody may write, and whatever is neither on the extension host's disk nor a new document: another version of a
 * plan in a diff, a plan in a virtual workspace.
 */
export async function isReadOnly(uri: vscode.Uri): Promise<boolean> {
  if (uri.scheme === "untitled") return false;
  if (uri.scheme !== "file" || vscode.workspace.fs.isWritableFileSystem(uri.scheme) === false) return true;
  // What VS Code itself says of permissions depends on a setting.
  const info = await stat(uri.fsPath).catch(() => undefined);
  return info !== undefined && (info.mode & 0o222) === 0;
}
