/** What the extension host and the timeline view say to each other: two closed unions, one a direction. */
import type { Cluster } from "../model/cluster";
import type { Plan } from "../model/plan";
import type { Profile } from "../model/profile";
import type { Timeline } from "../model/timeline";

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
  /** Draw the whole timeline as a picture; answered by `drawn` of that id. */
  | { readonly type: "draw"; readonly id: number }
  /** The answer to the request of that id; `error` when it was refused. */
  | { readonly type: "reply"; readonly id: number; readonly error?: string };

/** A change of the document that the view asks for. `version` is that of the plan it was made on. */
export type Edit =
  | { readonly kind: "moveBoundary"; readonly version: number; readonly chain: string; /** Between this stage and the next. */ readonly stage: number; /** First layer of the next stage. */ readonly layer: number };

export type ViewMessage =
  /** The view listens; nothing is posted to it before. */
  | { readonly type: "ready" }
  | { readonly type: "edit"; readonly id: number; readonly edit: Edit }
  /** Open the plan's text, at a field where one is given. */
  | { readonly type: "showText"; readonly field?: string }
  /** Put figures on the clipboard, as text. */
  | { readonly type: "copy"; readonly text: string }
  /** The picture asked for, a PNG as base64, or why there is none. */
  | { readonly type: "drawn"; readonly id: number; readonly png?: string; readonly error?: string }
  | { readonly type: "log"; readonly level: "warning" | "error"; readonly message: string };
