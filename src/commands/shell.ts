/** What every command and view is given. Use-cases are imported by the handlers, which are loaded on first use. */
import type * as vscode from "vscode";
import type { Inspection } from "../model/inspection";
import type { Timeline } from "../model/timeline";
import type { RoleChoice } from "../model/choice";
import type { Files } from "../platform/files";
import type { AnswerMemory } from "./answerMemory";

export interface Shell {
  readonly files: Files;
  /** Folder of the built scripts: measure.js and its helpers. */
  readonly scriptsFolder: string;
  readonly log: vscode.LogOutputChannel;
  /** What was answered to the questions that training scripts leave open. */
  readonly answers: AnswerMemory;
  /** Which components of a model are to train, as chosen in the model view. */
  readonly roles: { of(path: string): RoleChoice };
  /** Shows `text` in the status bar, with a turning wheel, until the result is disposed of. */
  busy(text: string): vscode.Disposable;
  /** Opens a plan (a path) with a measured timeline laid over its prediction; undefined takes it away. */
  showMeasured(plan: string, name: string, timeline: Timeline | undefined): Promise<void>;
  /** Opens a plan (a path) and draws its whole timeline. @returns A PNG. @throws UserError where there is no picture of it. */
  drawTimeline(plan: string): Promise<Uint8Array>;
  /** Opens the view of a model; roles chosen last where left out. @throws what the view then shows as well. */
  showModel(path: string, choice: RoleChoice | undefined): Promise<Inspection>;
  /**
   * Searches a plan's timeline, which is opened where it is not, or the timeline of one of a model's plans that was looked at last.
   * @returns Path of the plan; undefined where no plan of the model is open.
   */
  searchTimeline(of: { readonly plan: string } | { readonly model: string }, query: string): Promise<string | undefined>;
  /** Makes the trees look again. */
  refresh(): void;
}

/** @returns What a caller in code may want: the path of the file made, the document shown. */
export type Handler = (shell: Shell, argument: unknown) => Promise<unknown>;
