/** One view of one profile: sends what the text says and how it stands to the model, and does what the view asks for. */
import { basename, dirname } from "node:path";
import * as vscode from "vscode";
import { inspectDocument, inspectModel } from "../app/inspect";
import { profileToCsv } from "../app/profileCsv";
import { measureAgain, modelPathOf, standOf } from "../app/profileStand";
import { localPath } from "../commands/arguments";
import { shownPath } from "../commands/pick";
import { parseDocument } from "../formats/document";
import { profileFormat } from "../formats/profile";
import { messageOf, UserError } from "../model/errors";
import type { Profile } from "../model/profile";
import { nameOfUnknown } from "../protocol/checks";
import { Outbox } from "../protocol/outbox";
import { problemOf } from "../protocol/problems";
import { isProfileViewMessage } from "../protocol/profileGuards";
import type { Measuring, ProfileHostMessage, ProfileViewMessage, Stand } from "../protocol/profileMessages";
import { watchFiles } from "../views/watchFiles";
import { TextProblems } from "./textProblems";
import { nameOf } from "./planInputs";
import type { ProfileEditorServices } from "./profileEditor";

export interface ProfileSessionServices extends ProfileEditorServices {
  readonly diagnostics: vscode.DiagnosticCollection;
}

export class ProfileSession implements vscode.Disposable {
  private readonly outbox: Outbox<ProfileHostMessage>;
  private readonly problems: TextProblems;
  private readonly disposables: vscode.Disposable[];
  private watched?: { readonly model: string; readonly watchers: vscode.Disposable };
  /** Undefined while the text is none. */
  private profile?: Profile;
  private refreshes = 0;
  private isMeasuring = false;

  constructor(private readonly document: vscode.TextDocument, webview: vscode.Webview, private readonly services: ProfileSessionServices) {
    this.outbox = new Outbox((message) => void webview.postMessage(message));
    this.problems = new TextProblems(document, services.diagnostics);
    this.disposables = [
      webview.onDidReceiveMessage((message: unknown) => this.receive(message)),
      vscode.workspace.onDidChangeTextDocument((event) => {
        if (event.document === document && event.contentChanges.length) this.refresh();
      }),
      vscode.workspace.onDidGrantWorkspaceTrust(() => this.refresh()),
    ];
  }

  dispose(): void {
    this.refreshes++;
    this.problems.clear();
    vscode.Disposable.from(...this.disposables).dispose();
    this.watched?.watchers.dispose();
  }

  private receive(message: unknown): void {
    if (!isProfileViewMessage(message)) return this.services.log(`The view of ${nameOf(this.document.uri)} said something unknown, ${nameOfUnknown(message)}.`);
    const handlers: { readonly [T in ProfileViewMessage["type"]]: (message: Extract<ProfileViewMessage, { type: T }>) => unknown } = {
      ready: () => this.start(),
      measure: () => this.tell(this.measure()),
      exportCsv: () => this.tell(this.exportCsv()),
      copy: ({ text }) => this.tell(this.copy(text)),
      newPlan: () => this.tell(vscode.commands.executeCommand("diffusionpipe.newPlan", this.document.uri)),
      openModel: () => this.tell(this.openModel()),
      showText: ({ field }) => this.tell(this.problems.show(field)),
      log: ({ level, message: text }) => this.services.log(`Profile view, ${level}: ${text}`),
    };
    (handlers[message.type] as (message: ProfileViewMessage) => unknown)(message);
  }

  /** Starts what has an end of its own; what goes wrong is shown. */
  private tell(work: Thenable<unknown>): void {
    work.then(undefined, (error: unknown) => this.services.showError(error));
  }

  /** The page is new, or was loaded again after it had been hidden: it knows nothing. */
  private start(): void {
    this.outbox.open();
    this.refresh();
  }

  /** Sends the document as it now is, and then how it stands to its model. */
  private refresh(): void {
    const { document, outbox } = this;
    const { version } = document;
    const text = document.getText();
    const name = nameOf(document.uri);
    this.profile = undefined;
    this.refreshes++;
    try {
      if (text.trim() === "") {
        this.problems.clear();
        return outbox.post({ type: "problem", version, name, kind: "empty", problem: { message: "There is nothing in it yet.", hint: "Run “DiffusionPipe: Profile Layers” to make one." } });
      }
      this.profile = parseDocument(profileFormat, text, name);
    } catch (error) {
      this.problems.report(error);
      return outbox.post({ type: "problem", version, name, kind: "text", problem: problemOf(error) });
    }
    this.problems.clear();
    const { tensors: _, ...shown } = this.profile;
    outbox.post({ type: "profile", version, name, profile: shown });
    this.postMeasuring();
    void this.compare(this.profile);
  }

  /** What is overtaken by a newer change on its way is dropped. */
  private async compare(profile: Profile): Promise<void> {
    const turn = ++this.refreshes;
    const { version } = this.document;
    const stand = await this.standOf(profile);
    if (turn === this.refreshes) this.outbox.post({ type: "stand", version, stand });
  }

  private async standOf(profile: Profile): Promise<Stand> {
    try {
      const model = this.modelPath(profile);
      this.watch(model);
      // Without tracing: to look at a file starts no Python.
      const inspected = await inspectModel(this.services.files, model, profile.choice);
      return { kind: "compared", ...standOf(profile, inspectDocument(inspected, profile.bindings)) };
    } catch (error) {
      if (!(error instanceof UserError)) this.services.log(`Comparing ${nameOf(this.document.uri)} with its model failed: ${error instanceof Error ? (error.stack ?? error.message) : messageOf(error)}`);
      return { kind: "unknown", reason: messageOf(error) };
    }
  }

  /** @throws UserError where the model must not be looked at: a file that nobody trusts names no files outside of the workspace. */
  private modelPath(profile: Profile): string {
    const model = modelPathOf(profile, localPath(this.document.uri));
    if (vscode.workspace.isTrusted || vscode.workspace.getWorkspaceFolder(vscode.Uri.file(model))) return model;
    throw new UserError("The model lies outside of this workspace, which is not trusted.", { file: shownPath(model) });
  }

  /** A folder's configurations, or a file. */
  private watch(model: string): void {
    if (this.watched?.model === model) return;
    this.watched?.watchers.dispose();
    const changed = () => {
      if (this.profile) void this.compare(this.profile);
    };
    this.watched = {
      model,
      watchers: vscode.Disposable.from(
        watchFiles(new vscode.RelativePattern(vscode.Uri.file(model), "**/*.json"), changed),
        watchFiles(new vscode.RelativePattern(vscode.Uri.file(dirname(model)), basename(model)), changed),
      ),
    };
  }

  private postMeasuring(): void {
    if (this.profile) this.outbox.post({ type: "measuring", measuring: this.measuring(this.profile) });
  }

  private measuring(profile: Profile): Measuring {
    if (this.isMeasuring) return { kind: "running" };
    if (!vscode.workspace.isTrusted) return { kind: "refused", reason: "Measuring runs layers as the workspace's files describe them, so it waits until this workspace is trusted." };
    if (this.document.uri.scheme !== "file") return { kind: "refused", reason: "The profile is not on this machine's disk." };
    const again = measureAgain(profile, this.document.uri.fsPath);
    return "refused" in again ? { kind: "refused", reason: again.refused } : { kind: "ready" };
  }

  private async measure(): Promise<void> {
    const { document, profile } = this;
    if (this.isMeasuring || !profile) return;
    if (document.isDirty) throw new UserError("The profile has changes that are not saved.", { file: nameOf(document.uri), hint: "Save or revert it first: measuring writes it anew." });
    const again = measureAgain(profile, localPath(document.uri));
    if ("refused" in again) throw new UserError(again.refused, { file: nameOf(document.uri) });
    this.isMeasuring = true;
    this.postMeasuring();
    try {
      await vscode.commands.executeCommand("diffusionpipe.profileLayers", again);
    } finally {
      this.isMeasuring = false;
      this.postMeasuring();
    }
  }

  private async exportCsv(): Promise<void> {
    const { profile } = this;
    if (!profile) return;
    const file = localPath(this.document.uri);
    const chosen = await vscode.window.showSaveDialog({ title: vscode.l10n.t("Export Profile"), defaultUri: vscode.Uri.file(file.replace(/(\.profile)?\.json$/, ".csv")), filters: { CSV: ["csv"] } });
    if (!chosen) return;
    const output = localPath(chosen);
    await this.services.files.write(output, profileToCsv(profile));
    void vscode.window.showInformationMessage(vscode.l10n.t("{0} is written.", shownPath(output)));
  }

  private async copy(text: string): Promise<void> {
    await vscode.env.clipboard.writeText(text);
    vscode.window.setStatusBarMessage(vscode.l10n.t("The rows are on the clipboard."), 4000);
  }

  private async openModel(): Promise<void> {
    if (!this.profile) return;
    const { train, freeze } = this.profile.choice ?? {};
    await vscode.commands.executeCommand("diffusionpipe.inspectModel", { model: this.modelPath(this.profile), ...(train && { train }), ...(freeze && { freeze }) });
  }
}
