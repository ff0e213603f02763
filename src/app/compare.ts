/** Use-case: a plan beside the common methods, each at its best, on the same costs. */
import type { Predicted, ScheduleName } from "../model/plan";
import { fillReport, type FillReport } from "../plan/fillReport";
import { predictedFigures } from "../plan/predict";
import { validatePlan } from "../plan/validate";
import type { Files } from "../platform/files";
import { allMethods, baselines, commonMethods, type Baseline, type Method } from "../planner/baselines/baselines";
import { cachedBytesPerSample } from "../planner/baselines/cached";
import { ablation, explainPeriod, type AblationRow, type Explanation } from "../planner/explain/explain";
import { differenceOf, type PlanDifference } from "../planner/explain/difference";
import type { SearchHooks } from "../planner/search/search";
import type { Plan } from "../model/plan";
import type { Context } from "../simulate/context";
import { openPlan } from "./planFiles";

export interface ComparedPlan {
  readonly schedule: ScheduleName;
  readonly stages: number;
  readonly microbatches: number;
  readonly dataParallel: number;
  readonly predicted: Predicted;
}

export interface Comparison {
  readonly plan: ComparedPlan;
  readonly fills: FillReport;
  readonly baselines: readonly {
    readonly name: Baseline["name"];
    readonly best?: ComparedPlan;
    /** Why there is no plan of this kind. */
    readonly reason?: string;
    /** The baseline's period over the plan's: above 1 the plan is faster. */
    readonly speedUp?: number;
  }[];
  /** One sentence: what is fastest here. */
  readonly verdict: string;
  /** What caching the encodings on disk would gain, and what it asks for. */
  readonly caching?: string;
}

/** With why the plan takes as long as it does. */
export interface ExplainedComparison extends Comparison {
  readonly explanation: Explanation;
  /** On request. */
  readonly ablation?: readonly AblationRow[];
}

/** Compares the plan in `file`. @param ablated Whether parts of its filling are taken away in turn. @throws UserError, Cancelled. */
export async function comparePlan(files: Files, file: string, hooks: SearchHooks = {}, ablated = false): Promise<ExplainedComparison> {
  const { plan, context } = await openValid(files, file);
  const comparison = await compare(plan, context, hooks, allMethods(context));
  return { ...comparison, explanation: explainPeriod(plan, context), ...(ablated && { ablation: ablation(plan, context) }) };
}

/** What the plan in `other` decides differently from the one in `file`, and what that costs. @throws UserError. */
export async function comparePlans(files: Files, file: string, other: string): Promise<PlanDifference> {
  const [here, there] = [await openValid(files, file), await openValid(files, other)];
  return differenceOf(here.plan, there.plan, { here: here.context, there: there.context });
}

async function openValid(files: Files, file: string): Promise<{ readonly plan: Plan; readonly context: Context }> {
  const { plan, context } = await openPlan(files, file);
  validatePlan(plan, context.workload, context.devices.length, file);
  return { plan, context };
}

/** Compares a plan that fits `context` already. @param methods By default those that are quickly searched. @throws Cancelled. */
export async function compare(plan: Plan, context: Context, hooks: SearchHooks = {}, methods: readonly Method[] = commonMethods): Promise<Comparison> {
  return comparisonWith(await baselines(plan, plan.batch.global, context, methods, hooks), plan, context);
}

/** The same with baselines that are known already. */
export function comparisonWith(found: readonly Baseline[], plan: Plan, context: Context): Comparison {
  const own = compared({ ...plan, predicted: predictedFigures(plan, context) });
  const rows = found.map(({ name, result }) =>
    "reason" in result ? { name, reason: result.reason } : { name, best: compared(result), speedUp: result.predicted.periodMs / own.predicted.periodMs },
  );
  const caching = cachingOf(rows, context);
  return { plan: own, fills: fillReport(plan, context), baselines: rows, verdict: verdictOf(rows), ...(caching !== undefined && { caching }) };
}

function compared(plan: Plan): ComparedPlan {
  const { schedule, batch, dataParallel, chains, predicted } = plan;
  return { schedule: schedule.name, stages: chains[0].stages.length, microbatches: batch.microbatches, dataParallel, predicted };
}

/** Cached encodings are another kind of training, so they are judged apart from the methods that run the frozen components. */
function verdictOf(rows: Comparison["baselines"]): string {
  const fastest = rows.filter(({ name }) => name !== "cached encodings").reduce<Comparison["baselines"][number] | undefined>((best, row) => ((row.speedUp ?? Infinity) < (best?.speedUp ?? Infinity) ? row : best), undefined);
  if (fastest?.speedUp === undefined) return "No baseline fits; there is nothing to compare with.";
  if (fastest.speedUp < 1 - 1e-6) return `${fastest.name} would be faster than this plan: ${(1 / fastest.speedUp).toFixed(3)} times, by this simulation.`;
  return `This plan is the fastest, ${fastest.speedUp.toFixed(3)} times as fast as the best baseline (${fastest.name}), by this simulation.`;
}

/** What caching gains and asks for; nothing where it was not compared or gains nothing. */
function cachingOf(rows: Comparison["baselines"], context: Context): string | undefined {
  const speedUp = rows.find(({ name }) => name === "cached encodings")?.speedUp;
  if (speedUp === undefined || speedUp >= 1 - 1e-6) return undefined;
  const read = context.cluster.diskGBps === undefined ? "reading is not counted, since the cluster file has no diskGBps" : "reading is counted";
  return `If images and captions are the same in every epoch, caching their encodings on disk once would be ${(1 / speedUp).toFixed(3)} times as fast as this plan, for ${(cachedBytesPerSample(context) / 1e6).toFixed(2)} MB on disk per sample; ${read}.`;
}
