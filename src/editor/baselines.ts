/** Baselines for the views: searched when they are first asked for, and again only when what they depend on changes. */
import type { Comparison } from "../app/compare";
import type { Plan } from "../model/plan";
import type { BaselineFigures } from "../protocol/messages";
import type { Context } from "../simulate/context";
import type { PlanInputs } from "./planInputs";

/** `compare` of the use-cases, handed in. */
export type Compare = (plan: Plan, context: Context, hooks: { readonly signal: AbortSignal }) => Promise<Comparison>;

const titles: Readonly<Record<string, string>> = { "1F1B": "1F1B, no filling" };

export class Baselines {
  private key = "";
  private found?: Promise<readonly BaselineFigures[]>;
  private abort = new AbortController();

  constructor(private readonly compare: Compare) {}

  /** Where stages are cut and what fills their bubbles does not matter to them. @throws what the search throws; Cancelled when it was overtaken. */
  of(plan: Plan, inputs: PlanInputs): Promise<readonly BaselineFigures[]> {
    const key = JSON.stringify([inputs.sha256, plan.batch.global, plan.optimizer, plan.recompute]);
    if (key === this.key && this.found) return this.found;
    this.dispose();
    this.key = key;
    this.abort = new AbortController();
    this.found = this.search(plan, inputs.context, this.abort.signal);
    return this.found;
  }

  dispose(): void {
    this.abort.abort();
  }

  private async search(plan: Plan, context: Context, signal: AbortSignal): Promise<readonly BaselineFigures[]> {
    const { baselines } = await this.compare(plan, context, { signal });
    return baselines.map(({ name, best, reason }) => ({
      title: titles[name] ?? name,
      ...(best && { periodMs: best.predicted.periodMs }),
      note: best ? `${best.stages} ${best.stages === 1 ? "stage" : "stages"}, ${best.microbatches} micro-batches, ${best.dataParallel} replicas` : (reason ?? "cannot be had"),
    }));
  }
}
