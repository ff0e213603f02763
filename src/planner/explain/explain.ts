/** Why a plan takes as long as it does: its period taken apart by simulating it without what might hold it up. */
import type { Plan } from "../../model/plan";
import type { Program } from "../../model/program";
import { compilePlan } from "../../plan/compile";
import type { Context } from "../../simulate/context";
import { simulate } from "../../simulate/engine";
import { fillPlan, withoutFilling } from "../fill/fill";

/** Ms of the period; they add up to it. */
export interface PeriodParts {
  /** What the busiest device computes. */
  readonly work: number;
  /** Its waiting for other stages: warm-up and flush of the pipeline, unequal stages. Nothing but another plan takes it away. */
  readonly pipeline: number;
  /** What faster links would save. */
  readonly messages: number;
  /** What gradients that need not be summed would save. */
  readonly synchronisation: number;
}

export interface Explanation {
  readonly periodMs: number;
  readonly parts: PeriodParts;
  readonly busiestRank: number;
  /** What holds the plan up most: its fullest stage, or the largest of the other parts where that is worth mentioning. */
  readonly boundBy: "stage" | "pipeline" | "messages" | "synchronisation";
}

/** A part smaller than this share of the period does not bound it. */
const worthMentioning = 0.02;

/** Iterations with self-conditioning passes are explained where there are any. @throws UserError as `compilePlan`. */
export function explainPeriod(plan: Plan, context: Context): Explanation {
  const program = compilePlan(plan, context);
  const { periodMs, busyMs } = simulate(program, context);
  const apart = withoutReductions(program);
  // Orders are fixed, but messages that meet on a link may change turns: a part is never below nothing.
  const unsynchronised = Math.min(periodMs, simulate(apart, context).periodMs);
  const unlinked = Math.min(unsynchronised, simulate(apart, withFreeLinks(context)).periodMs);
  const work = Math.max(...busyMs);
  const parts: PeriodParts = { work, pipeline: Math.max(0, unlinked - work), messages: unsynchronised - Math.max(unlinked, work), synchronisation: periodMs - unsynchronised };
  const [largest] = (["pipeline", "messages", "synchronisation"] as const).toSorted((a, b) => parts[b] - parts[a]);
  return { periodMs, parts, busiestRank: busyMs.indexOf(work), boundBy: parts[largest] >= worthMentioning * periodMs ? largest : "stage" };
}

function withoutReductions(program: Program): Program {
  return { ...program, ranks: program.ranks.map((rank) => ({ ...rank, operations: rank.operations.filter(({ op }) => op !== "REDUCE") })) };
}

const freeLink = { latencyUs: 0, bandwidthGBps: 1e12 };

function withFreeLinks(context: Context): Context {
  const { cluster, devices } = context;
  return { ...context, cluster: { ...cluster, interNode: { ...cluster.interNode, ...freeLink } }, devices: devices.map((device) => ({ ...device, intraNode: freeLink })) };
}

export interface AblationRow {
  readonly name: "as planned" | "whole batches" | "filled quickly" | "not filled";
  readonly periodMs: number;
  readonly bubbleRatio: number;
}

/**
 * What parts of filling gain at the plan's own cuts: "whole batches" runs no layer for part of a batch, "quickly" is one margin
 * with no search for shares and no evening out.
 */
export function ablation(plan: Plan, context: Context): readonly AblationRow[] {
  const planned = simulate(compilePlan(plan, context), context);
  const row = (name: AblationRow["name"], { periodMs, bubbleRatio }: { readonly periodMs: number; readonly bubbleRatio: number }): AblationRow => ({ name, periodMs, bubbleRatio });
  return [row("as planned", planned), row("whole batches", fillPlan(plan, context, true, { partialBatches: false }).simulation), row("filled quickly", fillPlan(plan, context, false).simulation), row("not filled", withoutFilling(plan, context).simulation)];
}

/** One sentence. */
export function explanationText({ periodMs, parts, busiestRank, boundBy }: Explanation): string {
  const of = (ms: number) => `${ms.toFixed(1)} ms (${((100 * ms) / periodMs).toFixed(1)} %)`;
  const why = {
    stage: `the work of its fullest device (rank ${busiestRank})`,
    pipeline: "waiting for other stages (warm-up, flush, unequal stages)",
    messages: "messages between stages",
    synchronisation: "the all-reduce of gradients",
  }[boundBy];
  return `bound by ${why}: of ${periodMs.toFixed(1)} ms rank ${busiestRank} computes ${of(parts.work)}; other stages ${of(parts.pipeline)}, messages ${of(parts.messages)}, synchronisation ${of(parts.synchronisation)}\n`;
}
