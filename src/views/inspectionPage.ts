/** A page of text about a model folder. Its address says everything, so that a restored tab can be filled again. */
import { basename } from "node:path";
import * as vscode from "vscode";
import { messageOf, UserError } from "../model/errors";
import type { Files } from "../platform/files";

const scheme = "diffusionpipe-model";

interface RoleChoice {
  readonly train?: readonly string[];
  readonly freeze?: readonly string[];
}

export function inspectionUri(folder: string, { train, freeze }: RoleChoice = {}): vscode.Uri {
  return vscode.Uri.from({ scheme, path: `/${basename(folder)}.model.txt`, query: JSON.stringify({ folder, train, freeze }) });
}

export function registerInspectionPage(files: Files): vscode.Disposable {
  return vscode.workspace.registerTextDocumentContentProvider(scheme, {
    async provideTextDocumentContent(uri) {
      const { inspectDocument, inspectModel } = await import("../app/inspect");
      const { inspectTable } = await import("../app/inspectTable");
      const { folder, train, freeze } = JSON.parse(uri.query) as RoleChoice & { readonly folder: string };
      try {
        return inspectTable(inspectDocument(await inspectModel(files, folder, { train, freeze })));
      } catch (error) {
        if (!(error instanceof UserError)) throw error;
        return `${messageOf(error)}\n`;
      }
    },
  });
}
