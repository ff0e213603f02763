/** Questions of the timeline view whose answers take the planner, which only the host has. */
import type { Plan, ScheduleName } from "../model/plan";
import type { Timeline } from "../model/timeline";

/** What a plan is predicted to be worth. */
export interface Figures {
  readonly periodMs: number;
  readonly throughputPerSecond: number;
  /** Of the fullest device. */
  readonly peakMemoryBytes: number;
}

/** What a plan is held against, beside the baselines. */
export interface Standing {
  /** Ms that no filling of the plan's passes beats; undefined where it could not be had. */
  readonly boundMs?: number;
  /** The plan as it was last saved, while the document differs from it. */
  readonly saved?: Figures;
  /** The best plan of the search for these inputs, once there was one. */
  readonly best?: Figures;
}

/** `version` is that of the plan that is asked about. */
export type Ask =
  /** The lower bound of a change that is not in the document. */
  | { readonly kind: "bound"; readonly plan: Plan }
  | { readonly kind: "why"; readonly version: number }
  | { readonly kind: "worth"; readonly version: number }
  | { readonly kind: "alternatives"; readonly version: number }
  /** The whole plan of a row of the alternatives. */
  | { readonly kind: "alternative"; readonly version: number; readonly row: number }
  /** `iterations`: as many as the plan's own timeline shows. */
  | { readonly kind: "compare"; readonly version: number; readonly other: Other; readonly iterations: 1 | 2 | 3 };

/** What a plan is compared with. */
export type Other =
  /** Another plan of the workspace, which the host asks for. */
  | { readonly of: "file" }
  | { readonly of: "saved" }
  /** A baseline by its method's name. */
  | { readonly of: "baseline"; readonly name: string }
  /** A row of the alternatives. */
  | { readonly of: "alternative"; readonly row: number }
  /** What was compared last, with the plan as it is now. */
  | { readonly of: "same" };

export interface Reason {
  readonly text: string;
  /** `operationKey` of the operation that it names. */
  readonly operation: string;
}

/** A part of the period, ms, and what it is made of. */
export interface PeriodPart {
  readonly title: string;
  readonly ms: number;
  readonly text: string;
  /** Whether it is what holds the plan up most. */
  readonly isBound: boolean;
  readonly reasons: readonly Reason[];
}

/** A common method at its best. */
export interface MethodFigures {
  readonly name: string;
  /** Undefined where it cannot be had; `note` says why. */
  readonly figures?: Figures;
  /** The method's period over the plan's: above 1 the plan is faster. */
  readonly speedUp?: number;
  readonly note: string;
  /** Whether its timeline can be laid beside the plan's. */
  readonly isSimulated: boolean;
}

/** A plan of the search that was simulated. */
export interface AlternativeFigures extends Figures {
  readonly schedule: ScheduleName;
  readonly stages: number;
  readonly microbatches: number;
  readonly dataParallel: number;
  /** Further decisions in words, e.g. "warm-up 2, recomputes". */
  readonly more: string;
  readonly bubbleRatio: number;
  readonly isRunnable: boolean;
  /** Whether its whole plan is at hand. */
  readonly isKept: boolean;
}

export type Answer =
  | { readonly kind: "bound"; readonly boundMs: number }
  | { readonly kind: "why"; readonly verdict: string; readonly parts: readonly PeriodPart[] }
  | { readonly kind: "worth"; readonly verdict: string; readonly caching?: string; readonly plan: Figures; readonly methods: readonly MethodFigures[] }
  /** Rows by rank, the shortest period first; `left` counts candidates that were not simulated. */
  | { readonly kind: "alternatives"; readonly rows: readonly AlternativeFigures[]; readonly left: { readonly pruned: number; readonly notTried: number; readonly doNotFit: number }; readonly limitBytes: number }
  | { readonly kind: "alternative"; readonly plan: Plan }
  /** `timeline` is the other's prediction; `causes` are sentences, `decisions` what is not the same. */
  | { readonly kind: "compare"; readonly name: string; readonly timeline: Timeline; readonly lead: string; readonly decisions: readonly Decision[]; readonly causes: readonly string[] };

export interface Decision {
  readonly what: string;
  readonly here: string;
  readonly there: string;
}

export type AnswerTo<K extends Ask["kind"]> = Extract<Answer, { readonly kind: K }>;
