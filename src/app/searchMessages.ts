/** What is said between whoever wants a search and the worker that does it. */
import type { Cluster } from "../model/cluster";
import type { Plan } from "../model/plan";
import type { Profile } from "../model/profile";
import type { Baseline, Method } from "../planner/baselines/baselines";
import type { PlanBase, SearchSpace } from "../planner/search/candidates";
import type { SearchResult } from "../planner/search/search";
import type { Replan } from "../protocol/messages";
import type { Alternatives } from "./alternatives";
import type { Comparison } from "./compare";

interface Inputs {
  readonly profile: Profile;
  readonly cluster: Cluster;
}

export type SearchRequest = Inputs & (
  | { readonly kind: "plan"; readonly base: PlanBase; readonly space: SearchSpace }
  | { readonly kind: "compare" | "alternatives"; readonly plan: Plan }
  | { readonly kind: "baselines"; readonly plan: Plan; readonly methods: readonly Method[] }
  | { readonly kind: "replan"; readonly plan: Plan; readonly request: Replan }
);

export type SearchReply =
  | { readonly kind: "progress"; readonly done: number; readonly total: number; readonly bestMs?: number }
  | { readonly kind: "best"; readonly plan: Plan }
  | { readonly kind: "planned"; readonly result: SearchResult }
  | { readonly kind: "compared"; readonly result: Comparison }
  | { readonly kind: "alternatives"; readonly result: Alternatives }
  | { readonly kind: "baselines"; readonly result: readonly Baseline[] }
  | { readonly kind: "replanned"; readonly plan: Plan }
  /** `isUsers`: an error that a person can act on. */
  | { readonly kind: "failed"; readonly isUsers: boolean; readonly message: string };
