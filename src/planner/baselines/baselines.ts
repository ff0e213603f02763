/** What a plan is judged against: common methods on the same costs, each at its own best stages and micro-batches, nothing filled. */
import { UserError } from "../../model/errors";
import type { Plan, ScheduleName } from "../../model/plan";
import type { Context } from "../../simulate/context";
import type { PlanBase } from "../search/candidates";
import { searchPlan, type SearchHooks } from "../search/search";

export type Method = "DDP" | "GPipe" | "1F1B" | "interleaved 1F1B" | "Chimera" | "two directions";

export interface Baseline {
  readonly name: Method;
  /** Its best plan, or why there is none. */
  readonly result: Plan | { readonly reason: string };
}

const scheduleOf: Readonly<Record<Method, ScheduleName>> = { DDP: "ddp", GPipe: "gpipe", "1F1B": "1f1b", "interleaved 1F1B": "interleaved", Chimera: "chimera", "two directions": "bidirectional" };

/** Those that are quickly searched. */
export const commonMethods: readonly Method[] = ["DDP", "GPipe", "1F1B"];

/** Every method that a profile's chains can have. */
export function allMethods({ workload }: Context): readonly Method[] {
  return [...commonMethods, "interleaved 1F1B", "Chimera", ...(workload.chains.length > 1 ? ["two directions" as const] : [])];
}

/** @throws Cancelled when `signal` fired. */
export async function baselines(base: PlanBase, globalBatch: number, context: Context, methods: readonly Method[], hooks: SearchHooks = {}): Promise<readonly Baseline[]> {
  const found: Baseline[] = [];
  for (const name of methods) {
    try {
      const { plan } = await searchPlan(base, { globalBatch, schedules: [scheduleOf[name]], fill: false }, context, hooks);
      found.push({ name, result: plan });
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      found.push({ name, result: { reason: error.message } });
    }
  }
  return found;
}
