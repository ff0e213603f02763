/** What a plan is judged against: known methods on the same costs, each searched as a plan is, with frozen work in one block before the passes or after them. */
import { UserError } from "../../model/errors";
import { scheduleNames, type Plan, type ScheduleName } from "../../model/plan";
import type { Context } from "../../simulate/context";
import type { PlanBase } from "../search/candidates";
import { searchPlan, type SearchHooks } from "../search/search";
import { cachedPlan, withoutFrozenWork } from "./cached";
import { fsdpPlan } from "./fsdp";

/** Each at its own best schedule, where it names several. */
const schedulesOf = {
  DDP: ["ddp"],
  FSDP: ["ddp"],
  GPipe: ["gpipe"],
  "1F1B": ["1f1b"],
  "interleaved 1F1B": ["interleaved"],
  "zero bubble": ["zb-h1", "zb-h2", "zb-v"],
  DualPipeV: ["dualpipev"],
  Chimera: ["chimera"],
  "two directions": ["bidirectional"],
  "cached encodings": scheduleNames,
} as const satisfies Readonly<Record<string, readonly ScheduleName[]>>;

export type Method = keyof typeof schedulesOf;

export interface Baseline {
  readonly name: Method;
  /** Its best plan, or why there is none. */
  readonly result: Plan | { readonly reason: string };
}

/** Those that are quickly searched. */
export const commonMethods: readonly Method[] = ["DDP", "GPipe", "1F1B"];

/** Every method that a profile's chains can have. */
export function allMethods({ workload }: Context): readonly Method[] {
  const several: readonly Method[] = workload.chains.length > 1 ? ["two directions"] : [];
  const cached: readonly Method[] = workload.frozen.length > 0 ? ["cached encodings"] : [];
  return [...commonMethods, "FSDP", "interleaved 1F1B", "zero bubble", "DualPipeV", "Chimera", ...several, ...cached];
}

/** @throws Cancelled when `signal` fired. */
export async function baselines(base: PlanBase, globalBatch: number, context: Context, methods: readonly Method[], hooks: SearchHooks = {}): Promise<readonly Baseline[]> {
  const found: Baseline[] = [];
  for (const name of methods) {
    try {
      found.push({ name, result: await bestOf(name, base, globalBatch, context, hooks) });
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      found.push({ name, result: { reason: error.message } });
    }
  }
  return found;
}

async function bestOf(name: Method, base: PlanBase, globalBatch: number, context: Context, hooks: SearchHooks): Promise<Plan> {
  if (name === "FSDP") return fsdpPlan(base, globalBatch, context, hooks);
  const isCached = name === "cached encodings";
  const { plan } = await searchPlan(base, { globalBatch, schedules: schedulesOf[name], fill: false, blockAfterPasses: true }, isCached ? withoutFrozenWork(context) : context, hooks);
  return isCached ? cachedPlan(plan, context) : plan;
}
