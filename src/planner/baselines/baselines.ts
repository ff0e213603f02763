/** What a plan is judged against: common methods on the same costs, each at its own best stages and micro-batches, nothing filled. */
import { UserError } from "../../model/errors";
import type { Plan, ScheduleName } from "../../model/plan";
import type { Context } from "../../simulate/context";
import type { PlanBase } from "../search/candidates";
import { searchPlan, type SearchHooks } from "../search/search";

export interface Baseline {
  readonly name: "DDP" | "GPipe" | "1F1B";
  /** Its best plan, or why there is none. */
  readonly result: Plan | { readonly reason: string };
}

const methods: readonly (readonly [Baseline["name"], ScheduleName])[] = [["DDP", "ddp"], ["GPipe", "gpipe"], ["1F1B", "1f1b"]];

/** @throws Cancelled when `signal` fired. */
export async function baselines(base: PlanBase, globalBatch: number, context: Context, hooks: SearchHooks = {}): Promise<readonly Baseline[]> {
  const found: Baseline[] = [];
  for (const [name, schedule] of methods) {
    try {
      const { plan } = await searchPlan(base, { globalBatch, schedules: [schedule], fill: false }, context, hooks);
      found.push({ name, result: plan });
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      found.push({ name, result: { reason: error.message } });
    }
  }
  return found;
}
