/** Plans, baselines and rows of a search as the view is told of them. Pure. */
import type { Alternatives } from "../app/alternatives";
import { comparisonWith } from "../app/compare";
import { differenceWords } from "../app/differenceWords";
import type { Plan, Predicted } from "../model/plan";
import { predictPlan } from "../plan/predict";
import type { Baseline, Method } from "../planner/baselines/baselines";
import { differenceOf } from "../planner/explain/difference";
import { usableBytes } from "../planner/partition/stageCosts";
import type { Row } from "../planner/search/search";
import type { AlternativeFigures, AnswerTo, Figures } from "../protocol/judging";
import type { Context } from "../simulate/context";

/** A plan that another one is compared with, in its own context. */
export interface OtherPlan {
  /** Short, as lanes are labelled. */
  readonly name: string;
  /** As sentences begin. */
  readonly subject: string;
  readonly plan: Plan;
  readonly context: Context;
  /** What is to be known about its timeline. */
  readonly note?: string;
}

/** Its figures come from its lists, which are not those of a plan that could be simulated. */
const notSimulated: Method = "FSDP";

export function figuresOf({ periodMs, throughputPerSecond, peakMemoryBytes }: Predicted): Figures {
  return { periodMs, throughputPerSecond, peakMemoryBytes: peakMemoryBytes.reduce((most, bytes) => Math.max(most, bytes), 0) };
}

/** @throws UserError as `predictPlan`. */
export function comparedWith({ name, subject, plan: other, context: there, note }: OtherPlan, plan: Plan, here: Context): AnswerTo<"compare"> {
  const { timeline } = predictPlan(other, there);
  const { lead, decisions, causes } = differenceWords(differenceOf(plan, other, { here, there }), subject);
  return { kind: "compare", name, timeline, lead, decisions, causes: note === undefined ? causes : [...causes, note] };
}

export function worthOf(found: readonly Baseline[], plan: Plan, context: Context): AnswerTo<"worth"> {
  const { plan: own, baselines, verdict, caching } = comparisonWith(found, plan, context);
  return {
    kind: "worth",
    verdict,
    ...(caching !== undefined && { caching }),
    plan: figuresOf(own.predicted),
    methods: baselines.map(({ name, best, reason, speedUp }) => ({
      name,
      ...(best && { figures: figuresOf(best.predicted) }),
      ...(speedUp !== undefined && { speedUp }),
      note: best ? `${best.schedule}, ${best.stages} × ${best.dataParallel}, ${best.microbatches} micro-batches` : (reason ?? "cannot be had"),
      isSimulated: best !== undefined && name !== notSimulated,
    })),
  };
}

export function alternativeRows({ simulated, left }: Alternatives, context: Context): AnswerTo<"alternatives"> {
  const limits = context.devices.map((_, rank) => usableBytes(context, rank));
  return { kind: "alternatives", rows: simulated.flatMap(({ row, plan }) => (row.predicted ? [alternativeOf(row, row.predicted, plan !== undefined)] : [])), left, limitBytes: Math.min(...limits) };
}

function alternativeOf(row: Row, predicted: Predicted, isKept: boolean): AlternativeFigures {
  const { schedule, stages, microbatches, dataParallel, runnable = false } = row;
  return { ...figuresOf(predicted), schedule, stages, microbatches, dataParallel, more: furtherDecisions(row), bubbleRatio: predicted.bubbleRatio, isRunnable: runnable, isKept };
}

function furtherDecisions({ devices, layout, warmup, held, concatenation, lateWeightGrads, recompute }: Row): string {
  const parts = [
    devices === undefined ? undefined : `${devices} devices`,
    warmup === undefined ? undefined : `warm-up ${warmup}`,
    held === undefined ? undefined : `holds ${held}`,
    concatenation,
    lateWeightGrads ? "late weight gradients" : undefined,
    recompute ? "recomputes" : undefined,
    layout === undefined ? undefined : `ranks by ${layout}`,
  ];
  return parts.filter((part) => part !== undefined).join(", ");
}
