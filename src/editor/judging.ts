/** Answers a view's questions about how good its plan is: with the planner, its searches in a worker, each searched once for the same inputs. */
import type { Alternatives } from "../app/alternatives";
import type { Searches } from "../app/searchWorker";
import { whySlow } from "../app/whySlow";
import { Cancelled, messageOf, UserError } from "../model/errors";
import type { Plan } from "../model/plan";
import { contextFor } from "../plan/overrides";
import { predictedFigures } from "../plan/predict";
import { validatePlan } from "../plan/validate";
import { planBound } from "../planner/fill/bound";
import type { SearchHooks } from "../planner/search/search";
import type { Answer, AnswerTo, Ask, Figures, Other } from "../protocol/judging";
import type { HostMessage } from "../protocol/messages";
import type { Context } from "../simulate/context";
import { alternativeRows, comparedWith, figuresOf, worthOf, type OtherPlan } from "./judgedPlans";
import { KnownBaselines } from "./knownBaselines";
import type { PlanInputs } from "./planInputs";

export type PlanSearches = Pick<Searches, "alternativesTo" | "baselines">;

export interface JudgingServices {
  readonly post: (message: HostMessage) => void;
  readonly log: (message: string) => void;
  readonly searches: () => Promise<PlanSearches>;
  /** Another plan of the workspace, chosen by the user; undefined where none was. */
  readonly chooseOther: () => Promise<OtherPlan | undefined>;
  /** The plan as it was last saved, while the document differs from it. */
  readonly savedPlan: () => Promise<Plan | undefined>;
}

/** The document's plan as the view knows it. */
export interface JudgedPlan {
  readonly version: number;
  readonly plan: Plan;
  readonly inputs: PlanInputs;
}

/** The document is left this long before its bound is worked out. */
const quietMs = 60;

export class Judging {
  private current?: JudgedPlan;
  private alternatives?: { readonly key: string; readonly found: Alternatives };
  private readonly baselines: KnownBaselines;
  private last?: OtherPlan;
  private quiet?: NodeJS.Timeout;
  private readonly running = new Map<number, AbortController>();

  constructor(private readonly services: JudgingServices) {
    this.baselines = new KnownBaselines(services.searches);
  }

  /** The document changed; undefined where its text is no plan. */
  now(current: JudgedPlan | undefined): void {
    this.current = current;
    this.tellStanding();
  }

  /** What the plan is held against may have changed: posts it anew in a moment. */
  tellStanding(): void {
    clearTimeout(this.quiet);
    if (this.current) this.quiet = setTimeout(() => void this.postStanding(), quietMs);
  }

  async answer(id: number, ask: Ask): Promise<void> {
    const abort = new AbortController();
    this.running.set(id, abort);
    const { post, log } = this.services;
    try {
      const answer = await this.answerTo(ask, { signal: abort.signal, onProgress: (done, total) => post({ type: "progress", id, done, total }) });
      post({ type: "reply", id, ...(answer && { answer }) });
    } catch (error) {
      if (error instanceof Cancelled) return post({ type: "reply", id });
      if (!(error instanceof UserError)) log(`A question about a plan (${ask.kind}) failed: ${messageOf(error)}`);
      post({ type: "reply", id, error: messageOf(error) });
    } finally {
      this.running.delete(id);
    }
  }

  cancel(id: number): void {
    this.running.get(id)?.abort();
  }

  dispose(): void {
    clearTimeout(this.quiet);
    for (const abort of this.running.values()) abort.abort();
  }

  private async answerTo(ask: Ask, hooks: SearchHooks): Promise<Answer | undefined> {
    if (ask.kind === "bound") return { kind: "bound", boundMs: boundOf(ask.plan, contextLike(this.at(), ask.plan)) };
    const judged = this.at(ask.version);
    const { plan, inputs } = judged;
    switch (ask.kind) {
      case "why": return whySlow(plan, inputs.context);
      case "worth": return worthOf(await this.baselines.all(judged, hooks), plan, inputs.context);
      case "alternatives": return alternativeRows(await this.alternativesOf(judged, hooks), inputs.context);
      case "alternative": return { kind: "alternative", plan: await this.planOfRow(judged, ask.row, hooks) };
      case "compare": return this.compare(judged, ask, hooks);
    }
  }

  /** @throws UserError where the plan is another by now. */
  private at(version?: number): JudgedPlan {
    if (!this.current || (version !== undefined && this.current.version !== version)) throw new UserError("The plan has changed meanwhile; ask again.");
    return this.current;
  }

  private async alternativesOf({ plan, inputs }: JudgedPlan, hooks: SearchHooks): Promise<Alternatives> {
    const key = keyOf(plan, inputs);
    if (this.alternatives?.key === key) return this.alternatives.found;
    const found = await (await this.services.searches()).alternativesTo(plan, inputs.context, hooks);
    this.alternatives = { key, found };
    this.tellStanding();
    return found;
  }

  private async planOfRow(judged: JudgedPlan, row: number, hooks: SearchHooks): Promise<Plan> {
    const { simulated } = await this.alternativesOf(judged, hooks);
    const plan = simulated[row]?.plan;
    if (!plan) throw new UserError("Of this row no more than its figures are known.");
    return plan;
  }

  private async compare(judged: JudgedPlan, { other, iterations }: Extract<Ask, { readonly kind: "compare" }>, hooks: SearchHooks): Promise<AnswerTo<"compare"> | undefined> {
    const found = await this.otherOf(judged, other, hooks);
    if (!found) return undefined;
    this.last = found;
    return comparedWith(found, judged.plan, judged.inputs.context, iterations);
  }

  private async otherOf(judged: JudgedPlan, other: Other, hooks: SearchHooks): Promise<OtherPlan | undefined> {
    const { context } = judged.inputs;
    switch (other.of) {
      case "same": return this.last;
      case "file": return this.services.chooseOther();
      case "baseline": return this.baselines.plan(other.name, judged, hooks);
      case "alternative": return { name: `row ${other.row + 1}`, subject: `Row ${other.row + 1}`, plan: await this.planOfRow(judged, other.row, hooks), context };
      case "saved": {
        const plan = await this.services.savedPlan();
        if (!plan) throw new UserError("The plan is as it was last saved.");
        return { name: "saved", subject: "The saved plan", plan, context: contextLike(judged, plan) };
      }
    }
  }

  private async postStanding(): Promise<void> {
    const judged = this.current;
    if (!judged) return;
    const { plan, inputs, version } = judged;
    const saved = await this.savedFigures(judged);
    if (judged !== this.current) return;
    const best = this.alternatives?.key === keyOf(plan, inputs) ? figuresOf(this.alternatives.found.best) : undefined;
    const boundMs = this.attempt(() => boundOf(plan, inputs.context));
    this.services.post({ type: "standing", version, standing: { ...(boundMs !== undefined && { boundMs }), ...(saved && { saved }), ...(best && { best }) } });
  }

  /** With the inputs as they are now, as all that is shown. */
  private async savedFigures(judged: JudgedPlan): Promise<Figures | undefined> {
    const plan = await this.services.savedPlan();
    return plan && this.attempt(() => {
      const context = contextLike(judged, plan);
      validatePlan(plan, context.workload, context.devices.length);
      return figuresOf(predictedFigures(plan, context));
    });
  }

  /** What cannot be had is left out. */
  private attempt<T>(figure: () => T): T | undefined {
    try {
      return figure();
    } catch (error) {
      if (!(error instanceof UserError)) this.services.log(`A figure of a plan could not be had: ${messageOf(error)}`);
      return undefined;
    }
  }
}

/** What alternatives depend on: of the plan nothing but what all of them share. */
function keyOf(plan: Plan, { sha256 }: PlanInputs): string {
  return JSON.stringify([sha256, plan.batch.global, plan.optimizer, plan.training, overridesOf(plan)]);
}

function overridesOf({ selfConditioning, frozenPrecision }: Plan) {
  return { selfConditioning, frozenPrecision };
}

/** What another plan of the same inputs is simulated with. @throws UserError as `contextFor`. */
function contextLike({ plan, inputs: { profile, cluster, context } }: JudgedPlan, other: Plan): Context {
  return JSON.stringify(overridesOf(plan)) === JSON.stringify(overridesOf(other)) ? context : contextFor(other, profile, cluster);
}

/** @throws UserError where the plan does not fit its inputs. */
function boundOf(plan: Plan, context: Context): number {
  validatePlan(plan, context.workload, context.devices.length);
  return planBound(plan, context);
}
