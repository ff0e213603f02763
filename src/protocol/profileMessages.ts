/** What the extension host and the profile view say to each other: two closed unions, one a direction. */
import type { LayerRef, Profile } from "../model/profile";
import type { Problem } from "./messages";

/** How a profile stands to its model as that is now. */
export type Stand =
  /** As `ProfileStand` of src/app/profileStand.ts. */
  | { readonly kind: "compared"; readonly changed: readonly LayerRef[]; readonly gone: readonly LayerRef[]; readonly differences: readonly string[] }
  /** The model cannot be read, so that nobody knows. */
  | { readonly kind: "unknown"; readonly reason: string };

/** Whether layers can be measured from here: at once, they are being measured, or why not. */
export type Measuring = { readonly kind: "ready" } | { readonly kind: "running" } | { readonly kind: "refused"; readonly reason: string };

export type ProfileHostMessage =
  /** The document as it now is, without its tensors. `version` counts its changes. */
  | { readonly type: "profile"; readonly version: number; readonly name: string; readonly profile: Profile }
  /** There is no profile in the text as it is: it is empty or broken. */
  | { readonly type: "problem"; readonly version: number; readonly name: string; readonly kind: "empty" | "text"; readonly problem: Problem }
  /** Of the profile last sent; again when the model's files change. */
  | { readonly type: "stand"; readonly version: number; readonly stand: Stand }
  | { readonly type: "measuring"; readonly measuring: Measuring };

export type ProfileViewMessage =
  /** The view listens; nothing is posted to it before. */
  | { readonly type: "ready" }
  /** Profile again as it was: what changed and what failed is measured. */
  | { readonly type: "measure" }
  /** Ask for a file and write every layer at every batch size to it. */
  | { readonly type: "exportCsv" }
  /** Put this on the clipboard. */
  | { readonly type: "copy"; readonly text: string }
  /** Make a plan from the profile. */
  | { readonly type: "newPlan" }
  /** Open the model in its view, as the profile was made of it. */
  | { readonly type: "openModel" }
  /** Open the profile's text, at a field where one is given. */
  | { readonly type: "showText"; readonly field?: string }
  | { readonly type: "log"; readonly level: "warning" | "error"; readonly message: string };
