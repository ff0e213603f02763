/** What two plans decide differently, and where the difference of their periods lies. */
import type { Plan } from "../../model/plan";
import { fillReport } from "../../plan/fillReport";
import type { Context } from "../../simulate/context";
import { explainPeriod, type PeriodParts } from "./explain";

export interface PlanDifference {
  /** Decisions that are not the same. */
  readonly decisions: readonly { readonly what: string; readonly here: string; readonly there: string }[];
  /** Ms. */
  readonly periodMs: { readonly here: number; readonly there: number };
  /** Ms of each period; the differences add up to that of the periods. */
  readonly parts: readonly { readonly name: keyof PeriodParts; readonly here: number; readonly there: number }[];
}

/** Each plan in its own context: where profiles or clusters differ, so do costs. @throws UserError as `compilePlan`. */
export function differenceOf(here: Plan, there: Plan, contexts: { readonly here: Context; readonly there: Context }): PlanDifference {
  const [ours, theirs] = [decisionsOf(here, contexts.here), decisionsOf(there, contexts.there)];
  const all = new Set([...ours.keys(), ...theirs.keys()]);
  const [one, other] = [explainPeriod(here, contexts.here), explainPeriod(there, contexts.there)];
  return {
    decisions: [...all].map((what) => ({ what, here: ours.get(what) ?? "none", there: theirs.get(what) ?? "none" })).filter((row) => row.here !== row.there),
    periodMs: { here: one.periodMs, there: other.periodMs },
    parts: (["work", "pipeline", "messages", "synchronisation"] as const).map((name) => ({ name, here: one.parts[name], there: other.parts[name] })),
  };
}

function scheduleText({ name, warmup, held, concatenation, lateWeightGrads }: Plan["schedule"]): string {
  return `${name}${warmup === undefined ? "" : ` warm-up ${warmup}`}${held === undefined ? "" : ` held ${held}`}${concatenation === undefined ? "" : ` ${concatenation}`}${lateWeightGrads ? " late weight gradients" : ""}`;
}

function decisionsOf(plan: Plan, context: Context): ReadonlyMap<string, string> {
  const { batch, schedule, chains, dataParallel, recompute, fills } = plan;
  const stages = chains.map(({ id, stages: own }): [string, string] => [`layers of "${id}"`, own.map(({ from, to }) => `${from}-${to}`).join(" ")]);
  const devices = chains.map(({ id, stages: own }): [string, string] => [`devices of "${id}"`, own.map((stage) => stage.devices.join(",")).join(" ")]);
  return new Map([
    ["batch", String(batch.global)],
    ["schedule", scheduleText(schedule)],
    ["micro-batches", String(batch.microbatches)],
    ["data parallel", String(dataParallel)],
    ["recompute", recompute ? "yes" : "no"],
    ...stages,
    ...devices,
    ["fills", String(fills.length)],
    ["in bubbles", `${(100 * fillReport(plan, context).share).toFixed(0)} % of frozen work`],
  ]);
}

const names: Readonly<Record<keyof PeriodParts, string>> = { work: "fullest device", pipeline: "other stages", messages: "messages", synchronisation: "synchronisation" };

/** A decision longer than this is cut short when printed. */
const mostLetters = 48;

/** Lines: what differs, then what it costs, ms. */
export function differenceText({ decisions, periodMs, parts }: PlanDifference): string {
  const short = (text: string) => (text.length > mostLetters ? `${text.slice(0, mostLetters - 1)}…` : text);
  const changed = decisions.map(({ what, here, there }) => `${what.padEnd(20)} ${short(here)} | ${short(there)}`);
  const cost = [{ name: "period", ...periodMs }, ...parts.map(({ name, here, there }) => ({ name: names[name], here, there }))];
  const ms = cost.map(({ name, here, there }) => `${name.padEnd(20)} ${here.toFixed(2)} | ${there.toFixed(2)} ms (${there - here <= -0.005 ? "-" : "+"}${Math.abs(there - here).toFixed(2)})`);
  return `${(changed.length > 0 ? changed : ["The plans decide the same."]).join("\n")}\n${ms.join("\n")}\n`;
}
