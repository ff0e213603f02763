/** One view of one plan: sends what the text says, and writes back what is changed in the view. */
import { resolve } from "node:path";
import * as vscode from "vscode";
import { parseDocument } from "../formats/document";
import { planFormat } from "../formats/plan";
import { Cancelled, messageOf, UserError } from "../model/errors";
import type { Plan } from "../model/plan";
import type { Timeline } from "../model/timeline";
import { editedPlan } from "../plan/edits";
import { compilePlan } from "../plan/compile";
import { staleInputs } from "../plan/staleness";
import { validatePlan } from "../plan/validate";
import { nameOfUnknown } from "../protocol/checks";
import { isReplan, isViewMessage } from "../protocol/guards";
import type { Edit, HostMessage, ViewMessage } from "../protocol/messages";
import { Outbox } from "../protocol/outbox";
import { problemOf } from "../protocol/problems";
import type { Context } from "../simulate/context";
import { Baselines, type Compare } from "./baselines";
import { localPath } from "../commands/arguments";
import { Drawings } from "./drawings";
import { Judging, type PlanSearches } from "./judging";
import { chooseOtherPlan, SavedPlan } from "./otherPlans";
import { inputUri, nameOf, readInputs, type PlanInputs } from "./planInputs";
import type { Replanner } from "./quickFixes";
import { isReadOnly } from "./readOnly";
import { withDecisionsOf } from "./replacePlan";
import { TextProblems } from "./textProblems";
import { assertVersion, writePlan } from "./writePlan";

export interface SessionServices {
  readonly log: (message: string) => void;
  readonly compare: Compare;
  /** Searches in a worker, loaded when the first is wanted. */
  readonly searches: () => Promise<PlanSearches>;
  readonly replan: Replanner;
  readonly diagnostics: vscode.DiagnosticCollection;
  /** Ways to a component of a model (an absolute path), or to one of its layers. */
  readonly jumps: Jumps;
}

export type Jumps = { readonly [T in Extract<ViewMessage, { type: "jump" }>["to"]]: (model: string, component: string, layer: string | undefined) => Promise<void> };

/** Typing in the text is waited for this long before the baselines are searched. */
const quietMs = 400;

export class PlanSession implements vscode.Disposable {
  private readonly outbox: Outbox<HostMessage>;
  private readonly baselines: Baselines;
  private readonly saved: SavedPlan;
  private readonly judging: Judging;
  private readonly problems: TextProblems;
  private readonly drawings = new Drawings((id) => this.outbox.post({ type: "draw", id }));
  private readonly disposables: vscode.Disposable[] = [];
  private watchers: readonly vscode.Disposable[] = [];
  private inputs?: { readonly key: string; readonly loaded: Promise<PlanInputs> };
  private sent?: PlanInputs;
  private measured?: { readonly name: string; readonly timeline: Timeline };
  private quiet?: NodeJS.Timeout;
  private refreshes = 0;
  private isThere = false;
  /** To be searched for as soon as the page is there. */
  private query?: string;

  constructor(private readonly document: vscode.TextDocument, webview: vscode.Webview, private readonly services: SessionServices) {
    this.outbox = new Outbox((message) => void webview.postMessage(message));
    this.baselines = new Baselines(services.compare);
    this.problems = new TextProblems(document, services.diagnostics);
    this.saved = new SavedPlan(document, () => this.judging.tellStanding());
    this.judging = new Judging({ ...services, post: (message) => this.outbox.post(message), chooseOther: () => chooseOtherPlan(document.uri), savedPlan: () => this.saved.plan() });
    this.disposables.push(
      this.saved,
      this.judging,
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

  /** Finds slices in the view, as if the query had been typed there; in one that is not there now, when it is again. */
  search(query: string): void {
    if (this.isThere) this.outbox.post({ type: "search", query });
    else this.query = query;
  }

  /** The page is gone until the view is looked at again. */
  hide(): void {
    this.isThere = false;
  }

  /** Absolute path of the model that the plan trains; undefined while the text does not say, and where it is not on disk. */
  get model(): string | undefined {
    try {
      return this.modelPath();
    } catch {
      return undefined;
    }
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
      edit: ({ id, edit }) => void this.answer(id, () => this.apply(edit)),
      ask: ({ id, ask }) => void this.judging.answer(id, ask),
      cancel: ({ id }) => this.judging.cancel(id),
      jump: ({ id, to, component, layer }) => void this.answer(id, () => this.services.jumps[to](this.modelPath(), component, layer)),
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
    this.isThere = true;
    if (this.measured) this.outbox.post({ type: "measured", ...this.measured });
    if (this.query !== undefined) this.search(this.query);
    this.query = undefined;
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
      const readOnly = await isReadOnly(this.document.uri);
      if (turn !== this.refreshes) return;
      validatePlan(plan, inputs.context.workload, inputs.context.devices.length, nameOf(this.document.uri));
      this.assertCompiles(plan, inputs.context);
      this.problems.clear();
      if (inputs !== this.sent) this.outbox.post({ type: "inputs", profile: inputs.profile, cluster: inputs.cluster });
      this.sent = inputs;
      this.outbox.post({ type: "plan", version, name: nameOf(this.document.uri), plan, readOnly, notices: noticesOf(plan, inputs) });
      this.drawings.shown();
      this.askBaselines(plan, inputs, version);
      this.judging.now({ version, plan, inputs });
    } catch (error) {
      if (turn === this.refreshes) this.report(version, error instanceof UserError && error.file !== nameOf(this.document.uri) ? "inputs" : "text", error);
    }
  }

  /** @throws UserError of this text where fills stand before what they need, or before nothing. */
  private assertCompiles(plan: Plan, context: Context): void {
    try {
      compilePlan(plan, context);
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      throw new UserError(error.reason, { file: nameOf(this.document.uri), field: error.field, hint: error.hint });
    }
  }

  private report(version: number, kind: "empty" | "text" | "inputs", error: unknown): void {
    if (!(error instanceof UserError)) this.services.log(`The timeline of ${nameOf(this.document.uri)} failed: ${messageOf(error)}`);
    this.outbox.post({ type: "problem", version, kind, problem: problemOf(error) });
    this.judging.now(undefined);
    this.drawings.failed(error instanceof Error ? error : new Error(messageOf(error)));
    if (kind === "empty") this.problems.clear();
    else this.problems.report(error);
  }

  /** Reads the inputs once, and again when one of their files changes. */
  private inputsOf(plan: Plan): Promise<PlanInputs> {
    const uris = [inputUri(this.document.uri, "profile", plan.profile.path), inputUri(this.document.uri, "cluster", plan.cluster.path)];
    const key = JSON.stringify([...uris.map(String), plan.selfConditioning, plan.frozenPrecision]);
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

  /** @throws UserError where it is outside of the workspace, or not on disk. */
  private modelPath(): string {
    const { path } = parseDocument(planFormat, this.document.getText(), nameOf(this.document.uri)).model;
    return resolve(localPath(inputUri(this.document.uri, "model", path)));
  }

  /** Every request gets a reply: what it came to, or why it was refused. */
  private async answer(id: number, work: () => Promise<void>): Promise<void> {
    try {
      await work();
      this.outbox.post({ type: "reply", id });
    } catch (error) {
      if (!(error instanceof UserError)) this.services.log(`A request of the timeline of ${nameOf(this.document.uri)} failed: ${messageOf(error)}`);
      this.outbox.post({ type: "reply", id, error: messageOf(error) });
    }
  }

  private async apply(edit: Edit): Promise<void> {
    const { document } = this;
    assertVersion(document, edit.version);
    if (await isReadOnly(document.uri)) throw new UserError("The plan is read-only.");
    const plan = parseDocument(planFormat, document.getText(), nameOf(document.uri));
    const inputs = await this.inputsOf(plan);
    if (edit.kind === "role") {
      const { planWithRole } = await import("./changeRole");
      const changed = await planWithRole(document.uri, plan, inputs, edit, this.services.replan);
      return writePlan(document, edit.version, changed.plan, changed.context);
    }
    const edited = await (edit.kind === "replacePlan" ? withDecisionsOf(plan, edit.plan) : isReplan(edit) ? this.services.replan(plan, edit, inputs.context) : editedPlan(plan, edit, inputs.context.workload));
    // What a plan decides about costs is a part of what it is simulated with.
    await writePlan(document, edit.version, edited, (await this.inputsOf(edited)).context);
  }
}

async function copyFigures(text: string): Promise<void> {
  await vscode.env.clipboard.writeText(text);
  vscode.window.setStatusBarMessage(vscode.l10n.t("The figures are on the clipboard."), 4000);
}

/** What the plan no longer agrees with. */
function noticesOf(plan: Plan, { sha256 }: PlanInputs): readonly string[] {
  return staleInputs(plan, sha256).map((input) =>
    input === "model"
      ? "The profile was made from another state of the model than this plan. Plan again to be sure that its layers still mean the same."
      : `The ${input} (${plan[input].path}) has changed since this plan was made. The picture is simulated with it as it is now; plan again to make the best of it.`,
  );
}
