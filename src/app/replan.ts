/** Use-case: what a person asks to have planned again of an open plan. */
import { UserError } from "../model/errors";
import type { Plan } from "../model/plan";
import { changedPlan, refilled, repairedPlan } from "../planner/replan/change";
import { improvedPlan } from "../planner/replan/improve";
import type { SearchHooks } from "../planner/search/search";
import type { Replan } from "../protocol/messages";
import type { Context } from "../simulate/context";
import { usualSearch } from "./plan";

/** @throws UserError where it cannot be done, or nothing better was found; Cancelled. */
export async function replan(plan: Plan, request: Replan, context: Context, hooks: SearchHooks = {}): Promise<Plan> {
  switch (request.kind) {
    case "change": return changedPlan(plan, request.change, context);
    case "refill": return refilled(plan, plan, context);
    case "repair": return repairedPlan(plan, context);
    case "improve": {
      const better = await improvedPlan(plan, context, usualSearch(context), hooks);
      if (!better) throw new UserError("Nothing better was found that keeps what is pinned.");
      return better;
    }
  }
}
