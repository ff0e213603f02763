/** What the extension host and the model view say to each other: two closed unions, one a direction. */
import type { Inspection } from "../model/inspection";
import type { Role } from "../model/model";
import type { Bindings } from "../model/profile";
import type { Problem } from "./messages";

export type ModelHostMessage =
  /** The model as its files and the choice of roles now make it, at one size. `path` is what a restored view is opened with; `name` is for people. */
  | { readonly type: "model"; readonly path: string; readonly name: string; readonly inspection: Inspection; /** Whether commands may start processes here. */ readonly trusted: boolean }
  /** The files cannot be read as a model. `canOpen`: there is a text file to go to. */
  | { readonly type: "problem"; readonly path: string; readonly name: string; readonly problem: Problem; readonly canOpen: boolean }
  /** Go to a component, or to one of its layers. */
  | { readonly type: "reveal"; readonly component: string; readonly layer?: string }
  /** The answer to the request of that id; `error` when it was refused. */
  | { readonly type: "reply"; readonly id: number; readonly error?: string };

export type ModelCommand = "profile" | "plan";

export type ModelViewMessage =
  /** The view listens; nothing is posted to it before. */
  | { readonly type: "ready" }
  /** Train or freeze a component. When it is done the model comes anew, before the reply. */
  | { readonly type: "setRole"; readonly id: number; readonly component: string; readonly role: Role }
  /** Give the figures at another size; answered like `setRole`. */
  | { readonly type: "bind"; readonly id: number; readonly bindings: Bindings }
  /** Open the file that describes a component, at the place that describes the layer where one is given. */
  | { readonly type: "openConfiguration"; readonly component: string; readonly layer?: string }
  /** Find what a component, or one of its layers, computes in the timeline of a plan. */
  | { readonly type: "showInTimeline"; readonly component: string; readonly layer?: string }
  /** Open the file of the problem last sent, at its field. */
  | { readonly type: "openProblem" }
  /** Put everything on the clipboard, as text. */
  | { readonly type: "copyText" }
  /** Start a command with the roles and the size shown. */
  | { readonly type: "runCommand"; readonly command: ModelCommand }
  | { readonly type: "log"; readonly level: "warning" | "error"; readonly message: string };
