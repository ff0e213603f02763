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

/** @param iterations How many the other's timeline shows. @throws UserError as `predictPlan`. */
export function comparedWith({ name, subject, plan: other, context: there, note }: OtherPlan, plan: Plan, here: Context, iterations: 1 | 2 | 3): AnswerTo<"compare"> {
  const { timeline } = predictPlan(other, there, undefined, iterations);
  const { lead, decisions, causes } = differenceWords(differenceOf(plan, other, { here, there }), subject);
  return { kind: "compare", name, timeline, lead, decisions, causes: note === undefined ? causes : [...causes, note] };
}

export function worthOf(found: readonly Baseline[], plan: Plan, context: Context): AnswerTo<"worth"> {
  const { plan: own, baselines, verdict, caching } = comparisonWith(found, plan, context);
  return {
    kind: "worth",
    verdict: `${pipeliningText(plan, own.predicted.periodMs, found)} ${verdict}`,
    ...(caching !== undefined && { caching }),
    plan: figuresOf(own.predicted),
    methods: baselines.map(({ name, best, reason, speedUp }) => ({
      name,
      ...(best && { figures: figuresOf(best.predicted) }),
      ...(speedUp !== undefined && { speedUp }),
      note: best ? `${best.schedule}, ${best.stages} × ${best.dataParallel}, ${best.microbatches} micro-batch${best.microbatches === 1 ? "" : "es"}` : (reason ?? "cannot be had"),
      isSimulated: best !== undefined && name !== notSimulated,
    })),
  };
}

/** Ways of training that need no pipeline and run the frozen components. */
const withoutPipeline: ReadonlySet<Method> = new Set<Method>(["DDP", "FSDP"]);

/** Whether any pipeline, this plan or a common method, beats doing without; cached encodings go with either. */
function pipeliningText(plan: Plan, ownMs: number, found: readonly Baseline[]): string {
  const known = found.flatMap(({ name, result }) => ("reason" in result || name === "cached encodings" ? [] : [{ name: String(name), periodMs: result.predicted.periodMs, isPipeline: !withoutPipeline.has(name) }]));
  const own = { name: "this plan", periodMs: ownMs, isPipeline: plan.chains.some(({ stages }) => stages.length > 1) };
  const fastest = (isPipeline: boolean) => [own, ...known].filter((way) => way.isPipeline === isPipeline).reduce<typeof own | undefined>((best, way) => (best && best.periodMs <= way.periodMs ? best : way), undefined);
  const [piped, plain] = [fastest(true), fastest(false)];
  if (!piped) return "No pipeline can be had here.";
  if (!plain) return "Pipelining is the only way here: nothing else fits memory.";
  const times = (slow: number, fast: number) => `${(slow / fast).toFixed(2)} times as fast as`;
  if (piped.periodMs < plain.periodMs * (1 - 1e-6)) return `Pipelining is worth it: the fastest pipeline (${piped.name}) is ${times(plain.periodMs, piped.periodMs)} the best way without one (${plain.name}).`;
  return `Pipelining is not worth it here: ${plain.name} without a pipeline is ${times(piped.periodMs, plain.periodMs)} the fastest pipeline (${piped.name}).`;
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
