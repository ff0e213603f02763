/** The planner from where a person has got to: a better plan that keeps what is pinned. */
import { Cancelled, UserError } from "../../model/errors";
import { scheduleNames, type Plan } from "../../model/plan";
import { boundaryPin, isPinned } from "../../plan/pins";
import type { Context } from "../../simulate/context";
import { cutsOf, firstCuts, withCuts } from "../cuts";
import { bestFills } from "../fill/fill";
import { refine, simulationBudget } from "../partition/refine";
import type { SearchSpace } from "../search/candidates";
import { searchPlan, type SearchHooks, type SearchPlan } from "../search/search";
import { trialsOf } from "../trials";
import { refilled } from "./change";

/** Better by less than this share is not better. */
const leastGain = 1e-6;

/** Cuts that are tried with frozen work in the bubbles. */
const filledTries = 24;

/**
 * The fastest of: the plan with its free boundaries moved and its free fills made anew; and, where no boundary is pinned, the best
 * plan of a search that keeps the pinned decisions. Undefined where neither is faster than the plan.
 * @param usual Which schedules are searched, and how far. @throws UserError where pinned fills cannot stay; Cancelled.
 */
export async function improvedPlan(plan: Plan, context: Context, usual: Pick<SearchSpace, "schedules" | "usual" | "effort" | "prefersRunnable">, hooks: SearchHooks = {}, search: SearchPlan = searchPlan): Promise<Plan | undefined> {
  const found = [localBest(plan, context)];
  if (hooks.signal?.aborted) throw new Cancelled("Planning was cancelled.");
  if (!hasPinnedBoundary(plan)) {
    const space: SearchSpace = {
      globalBatch: plan.batch.global,
      ...(isPinned(plan, "schedule") ? { schedules: scheduleNames.filter((name) => name === plan.schedule.name) } : usual),
      ...(isPinned(plan, "stages") && { stages: plan.chains[0].stages.length }),
      ...(isPinned(plan, "microbatches") && { microbatches: plan.batch.microbatches }),
      fill: plan.fills.some(({ iteration = 1 }) => iteration === 1),
    };
    const { plan: best } = await search(plan, space, context, hooks);
    found.push(...(plan.fills.some(({ pinned }) => pinned) ? keptFills(plan, best, context) : [best]));
  }
  const { recompute: _, ...rest } = plan;
  const kept = found.map((better): Plan => ({ ...rest, ...better, ...(plan.pins && { pins: plan.pins }) }));
  const fastest = kept.reduce((best, one) => (one.predicted.periodMs < best.predicted.periodMs ? one : best));
  return fastest.predicted.periodMs < plan.predicted.periodMs * (1 - leastGain) ? fastest : undefined;
}

/** The searched plan with the pinned fills; none where it has no place for them. */
function keptFills(plan: Plan, best: Plan, context: Context): readonly Plan[] {
  try {
    return [refilled(plan, best, context)];
  } catch (error) {
    if (error instanceof UserError) return [];
    throw error;
  }
}

function hasPinnedBoundary({ chains, pins = [] }: Plan): boolean {
  return chains.some(({ id, stages }) => stages.some((_, stage) => pins.includes(boundaryPin(id, stage))));
}

/** The plan's own shape with its free boundaries where they are best with frozen work in the bubbles. */
function localBest(plan: Plan, context: Context): Plan {
  const start: Plan = { ...plan, fills: [] };
  const trials = trialsOf(start, context);
  const first = firstCuts(plan.chains.map(({ stages }) => stages.length));
  const pinned = plan.chains.flatMap(({ id, stages }, c) => stages.flatMap((_, stage) => (isPinned(plan, boundaryPin(id, stage)) ? [first[c] + stage + 1] : [])));
  const fixed = [...first.slice(1), ...pinned];
  const passesMs = (cuts: readonly number[]) => (trials.excessBytes(cuts) <= 0 ? trials.passesMs(cuts) : Infinity);
  const budget = simulationBudget({ stages: plan.chains[0].stages.length, microbatches: plan.batch.microbatches, dataParallel: plan.dataParallel });
  let cuts = refine(cutsOf(plan), passesMs, budget, fixed).cuts;
  const isFilled = context.workload.frozen.length > 0 && plan.fills.some(({ iteration = 1 }) => iteration === 1);
  if (isFilled) cuts = refine(cuts, (moved) => (passesMs(moved) < Infinity ? bestFills(withCuts(start, moved), context, trials, false).periodMs : Infinity), filledTries, fixed).cuts;
  return refilled(plan, withCuts(start, cuts), context);
}
