/** The search for the best plan: every candidate that its bound does not rule out is cut, refined, filled and simulated. */
import { Cancelled } from "../../model/errors";
import { scheduleNames, type Plan, type Predicted } from "../../model/plan";
import { predictedFigures } from "../../plan/predict";
import { runnable } from "../../plan/runnable";
import { dependsOnTimes } from "../../schedule/generators";
import type { Context } from "../../simulate/context";
import { firstCuts, withCuts } from "../cuts";
import { leastFrozenMs } from "../fill/bound";
import { afterPasses, bestFills, fillPlan, quicklyUnfilledMs, withoutFilling, type Filled } from "../fill/fill";
import { refine } from "../partition/refine";
import { usableBytes } from "../partition/stageCosts";
import { balancedPlan, orderCost, type Balanced } from "./balanced";
import { boundsWith, type Bounds } from "./bounds";
import { candidatesOf, isRunnable, tightened, type Candidate, type PlanBase, type SearchSpace } from "./candidates";
import { nothingFits, nothingToSearch } from "./noPlan";
import { inTurn } from "./turns";

/** A candidate and what became of it. */
export interface Row extends Candidate {
  /** "not tried": others looked better, and there was no more time. */
  readonly status: "simulated" | "not tried" | "pruned" | "does not fit";
  readonly predicted?: Predicted;
  /** Whether today's trainer runs it, of those that were simulated. */
  readonly runnable?: boolean;
  /** For one that does not fit: bytes by which the fullest device misses it. */
  readonly missingBytes?: number;
}

export interface SearchResult {
  readonly plan: Plan;
  /** Where the plan has to be one that the trainer runs: the fastest of all, if that is another. */
  readonly faster?: Plan;
  /** Every candidate: simulated ones by period, then those that were not tried and the pruned by their bound, then those that don't fit. */
  readonly rows: readonly Row[];
}

export interface SearchHooks {
  readonly signal?: AbortSignal;
  readonly onProgress?: (done: number, total: number, bestMs: number | undefined) => void;
  /** Called with each plan that is better than all before. */
  readonly onBest?: (plan: Plan) => void;
  /** Called once the usual schedules have been searched and others are still to come: with the best plan by then. */
  readonly onUsual?: (plan: Plan) => void;
  /** Called with the plan of each row that is simulated; the result holds the same row. */
  readonly onSimulated?: (row: Row, plan: Plan) => void;
}

/** `searchPlan`, or whatever stands in for it elsewhere. */
export type SearchPlan = (base: PlanBase, space: SearchSpace, context: Context, hooks?: SearchHooks) => Promise<SearchResult>;

/**
 * The plan with the shortest period; of equal ones (within a millionth) the one with the lower peak memory, then the simpler schedule.
 * @throws UserError when no candidate exists or none fits memory, Cancelled when `signal` fired.
 */
export async function searchPlan(base: PlanBase, space: SearchSpace, context: Context, hooks: SearchHooks = {}): Promise<SearchResult> {
  const bounds = boundsWith(context, base.optimizer.gradDtype, space.fill);
  const rows: Row[] = [];
  const best: Best = {};
  const { usual = space.schedules } = space;
  const tiers = [
    { schedules: space.schedules.filter((name) => usual.includes(name)), effort: Infinity },
    { schedules: space.schedules.filter((name) => !usual.includes(name)), effort: space.effort ?? Infinity },
  ].map(({ schedules, effort }) => ({ own: { ...space, schedules }, effort, candidates: candidatesOf({ ...space, schedules }, context, bounds) }));
  let total = tiers.reduce((count, { candidates }) => count + candidates.length, 0);
  for (const [index, { own, effort, candidates }] of tiers.entries()) {
    const first = best.run ?? best.fastest;
    if (index > 0 && candidates.length > 0 && first) hooks.onUsual?.(first);
    const seen = rows.length;
    const spent = await improve(best, base, own, candidates, bounds, context, hooks, rows, total, effort);
    // Computing activations again costs a forward pass for each backward one, which a shape that fits in no other way may be worth.
    if (!rows.slice(seen).some(({ status }) => status === "does not fit")) continue;
    const again = candidatesOf(own, context, bounds, true);
    total += again.length;
    await improve(best, base, own, again, bounds, context, hooks, rows, total, effort - spent);
  }
  if (rows.length === 0) throw nothingToSearch(space, context);
  const plan = best.run ?? best.fastest;
  if (!plan) throw nothingFits(rows, context);
  rows.sort(byRank);
  return best.fastest && isFaster(best.fastest, plan) ? { plan, faster: best.fastest, rows } : { plan, rows };
}

/** The best plans so far. */
interface Best {
  fastest?: Plan;
  /** Of those that the trainer runs, where the search looks for one. */
  run?: Plan;
}

/**
 * Looks for plans that are better than the `best`, the lowest bounds first, until `effort` has been spent; what became of each
 * candidate is added to `rows`.
 * @param total Candidates of the whole search. @returns the effort spent. @throws Cancelled
 */
async function improve(best: Best, base: PlanBase, space: SearchSpace, candidates: readonly Candidate[], bounds: Bounds, context: Context, hooks: SearchHooks, rows: Row[], total: number, effort: number): Promise<number> {
  let spent = 0;
  const isRun = (candidate: Candidate) => space.prefersRunnable === true && isRunnable(candidate, base, context.workload);
  const toBeatMs = (candidate: Candidate) => (isRun(candidate) ? best.run : best.fastest)?.predicted.periodMs ?? Infinity;
  const add = (row: Row) => {
    rows.push(row);
    hooks.onProgress?.(rows.length, total, (best.run ?? best.fastest)?.predicted.periodMs);
  };
  const follow = async (candidate: Candidate) => {
    await new Promise((resume) => setTimeout(resume)); // lets a cancel in
    if (hooks.signal?.aborted) throw new Cancelled("Planning was cancelled.");
    const { row, plan, operations = 0 } = evaluate(base, space, candidate, context, toBeatMs(candidate), effort < Infinity);
    spent += effortOf(candidate, context, operations, plan !== undefined);
    if (plan) {
      const isBest = !best.fastest || isBetter(plan, best.fastest);
      const isBestRun = isRun(candidate) && plan.runnable === true && (!best.run || isBetter(plan, best.run));
      if (isBest) best.fastest = plan;
      if (isBestRun) best.run = plan;
      if (isBestRun || (isBest && !best.run)) hooks.onBest?.(plan);
    }
    const whole: Row = { ...candidate, ...row };
    if (plan) hooks.onSimulated?.(whole, plan);
    add(whole);
  };
  // A plan at any cost is better than none.
  const isSpent = () => spent >= effort && best.fastest !== undefined;
  const tighten = (candidate: Candidate) => {
    if (isSpent()) return candidate;
    spent += boundEffort;
    return tightened(candidate, space, bounds, toBeatMs(candidate));
  };
  hooks.onProgress?.(rows.length, total, (best.run ?? best.fastest)?.predicted.periodMs);
  for (const candidate of inTurn(candidates, tighten, toBeatMs)) {
    if (candidate.boundMs > toBeatMs(candidate)) add({ ...candidate, status: "pruned" });
    else if (isSpent()) add({ ...candidate, status: "not tried" });
    else await follow(candidate);
  }
  return spent;
}

/** Of a tight bound, in operations simulated. */
const boundEffort = 500;

/** Starts of the partition, in operations simulated, for each stage and pair of layers. */
const effortPerStart = 1 / 40;

/** What a candidate has cost, in operations simulated. @param isWhole Whether a plan has been simulated with all replicas. */
function effortOf({ schedule, stages, microbatches, dataParallel }: Candidate, { workload }: Context, operations: number, isWhole: boolean): number {
  const starts = effortPerStart * stages * workload.chains.reduce((sum, { layers }) => sum + layers.length ** 2, 0);
  const whole = isWhole ? 20 * stages * microbatches * dataParallel : 0;
  return starts + whole + operations * (dependsOnTimes(schedule) ? orderCost : 1);
}

function isFaster(a: Plan, b: Plan): boolean {
  return a.predicted.periodMs < b.predicted.periodMs * (1 - 1e-6);
}

function isBetter(a: Plan, b: Plan): boolean {
  if (Math.abs(a.predicted.periodMs - b.predicted.periodMs) > 1e-6 * b.predicted.periodMs) return a.predicted.periodMs < b.predicted.periodMs;
  const more = Math.max(...a.predicted.peakMemoryBytes) - Math.max(...b.predicted.peakMemoryBytes);
  return more === 0 ? scheduleNames.indexOf(a.schedule.name) < scheduleNames.indexOf(b.schedule.name) : more < 0;
}

/** A candidate this many times as slow as the best so far after its quick filling is not followed up: other cuts and thorough filling gain less (1 % and 4 % at most in 25 candidates of the reference profiles). */
const hopeful = 1.06;

/** Cuts that are tried with frozen work in the bubbles, for one candidate. */
const filledTries = 24;

/** `operations`: simulated by trials. */
type Outcome = { readonly plan?: Plan; readonly operations?: number; readonly row: Pick<Row, "status" | "predicted" | "runnable" | "missingBytes"> & { readonly boundMs?: number } };

/** Part of the usual number of cuts that are simulated where the effort is limited. */
const limitedBudget = 1 / 10;

/** Then cuts tried with frozen work are fewer too, and a candidate has to come nearer to the best so far with its quick filling. */
const limited = { hopeful: 1.02, filledTries: 6 };

/** `toBeatMs`: a candidate that is seen to be slower on the way is not followed up. */
function evaluate(base: PlanBase, space: SearchSpace, candidate: Candidate, context: Context, toBeatMs: number, isLimited: boolean): Outcome {
  // Frozen work in one block comes on top of the passes, but for what it overlaps at their end.
  const blockMs = space.fill ? 0 : leastFrozenMs(context, Math.floor(space.globalBatch / context.devices.length));
  const begun = balancedPlan(base, space.globalBatch, candidate, context, toBeatMs - blockMs, space.fill, isLimited ? limitedBudget : 1);
  if ("missingBytes" in begun) return { row: { status: "does not fit", missingBytes: begun.missingBytes } };
  return { ...followedUp(begun, space, candidate, context, toBeatMs, isLimited), operations: begun.trials.operations() };
}

function followedUp(begun: Balanced, space: SearchSpace, candidate: Candidate, context: Context, toBeatMs: number, isLimited: boolean): Outcome {
  const { start, trials, balanced } = begun;
  const pruned = (periodMs: number): Outcome => ({ row: { status: "pruned", boundMs: Math.max(candidate.boundMs, periodMs) } });
  // Frozen work never shortens the passes, so the best cut without any is a bound for all.
  if (balanced.periodMs > toBeatMs) return pruned(balanced.periodMs);
  if (space.fill && begun.leastMs(balanced.cuts) > toBeatMs) return pruned(balanced.periodMs);
  const plan = withCuts(start, balanced.cuts);
  if (space.fill) {
    const tried = filledPlan(begun, space, context, toBeatMs, isLimited);
    if (typeof tried === "number" && tried < Infinity) return pruned(tried);
    const filled = typeof tried === "number" ? undefined : judged(tried, context);
    if (filled?.plan) return filled;
    // Fills hold activations and encodings of the next iteration: where there is no room for them, the passes alone may fit.
    const block = blockOf(plan, context, true);
    return block.plan || !filled ? block : filled;
  }
  const isBlock = space.blockAfterPasses === true;
  const periodMs = quicklyUnfilledMs(plan, context, trials);
  if (!isBlock && periodMs > toBeatMs * hopeful) return pruned(periodMs);
  return blockOf(plan, context, isBlock);
}

/** Frozen work in one block of each device: before its passes or, with `orAfter`, behind them for the next iteration, where that is better. */
function blockOf(plan: Plan, context: Context, orAfter: boolean): Outcome {
  const before = judged(withoutFilling(plan, context), context);
  if (!orAfter || context.workload.frozen.length === 0) return before;
  const after = judged(afterPasses(plan, context), context);
  return after.plan && (!before.plan || isBetter(after.plan, before.plan)) ? after : before;
}

function judged(filled: Filled, context: Context): Outcome {
  const { plan } = filled;
  const predicted = predictedFigures(plan, context, filled);
  const missing = Math.max(...predicted.peakMemoryBytes.map((bytes, rank) => bytes - usableBytes(context, rank)));
  if (missing > 0) return { row: { status: "does not fit", predicted, missingBytes: missing } };
  const isRun = runnable(plan, context.workload);
  return { plan: { ...plan, runnable: isRun, predicted }, row: { status: "simulated", predicted, runnable: isRun === true } };
}

/**
 * With frozen work in the bubbles another cut may be better than the one that is best without. Where the effort is limited and the
 * best filling that is quickly found is not hopeful, only its period; Infinity where none fits.
 */
function filledPlan({ start, trials, trainedMs, balanced }: Balanced, space: SearchSpace, context: Context, toBeatMs: number, isLimited: boolean): Filled | number {
  const { hopeful: near, filledTries: tries } = isLimited ? limited : { hopeful, filledTries };
  let leastMs = Infinity;
  let isGivenUp = false;
  const filledMs = (moved: readonly number[]) => {
    if (isGivenUp || trainedMs(moved) >= leastMs) return Infinity;
    const { periodMs } = bestFills(withCuts(start, moved), context, trials, false, space.fillSettings);
    leastMs = Math.min(leastMs, periodMs);
    isGivenUp = leastMs > toBeatMs * near && (isLimited || leastMs < Infinity);
    return periodMs;
  };
  const ends = firstCuts(start.chains.map(({ stages }) => stages.length)).slice(1);
  const hasFrozen = context.workload.frozen.length > 0;
  const plan = withCuts(start, hasFrozen ? refine(balanced.cuts, filledMs, tries, ends).cuts : balanced.cuts);
  const isHopeful = leastMs < toBeatMs * near;
  if (isLimited && hasFrozen) {
    if (!isHopeful) return leastMs;
    // Where pipelines meet on links, all of them together may take far longer than one.
    const quick = fillPlan(plan, context, false, space.fillSettings, trials, toBeatMs);
    if (quick.simulation.periodMs > toBeatMs * near) return quick;
  }
  return fillPlan(plan, context, isHopeful, space.fillSettings, trials, toBeatMs);
}

function byRank(a: Row, b: Row): number {
  const order = ["simulated", "not tried", "pruned", "does not fit"];
  return order.indexOf(a.status) - order.indexOf(b.status) || (a.predicted?.periodMs ?? a.boundMs) - (b.predicted?.periodMs ?? b.boundMs);
}
