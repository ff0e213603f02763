/** Use-case: what else could be done with a plan's profile, cluster and batch: candidates of every schedule by rank, the best with their whole plans. */
import { UserError } from "../model/errors";
import type { Plan, Predicted, ScheduleName } from "../model/plan";
import type { SearchSpace } from "../planner/search/candidates";
import { searchPlan, type Row, type SearchHooks } from "../planner/search/search";
import type { Context } from "../simulate/context";
import { usualSearch } from "./plan";

export interface Alternatives {
  /** The figures of the plan that the planner would choose: the fastest, of those that the trainer runs if it runs any. */
  readonly best: Predicted;
  /** Candidates that were simulated, the shortest period first; the best of them with their plans. */
  readonly simulated: readonly { readonly row: Row; readonly plan?: Plan }[];
  /** Candidates of which no more than a bound is known. */
  readonly left: { readonly pruned: number; readonly notTried: number; readonly doNotFit: number };
}

/** Rows that keep their plans: more than anyone looks through, and few enough to be handed on. */
const mostKept = 48;

/**
 * Each schedule is searched by itself: candidates are then ruled out by better ones of their own schedule only, and what
 * another schedule takes in time and memory can be seen.
 * @param plan Its references, batch, optimizer and training are those of every alternative; its decisions are not looked at.
 * @throws UserError where nothing fits, Cancelled.
 */
export async function alternativesTo(plan: Plan, context: Context, hooks: SearchHooks = {}): Promise<Alternatives> {
  const { model, profile, cluster, optimizer, training, batch } = plan;
  const plans = new Map<Row, Plan>();
  const onSimulated = (row: Row, found: Plan) => plans.set(row, found);
  const rows: Row[] = [];
  let refused: UserError | undefined;
  let unfit = 0;
  const spaces = spacesOf(context);
  for (const [index, space] of spaces.entries()) {
    let candidates = 0;
    const onProgress = (done: number, total: number) => {
      candidates = total;
      hooks.onProgress?.(Math.round(stepsPerSchedule * (index + (total > 0 ? done / total : 0))), stepsPerSchedule * spaces.length, undefined);
    };
    try {
      rows.push(...(await searchPlan({ model, profile, cluster, optimizer, training }, { globalBatch: batch.global, ...space, fill: true }, context, { signal: hooks.signal, onProgress, onSimulated })).rows);
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      refused = error;
      unfit += candidates;
    }
  }
  const simulated = rows.flatMap((row) => (row.status === "simulated" && row.predicted ? [{ row, predicted: row.predicted, plan: plans.get(row) }] : [])).sort((a, b) => a.predicted.periodMs - b.predicted.periodMs);
  const best = simulated.find(({ row }) => row.runnable) ?? simulated[0];
  if (!best) throw refused ?? new UserError("There is no plan for this batch on this cluster.");
  const count = (status: Row["status"]) => rows.filter((row) => row.status === status).length;
  return {
    best: best.predicted,
    simulated: simulated.map(({ row, plan: own }, rank) => ({ row, ...(rank < mostKept && { plan: own }) })),
    left: { pruned: count("pruned"), notTried: count("not tried"), doNotFit: count("does not fit") + unfit },
  };
}

/** Steps of progress that one schedule counts for. */
const stepsPerSchedule = 100;

/** What the usual search does, a schedule at a time; what it spends on all unusual ones together is shared out. */
function spacesOf(context: Context): readonly Pick<SearchSpace, "schedules" | "usual" | "effort">[] {
  const { schedules, usual = schedules, effort = Infinity } = usualSearch(context);
  const unusual = schedules.filter((name) => !usual.includes(name));
  return schedules.map((name: ScheduleName) => (usual.includes(name) ? { schedules: [name] } : { schedules: [name], usual: [], effort: effort / unusual.length }));
}
