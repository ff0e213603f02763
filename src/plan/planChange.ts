/** Decisions about a plan as a whole that a person can change; what depends on them is planned again. */
import type { Plan, ScheduleName } from "../model/plan";

/** What is not there stays as it is, as far as it can. */
export interface PlanChange {
  /** Samples of the global batch. */
  readonly batch?: number;
  readonly microbatches?: number;
  /** Replicas. More stages leave fewer of them, and the other way round: all devices of the cluster are used. */
  readonly dataParallel?: number;
  /** Of each chain. */
  readonly stages?: number;
  readonly schedule?: ScheduleName;
  /** Forward passes ahead per stage to come, for "1f1b". */
  readonly warmup?: number;
  readonly recompute?: boolean;
}

/** The change without what the plan has already. */
export function onlyChanges(plan: Plan, change: PlanChange): PlanChange {
  const now: PlanChange = {
    batch: plan.batch.global, microbatches: plan.batch.microbatches, dataParallel: plan.dataParallel, stages: plan.chains[0].stages.length,
    schedule: plan.schedule.name, warmup: plan.schedule.warmup ?? 1, recompute: plan.recompute ?? false,
  };
  return Object.fromEntries(Object.entries(change).filter(([name, value]) => value !== undefined && value !== now[name as keyof PlanChange]));
}
