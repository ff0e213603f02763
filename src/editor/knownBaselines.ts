/** Every common method at its best, searched one by one when it is first asked for and again only when what it depends on changes. */
import { UserError } from "../model/errors";
import { allMethods, type Baseline, type Method } from "../planner/baselines/baselines";
import { withoutFrozenWork } from "../planner/baselines/cached";
import type { SearchHooks } from "../planner/search/search";
import type { JudgedPlan, PlanSearches } from "./judging";
import type { OtherPlan } from "./judgedPlans";

/** Steps of progress that one method counts for. */
const stepsPerMethod = 100;

export class KnownBaselines {
  private key = "";
  private known = new Map<Method, Baseline>();

  constructor(private readonly searches: () => Promise<PlanSearches>) {}

  /** Those found before a cancel are kept. @throws Cancelled, and what the search throws. */
  async all(judged: JudgedPlan, hooks: SearchHooks): Promise<readonly Baseline[]> {
    const methods = allMethods(judged.inputs.context);
    const found: Baseline[] = [];
    for (const [index, method] of methods.entries()) {
      const onProgress = (done: number, total: number) => hooks.onProgress?.(Math.round(stepsPerMethod * (index + (total > 0 ? done / total : 0))), stepsPerMethod * methods.length, undefined);
      found.push(await this.of(method, judged, { ...hooks, onProgress }));
    }
    return found;
  }

  /** The plan of a method, to be laid beside another. @throws UserError where there is none. */
  async plan(name: string, judged: JudgedPlan, hooks: SearchHooks): Promise<OtherPlan> {
    const { context } = judged.inputs;
    const method = allMethods(context).find((other) => other === name);
    if (!method) throw new UserError(`There is no method "${name}" for this model.`);
    const { result } = await this.of(method, judged, hooks);
    if ("reason" in result) throw new UserError(result.reason);
    const own = { name, subject: `${name} at its best`, plan: result };
    return method === "cached encodings" ? { ...own, context: withoutFrozenWork(context), note: "The frozen components do not run while it trains; reading what they made once is not in its timeline." } : { ...own, context };
  }

  private async of(method: Method, { plan, inputs }: JudgedPlan, hooks: SearchHooks): Promise<Baseline> {
    const key = JSON.stringify([inputs.sha256, plan.batch.global, plan.optimizer, plan.recompute, plan.selfConditioning, plan.frozenPrecision]);
    if (key !== this.key) this.known = new Map();
    this.key = key;
    const { known } = this;
    const found = known.get(method) ?? (await (await this.searches()).baselines(plan, inputs.context, [method], hooks))[0];
    known.set(method, found);
    return found;
  }
}
