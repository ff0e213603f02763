/** What is said between whoever wants a search and the worker that does it. */
import type { Cluster } from "../model/cluster";
import type { Plan } from "../model/plan";
import type { Profile } from "../model/profile";
import type { PlanBase, SearchSpace } from "../planner/search/candidates";
import type { SearchResult } from "../planner/search/search";
import type { Replan } from "../protocol/messages";
import type { Comparison } from "./compare";

interface Inputs {
  readonly profile: Profile;
  readonly cluster: Cluster;
}

export type SearchRequest = Inputs & (
  | { readonly kind: "plan"; readonly base: PlanBase; readonly space: SearchSpace }
  | { readonly kind: "compare"; readonly plan: Plan }
  | { readonly kind: "replan"; readonly plan: Plan; readonly request: Replan }
);

export type SearchReply =
  | { readonly kind: "progress"; readonly done: number; readonly total: number; readonly bestMs?: number }
  | { readonly kind: "best"; readonly plan: Plan }
  | { readonly kind: "planned"; readonly result: SearchResult }
  | { readonly kind: "compared"; readonly result: Comparison }
  | { readonly kind: "replanned"; readonly plan: Plan }
  /** `isUsers`: an error that a person can act on. */
  | { readonly kind: "failed"; readonly isUsers: boolean; readonly message: string };
