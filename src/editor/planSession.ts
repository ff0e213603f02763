/** One view of one plan: sends what the text says, and writes back what is changed in the view. */
import * as vscode from "vscode";
import { parseDocument } from "../formats/document";
import { planFormat } from "../formats/plan";
import { Cancelled, messageOf, UserError } from "../model/errors";
import type { Plan } from "../model/plan";
import type { Timeline } from "../model/timeline";
import { moveBoundary } from "../plan/edits";
import { predictedFigures } from "../plan/predict";
import { staleInputs } from "../plan/staleness";
import { validatePlan } from "../plan/validate";
import { nameOfUnknown } from "../protocol/checks";
import { isViewMessage } from "../protocol/guards";
import type { Edit, HostMessage, ViewMessage } from "../protocol/messages";
import { Outbox } from "../protocol/outbox";
import { problemOf } from "../protocol/problems";
import { Baselines, type Compare } from "./baselines";
import { Drawings } from "./drawings";
import { inputUri, nameOf, readInputs, type PlanInputs } from "./planInputs";
import { replacements } from "./planText";
import { TextProblems } from "./textProblems";

export interface SessionServices {
  readonly log: (message: string) => void;
  readonly compare: Compare;
  readonly diagnostics: vscode.DiagnosticCollection;
}

/** Typing in the text is waited for this long before the baselines are searched. */
const quietMs = 400;

export class PlanSession implements vscode.Disposable {
  private readonly outbox: Outbox<HostMessage>;
  private readonly baselines: Baselines;
  private readonly problems: TextProblems;
  private readonly drawings = new Drawings((id) => this.outbox.post({ type: "draw", id }));
  private readonly disposables: vscode.Disposable[] = [];
  private watchers: readonly vscode.Disposable[] = [];
  private inputs?: { readonly key: string; readonly loaded: Promise<PlanInputs> };
  private sent?: PlanInputs;
  private measured?: { readonly name: string; readonly timeline: Timeline };
  private quiet?: NodeJS.Timeout;
  private refreshes = 0;

  constructor(private readonly document: vscode.TextDocument, webview: vscode.Webview, private readonly services: SessionServices) {
    this.outbox = new Outbox((message) => void webview.postMessage(message));
    this.baselines = new Baselines(services.compare);
    this.problems = new TextProblems(document, services.diagnostics);
    this.disposables.push(
      webview.onDidReceiveMessage((message: unknown) => this.receive(message)),
      vscode.workspace.onDidChangeTextDocument((event) => {
        if (event.document === document && event.contentChanges.length) void this.refresh();
      }),
    );
  }

  showMeasured(name: string, timeline: Timeline | undefined): void {
    this.measured = timeline && { name, timeline };
    this.outbox.post({ type: "measured", name, timeline: timeline ?? null });
  }

  /** @returns The whole timeline as a PNG. @throws UserError where there is no picture of the plan. */
  draw(): Promise<Uint8Array> {
    return this.drawings.draw();
  }

  dispose(): void {
    clearTimeout(this.quiet);
    this.drawings.dispose();
    this.baselines.dispose();
    this.refreshes++;
    this.problems.clear();
    vscode.Disposable.from(...this.disposables, ...this.watchers).dispose();
  }

  private receive(message: unknown): void {
    if (!isViewMessage(message)) return this.services.log(`The timeline of ${nameOf(this.document.uri)} said something unknown, ${nameOfUnknown(message)}.`);
    const handlers: { readonly [T in ViewMessage["type"]]: (message: Extract<ViewMessage, { type: T }>) => void } = {
      ready: () => this.start(),
      edit: ({ id, edit }) => void this.answer(id, edit),
      showText: ({ field }) => void this.problems.show(field),
      copy: ({ text }) => void copyFigures(text),
      drawn: (answer) => this.drawings.answered(answer),
      log: ({ level, message: text }) => this.services.log(`Timeline view, ${level}: ${text}`),
    };
    (handlers[message.type] as (message: ViewMessage) => void)(message);
  }

  /** The page is new, or was loaded again after it had been hidden: it knows nothing. */
  private start(): void {
    this.sent = undefined;
    this.drawings.reloaded();
    this.outbox.open();
    if (this.measured) this.outbox.post({ type: "measured", ...this.measured });
    void this.refresh();
  }

  /** Sends the document as it now is. What is overtaken by a newer change on its way is dropped. */
  private async refresh(): Promise<void> {
    const turn = ++this.refreshes;
    const { version } = this.document;
    const text = this.document.getText();
    try {
      if (text.trim() === "") return this.report(version, "empty", new UserError("There is nothing in it yet.", { hint: "Run “DiffusionPipe: New Plan” to make one." }));
      const plan = parseDocument(planFormat, text, nameOf(this.document.uri));
      const inputs = await this.inputsOf(plan);
      if (turn !== this.refreshes) return;
      validatePlan(plan, inputs.context.workload, inputs.context.devices.length, nameOf(this.document.uri));
      this.problems.clear();
      if (inputs !== this.sent) this.outbox.post({ type: "inputs", profile: inputs.profile, cluster: inputs.cluster });
      this.sent = inputs;
      this.outbox.post({ type: "plan", version, name: nameOf(this.document.uri), plan, readOnly: isReadOnly(this.document.uri), notices: noticesOf(plan, inputs) });
      this.drawings.shown();
      this.askBaselines(plan, inputs, version);
    } catch (error) {
      if (turn === this.refreshes) this.report(version, error instanceof UserError && error.file !== nameOf(this.document.uri) ? "inputs" : "text", error);
    }
  }

  private report(version: number, kind: "empty" | "text" | "inputs", error: unknown): void {
    if (!(error instanceof UserError)) this.services.log(`The timeline of ${nameOf(this.document.uri)} failed: ${messageOf(error)}`);
    this.outbox.post({ type: "problem", version, kind, problem: problemOf(error) });
    this.drawings.failed(error instanceof Error ? error : new Error(messageOf(error)));
    if (kind === "empty") this.problems.clear();
    else this.problems.report(error);
  }

  /** Reads the inputs once, and again when one of their files changes. */
  private inputsOf(plan: Plan): Promise<PlanInputs> {
    const uris = [inputUri(this.document.uri, "profile", plan.profile.path), inputUri(this.document.uri, "cluster", plan.cluster.path)];
    const key = uris.join("\n");
    if (this.inputs?.key !== key) {
      this.inputs = { key, loaded: readInputs(this.document.uri, plan) };
      this.watch(uris);
    }
    return this.inputs.loaded;
  }

  private watch(uris: readonly vscode.Uri[]): void {
    vscode.Disposable.from(...this.watchers).dispose();
    const changed = () => {
      this.inputs = undefined;
      void this.refresh();
    };
    this.watchers = uris.map((uri) => {
      const watcher = vscode.workspace.createFileSystemWatcher(new vscode.RelativePattern(vscode.Uri.joinPath(uri, ".."), uri.path.slice(uri.path.lastIndexOf("/") + 1)));
      watcher.onDidChange(changed);
      watcher.onDidCreate(changed);
      watcher.onDidDelete(changed);
      return watcher;
    });
  }

  private askBaselines(plan: Plan, inputs: PlanInputs, version: number): void {
    clearTimeout(this.quiet);
    this.quiet = setTimeout(() => {
      this.baselines.of(plan, inputs).then(
        (baselines) => this.outbox.post({ type: "baselines", version, baselines }),
        (error: unknown) => {
          if (!(error instanceof Cancelled)) this.outbox.post({ type: "baselines", version, baselines: [], failed: messageOf(error) });
        },
      );
    }, quietMs);
  }

  private async answer(id: number, edit: Edit): Promise<void> {
    try {
      await this.apply(edit);
      this.outbox.post({ type: "reply", id });
    } catch (error) {
      if (!(error instanceof UserError)) this.services.log(`An edit of ${nameOf(this.document.uri)} failed: ${messageOf(error)}`);
      this.outbox.post({ type: "reply", id, error: messageOf(error) });
    }
  }

  /**
   * One edit of the text, undone by one undo: the numbers of the boundary, and in the same edit the figures predicted for
   * the plan, so that the file stays true. Everything else keeps its bytes.
   */
  private async apply({ version, chain, stage, layer }: Edit): Promise<void> {
    const { document } = this;
    if (document.version !== version) throw new UserError("The text has changed meanwhile; the change was not made.");
    const text = document.getText();
    const plan = parseDocument(planFormat, text, nameOf(document.uri));
    const { context } = await this.inputsOf(plan);
    const moved = moveBoundary(plan, chain, stage, layer);
    validatePlan(moved, context.workload, context.devices.length, nameOf(document.uri));
    const edit = new vscode.WorkspaceEdit();
    for (const { offset, length, text: replacement } of replacements(text, { ...moved, predicted: predictedFigures(moved, context) })) {
      edit.replace(document.uri, new vscode.Range(document.positionAt(offset), document.positionAt(offset + length)), replacement);
    }
    if (document.version !== version) throw new UserError("The text has changed meanwhile; the change was not made.");
    if (!(await vscode.workspace.applyEdit(edit))) throw new UserError("VS Code refused the edit: the file may be read-only.");
  }
}

async function copyFigures(text: string): Promise<void> {
  await vscode.env.clipboard.writeText(text);
  vscode.window.setStatusBarMessage(vscode.l10n.t("The figures are on the clipboard."), 4000);
}

function isReadOnly(uri: vscode.Uri): boolean {
  return vscode.workspace.fs.isWritableFileSystem(uri.scheme) === false;
}

/** What the plan no longer agrees with. */
function noticesOf(plan: Plan, { sha256 }: PlanInputs): readonly string[] {
  return staleInputs(plan, sha256).map((input) =>
    input === "model"
      ? "The profile was made from another state of the model than this plan. Plan again to be sure that its layers still mean the same."
      : `The ${input} (${plan[input].path}) has changed since this plan was made. The picture is simulated with it as it is now; plan again to make the best of it.`,
  );
}
