/** Where a document's text is wrong: in the Problems panel, and gone to in the text. */
import * as vscode from "vscode";
import { problemOf } from "../protocol/problems";
import { nameOf } from "./planInputs";
import { spanOf } from "./planText";
import { problemSource } from "./quickFixes";

export class TextProblems {
  constructor(private readonly document: vscode.TextDocument, private readonly diagnostics: vscode.DiagnosticCollection) {}

  /** An error of another file is put at the start of this text. */
  report(error: unknown): void {
    const { message, file, field, hint } = problemOf(error);
    const isOwn = file === undefined || file === nameOf(this.document.uri);
    const diagnostic = new vscode.Diagnostic(this.rangeOf(isOwn ? field : undefined), [isOwn ? undefined : `${file}:`, message, hint].filter(Boolean).join(" "), vscode.DiagnosticSeverity.Error);
    diagnostic.source = problemSource;
    // Quick fixes go by the field.
    if (isOwn && field !== undefined) diagnostic.code = field;
    this.diagnostics.set(this.document.uri, [diagnostic]);
  }

  clear(): void {
    this.diagnostics.delete(this.document.uri);
  }

  /** Opens the text beside the view, at a field where one is given. */
  async show(field: string | undefined): Promise<void> {
    const selection = field === undefined ? undefined : this.rangeOf(field);
    await vscode.window.showTextDocument(this.document, { viewColumn: vscode.ViewColumn.Beside, selection });
  }

  private rangeOf(field: string | undefined): vscode.Range {
    const { offset, length } = spanOf(this.document.getText(), field);
    return new vscode.Range(this.document.positionAt(offset), this.document.positionAt(offset + length));
  }
}
