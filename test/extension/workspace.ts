/** The workspace that the runner made, and the extension under test. */
import * as vscode from "vscode";
import { join } from "node:path";
import type { DiffusionPipeApi } from "../../src/extension";

export const extensionId = "diffusionpipe.diffusionpipe";

export function inWorkspace(...parts: string[]): string {
  const folder = vscode.workspace.workspaceFolders?.[0];
  if (!folder) throw new Error("no workspace is open");
  return join(folder.uri.fsPath, ...parts);
}

export function extension(): vscode.Extension<DiffusionPipeApi> {
  const found = vscode.extensions.getExtension<DiffusionPipeApi>(extensionId);
  if (!found) throw new Error(`${extensionId} is not there`);
  return found;
}

/** Waits until `look` finds something. */
export async function eventually<T>(what: string, look: () => T | undefined | Promise<T | undefined>, ms = 20_000): Promise<T> {
  for (const end = Date.now() + ms; Date.now() < end; ) {
    const found = await look();
    if (found !== undefined) return found;
    await new Promise((resume) => setTimeout(resume, 50));
  }
  throw new Error(`${what}: not seen within ${ms} ms`);
}
