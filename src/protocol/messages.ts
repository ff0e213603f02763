/** What the extension host and the timeline view say to each other: two closed unions, one a direction. */
import type { Cluster } from "../model/cluster";
import type { Plan } from "../model/plan";
import type { Profile } from "../model/profile";
import type { Timeline } from "../model/timeline";
import type { PlanEdit } from "../plan/edits";
import type { PlanChange } from "../plan/planChange";
import type { Answer, Ask, Standing } from "./judging";

/** Where something is wrong and what to do: the view shows it as it is. */
export interface Problem {
  readonly message: string;
  /** As the user knows it: relative to the workspace. */
  readonly file?: string;
  /** E.g. "chains[0].stages[1].from". */
  readonly field?: string;
  readonly hint?: string;
}

/** A common way of training on the same costs, at its best. Without a period it cannot be had, and `note` says why. */
export interface BaselineFigures {
  readonly title: string;
  readonly periodMs?: number;
  /** How it is set up, or why there is none. */
  readonly note: string;
}

export type HostMessage =
  /** What plans are simulated with. Sent before the first plan, and again when a file changed. */
  | { readonly type: "inputs"; readonly profile: Profile; readonly cluster: Cluster }
  /** The document as it now is. `version` counts its changes; `notices` say what it no longer agrees with. */
  | { readonly type: "plan"; readonly version: number; readonly name: string; readonly plan: Plan; readonly readOnly: boolean; readonly notices: readonly string[] }
  /** There is no picture of the text as it is: it is empty, broken, or what it needs is missing. */
  | { readonly type: "problem"; readonly version: number; readonly kind: "empty" | "text" | "inputs"; readonly problem: Problem }
  /** Answers to how good the plan of that version is; `failed` in place of figures that could not be had. */
  | { readonly type: "baselines"; readonly version: number; readonly baselines: readonly BaselineFigures[]; readonly failed?: string }
  /** A run to lay over the prediction, or null to take it away. */
  | { readonly type: "measured"; readonly name: string; readonly timeline: Timeline | null }
  /** What the plan of that version is held against beside the baselines. */
  | { readonly type: "standing"; readonly version: number; readonly standing: Standing }
  /** Search for slices as if it had been typed, and go to the first. */
  | { readonly type: "search"; readonly query: string }
  /** Draw the whole timeline as a picture; answered by `drawn` of that id. */
  | { readonly type: "draw"; readonly id: number }
  /** How far the work for the request of that id is. */
  | { readonly type: "progress"; readonly id: number; readonly done: number; readonly total: number }
  /** The answer to the request of that id; `error` when it was refused. Of a question neither: it was called off. */
  | { readonly type: "reply"; readonly id: number; readonly error?: string; readonly answer?: Answer };

/** What the host says of its own accord. */
export type HostNews = Exclude<HostMessage, { readonly type: "reply" | "progress" }>;

/** What can be planned again: one decision changed, the free fills, whatever is not pinned, or what is not valid. */
export type Replan = { readonly kind: "change"; readonly change: PlanChange } | { readonly kind: "refill" | "improve" | "repair" };

/** A component is to train, or to be frozen: that takes another profile. */
export interface RoleEdit {
  readonly kind: "role";
  readonly component: string;
  readonly trains: boolean;
}

/** All decisions of another plan for the same inputs. */
export interface ReplaceEdit {
  readonly kind: "replacePlan";
  readonly plan: Plan;
}

/** A change of the document that the view asks for. `version` is that of the plan it was made on. */
export type Edit = (PlanEdit | Replan | RoleEdit | ReplaceEdit) & { readonly version: number };

export type ViewMessage =
  /** The view listens; nothing is posted to it before. */
  | { readonly type: "ready" }
  | { readonly type: "edit"; readonly id: number; readonly edit: Edit }
  | { readonly type: "ask"; readonly id: number; readonly ask: Ask }
  /** The question of that id is not of interest any more. */
  | { readonly type: "cancel"; readonly id: number }
  /** Go to a component, or one of its layers, in the model view or in its configuration file; answered. */
  | { readonly type: "jump"; readonly id: number; readonly to: "model" | "configuration"; readonly component: string; readonly layer?: string }
  /** Open the plan's text, at a field where one is given. */
  | { readonly type: "showText"; readonly field?: string }
  /** Put figures on the clipboard, as text. */
  | { readonly type: "copy"; readonly text: string }
  /** The picture asked for, a PNG as base64, or why there is none. */
  | { readonly type: "drawn"; readonly id: number; readonly png?: string; readonly error?: string }
  | { readonly type: "log"; readonly level: "warning" | "error"; readonly message: string };
