/** One open model view: reads the model with the roles and the size chosen, and answers what the view asks for. */
import { basename, dirname } from "node:path";
import * as vscode from "vscode";
import { inspectDocument, inspectModel } from "../app/inspect";
import { inspectTable } from "../app/inspectTable";
import { shownPath } from "../commands/pick";
import { openAtField } from "../commands/showError";
import { messageOf, UserError } from "../model/errors";
import type { Inspection } from "../model/inspection";
import type { Role } from "../model/model";
import type { Bindings } from "../model/profile";
import type { RoleChoice } from "../model/choice";
import type { Files } from "../platform/files";
import type { TraceClass } from "../parse/pipelines";
import { nameOfUnknown } from "../protocol/checks";
import { isModelViewMessage } from "../protocol/modelGuards";
import type { ModelCommand, ModelHostMessage, ModelViewMessage } from "../protocol/modelMessages";
import { problemOf } from "../protocol/problems";
import { openConfiguration } from "./openConfiguration";
import { choiceOf, type RoleMemory } from "./roleMemory";
import { editorTrace } from "./tracing";
import { watchFiles } from "./watchFiles";

export interface ModelViewServices {
  readonly files: Files;
  readonly memory: RoleMemory;
  readonly log: (message: string) => void;
  /** Shows an error to people. */
  readonly showError: (error: unknown) => void;
  /** Starts a command with what the view shows. */
  readonly run: (command: ModelCommand, inspection: Inspection, choice: RoleChoice) => Promise<void>;
}

type Shown = { readonly inspection: Inspection } | { readonly error: unknown };

export class ModelSession implements vscode.Disposable {
  private choice: RoleChoice;
  private shown?: Shown;
  private listening = false;
  /** What the view is to go to as soon as it shows the model. */
  private wanted?: { readonly component: string; readonly layer?: string };
  /** Changes are made one after the other, each upon what the one before has left. */
  private last: Promise<unknown> = Promise.resolve();
  private readonly disposables: vscode.Disposable[];
  private readonly trace: TraceClass;

  /** @param path Absolute path of the model's folder or file. @param bindings The size to begin with; the model's own where left out. */
  constructor(readonly path: string, private readonly webview: vscode.Webview, private readonly services: ModelViewServices, private bindings?: Bindings) {
    this.choice = services.memory.of(path);
    this.trace = editorTrace(path);
    this.disposables = [
      webview.onDidReceiveMessage((message: unknown) => this.receive(message)),
      // A folder's configurations, or a file with what stands beside it.
      watchFiles(new vscode.RelativePattern(vscode.Uri.file(path), "**/*.json"), () => void this.load().catch(() => undefined)),
      watchFiles(new vscode.RelativePattern(vscode.Uri.file(dirname(path)), basename(path)), () => void this.load().catch(() => undefined)),
      vscode.workspace.onDidGrantWorkspaceTrust(() => this.post()),
    ];
  }

  dispose(): void {
    vscode.Disposable.from(...this.disposables).dispose();
  }

  /** Reads the files anew. A remembered choice or size that the files no longer have room for is let go. @throws what the view shows in place of the model. */
  load(): Promise<Inspection> {
    return this.next(async () => {
      const attempts: (readonly [RoleChoice, Bindings | undefined])[] = [[this.choice, this.bindings], [this.choice, undefined], [{}, undefined]];
      let first: unknown;
      for (const [choice, bindings] of attempts) {
        try {
          return await this.read(choice, bindings);
        } catch (error) {
          first ??= error;
        }
      }
      return this.fail(first);
    });
  }

  /** Reads the model with roles that a caller asks for. @throws UserError for a choice that cannot be. */
  choose(choice: RoleChoice): Promise<Inspection> {
    return this.next(async () => {
      try {
        const inspection = await this.read(choice, this.bindings);
        await this.services.memory.remember(this.path, choice);
        return inspection;
      } catch (error) {
        if (this.shown && "inspection" in this.shown) throw error;
        return this.fail(error);
      }
    });
  }

  private async read(choice: RoleChoice, bindings: Bindings | undefined): Promise<Inspection> {
    const inspection = inspectDocument(await inspectModel(this.services.files, this.path, choice, this.trace), bindings);
    this.choice = choice;
    this.bindings = bindings;
    this.shown = { inspection };
    await this.post();
    return inspection;
  }

  private async fail(error: unknown): Promise<never> {
    if (!(error instanceof UserError)) this.services.log(`Reading ${this.path} failed: ${error instanceof Error ? (error.stack ?? error.message) : messageOf(error)}`);
    this.shown = { error };
    await this.post();
    throw error;
  }

  private next<T>(work: () => Promise<T>): Promise<T> {
    const result = this.last.then(work);
    this.last = result.catch(() => undefined);
    return result;
  }

  private receive(message: unknown): void {
    if (!isModelViewMessage(message)) return this.services.log(`The view of ${this.path} said something unknown, ${nameOfUnknown(message)}.`);
    const handlers: { readonly [T in ModelViewMessage["type"]]: (message: Extract<ModelViewMessage, { type: T }>) => unknown } = {
      ready: () => this.start(),
      setRole: ({ id, component, role }) => this.answer(id, () => this.setRole(component, role)),
      bind: ({ id, bindings }) => this.answer(id, () => this.read(this.choice, bindings)),
      openConfiguration: ({ component, layer }) => this.tell(openConfiguration(this.services.files, this.path, component, layer)),
      showInTimeline: ({ component, layer }) => this.tell(vscode.commands.executeCommand("diffusionpipe.showInTimeline", { subject: this.path, component, layer })),
      openProblem: () => this.tell(this.openProblem()),
      copyText: () => this.tell(this.copyText()),
      runCommand: ({ command }) => this.tell(this.run(command)),
      log: ({ level, message: text }) => this.services.log(`Model view, ${level}: ${text}`),
    };
    (handlers[message.type] as (message: ModelViewMessage) => unknown)(message);
  }

  /** The page is new, or was loaded again after it had been hidden: it knows nothing. */
  private start(): void {
    this.listening = true;
    void this.post();
  }

  private async post(): Promise<void> {
    if (!this.listening || !this.shown) return;
    const subject = { path: this.path, name: shownPath(this.path) };
    if ("inspection" in this.shown) {
      this.send({ type: "model", ...subject, inspection: this.shown.inspection, trusted: vscode.workspace.isTrusted });
      return this.sendWanted();
    }
    const { error } = this.shown;
    const file = error instanceof UserError ? error.file : undefined;
    const canOpen = file !== undefined && (await this.services.files.stat(file))?.kind === "file";
    this.send({ type: "problem", ...subject, problem: { ...problemOf(error), ...(file !== undefined && { file: shownPath(file) }) }, canOpen });
  }

  /** Goes to a component, or to one of its layers, once the view shows the model. */
  reveal(component: string, layer?: string): void {
    this.wanted = { component, ...(layer !== undefined && { layer }) };
    this.sendWanted();
  }

  private sendWanted(): void {
    if (!this.listening || !this.wanted || !this.shown || !("inspection" in this.shown)) return;
    this.send({ type: "reveal", ...this.wanted });
    this.wanted = undefined;
  }

  private send(message: ModelHostMessage): void {
    void this.webview.postMessage(message);
  }

  private async answer(id: number, work: () => Promise<unknown>): Promise<void> {
    try {
      await this.next(work);
      this.send({ type: "reply", id });
    } catch (error) {
      if (!(error instanceof UserError)) this.services.log(`A change of the view of ${this.path} failed: ${messageOf(error)}`);
      const { message, hint } = problemOf(error);
      this.send({ type: "reply", id, error: [message, hint].filter(Boolean).join(" ") });
    }
  }

  /** Starts what has an end of its own; what goes wrong is shown. */
  private tell(work: Thenable<unknown>): void {
    work.then(undefined, (error: unknown) => this.services.showError(error));
  }

  private async setRole(component: string, role: Role): Promise<void> {
    const { components } = this.inspection;
    const defaults = await inspectModel(this.services.files, this.path, {}, this.trace);
    const choice = choiceOf(defaults.components, new Map(components.map(({ name, role: before }) => [name, name === component ? role : before])));
    await this.read(choice, this.bindings);
    await this.services.memory.remember(this.path, choice);
  }

  private async openProblem(): Promise<void> {
    const error = this.shown && "error" in this.shown ? this.shown.error : undefined;
    if (error instanceof UserError && error.file !== undefined) await openAtField(error.file, error.field);
  }

  private async copyText(): Promise<void> {
    await vscode.env.clipboard.writeText(inspectTable(this.inspection));
    vscode.window.setStatusBarMessage(vscode.l10n.t("The model is on the clipboard, as text."), 4000);
  }

  private run(command: ModelCommand): Promise<void> {
    return this.services.run(command, this.inspection, this.choice);
  }

  private get inspection(): Inspection {
    if (!this.shown || !("inspection" in this.shown)) throw new UserError("The model has not been read.", { file: this.path });
    return this.shown.inspection;
  }
}
