/** Plans beside the one that is shown: another file of the workspace, and the same one as it was last saved. */
import * as vscode from "vscode";
import { decodeUtf8, maxDocumentBytes, parseDocument } from "../formats/document";
import { planFormat } from "../formats/plan";
import { UserError } from "../model/errors";
import type { Plan } from "../model/plan";
import { validatePlan } from "../plan/validate";
import type { OtherPlan } from "./judgedPlans";
import { nameOf, readInputs } from "./planInputs";

/** Plans that the question lists at most. */
const mostListed = 500;

/** Asks for another plan of the workspace; undefined where none was chosen. @throws UserError where there is none, or it cannot be read. */
export async function chooseOtherPlan(own: vscode.Uri): Promise<OtherPlan | undefined> {
  const found = await vscode.workspace.findFiles("**/*.pipeplan.json", "**/node_modules/**", mostListed);
  const others = found.filter((uri) => uri.toString() !== own.toString()).map((uri) => ({ label: nameOf(uri), uri }));
  if (others.length === 0) throw new UserError("There is no other plan (*.pipeplan.json) in this workspace.", { hint: "Run “DiffusionPipe: New Plan” to make one, or compare with a baseline." });
  const chosen = await vscode.window.showQuickPick(others.sort((a, b) => a.label.localeCompare(b.label)), { title: vscode.l10n.t("Compare Plans"), placeHolder: vscode.l10n.t("Plan to lay beside {0}", nameOf(own)) });
  return chosen && openOther(chosen.uri);
}

async function openOther(uri: vscode.Uri): Promise<OtherPlan> {
  const file = nameOf(uri);
  const { size } = await vscode.workspace.fs.stat(uri);
  if (size > maxDocumentBytes) throw new UserError(`The file has ${size} bytes; at most ${maxDocumentBytes} are read.`, { file });
  const plan = parseDocument(planFormat, decodeUtf8(await vscode.workspace.fs.readFile(uri), file), file);
  const { context } = await readInputs(uri, plan);
  validatePlan(plan, context.workload, context.devices.length, file);
  return { name: file.slice(file.lastIndexOf("/") + 1), subject: file, plan, context };
}

/** The text of a document as it was last saved. */
export class SavedPlan implements vscode.Disposable {
  private text: Promise<string | undefined>;
  private readonly listener: vscode.Disposable;

  /** @param changed Called when the document was saved, or is as it was saved again. */
  constructor(private readonly document: vscode.TextDocument, changed: () => void) {
    this.text = document.isDirty ? savedText(document.uri) : Promise.resolve(document.getText());
    const saved = vscode.workspace.onDidSaveTextDocument((other) => {
      if (other !== document) return;
      this.text = Promise.resolve(document.getText());
      changed();
    });
    // An event without changes is one of whether there is something to save.
    const dirtied = vscode.workspace.onDidChangeTextDocument((event) => {
      if (event.document === document && event.contentChanges.length === 0) changed();
    });
    this.listener = vscode.Disposable.from(saved, dirtied);
  }

  /** Undefined while the document is as it was saved, and where that is no plan. */
  async plan(): Promise<Plan | undefined> {
    const text = this.document.isDirty ? await this.text : undefined;
    try {
      return text === undefined ? undefined : parseDocument(planFormat, text, nameOf(this.document.uri));
    } catch (error) {
      if (error instanceof UserError) return undefined;
      throw error;
    }
  }

  dispose(): void {
    this.listener.dispose();
  }
}

/** What was restored unsaved, by a hot exit, has its saved state on disk; undefined where there is none. */
async function savedText(uri: vscode.Uri): Promise<string | undefined> {
  try {
    return decodeUtf8(await vscode.workspace.fs.readFile(uri), nameOf(uri));
  } catch {
    return undefined;
  }
}
