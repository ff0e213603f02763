/** Why a plan takes as long as it does, in words, with the operations that each part of its period is made of. Pure. */
import type { Plan } from "../model/plan";
import type { Timeline, TimelineOperation } from "../model/timeline";
import { predictPlan } from "../plan/predict";
import { explainPeriod, type Explanation, type PeriodParts } from "../planner/explain/explain";
import type { AnswerTo, PeriodPart, Reason } from "../protocol/judging";
import type { Context } from "../simulate/context";
import { formatMs, formatPercent } from "../timeline/layout/format";
import { operationKey, operationTitle } from "../timeline/layout/kinds";

/** Operations that are named for each part. */
const named = 3;

/** A part smaller than this share of the period has no operations worth naming. */
const worthNaming = 0.005;

/** @throws UserError as `predictPlan`. */
export function whySlow(plan: Plan, context: Context): AnswerTo<"why"> {
  const explanation = explainPeriod(plan, context);
  const { timeline } = predictPlan(plan, context);
  return { kind: "why", verdict: verdictOf(explanation), parts: partsOf(explanation, timeline) };
}

const advice: Readonly<Record<Explanation["boundBy"], string>> = {
  stage: "Only less work on that device shortens it: move a stage boundary or frozen work to another one.",
  pipeline: "More micro-batches, better balanced stages, or a schedule with fewer bubbles shorten it.",
  messages: "Cuts that less crosses, larger micro-batches, or faster links shorten it.",
  synchronisation: "Fewer replicas of each stage, that is more stages, or faster links shorten it.",
};

function verdictOf({ periodMs, parts, busiestRank, boundBy }: Explanation): string {
  const of = (ms: number) => `${formatMs(ms)} (${formatPercent(ms / periodMs)})`;
  const why = {
    stage: `the work of its fullest device, ${busiestRank}, which computes ${of(parts.work)} of each ${formatMs(periodMs)}`,
    pipeline: `waiting for other stages, ${of(parts.pipeline)} of each ${formatMs(periodMs)}`,
    messages: `messages between stages, ${of(parts.messages)} of each ${formatMs(periodMs)}`,
    synchronisation: `the all-reduce of gradients, ${of(parts.synchronisation)} of each ${formatMs(periodMs)}`,
  }[boundBy];
  return `This plan is bound by ${why}. ${advice[boundBy]}`;
}

function partsOf({ periodMs, parts, busiestRank, boundBy }: Explanation, timeline: Timeline): readonly PeriodPart[] {
  const round = operationsOfRound(timeline);
  const own = round.filter(({ device, stream, op }) => device === busiestRank && stream === "compute" && op !== "GRAD_NORM");
  const messages = round.filter(({ op }) => op === "SEND" || op === "REDISTRIBUTE");
  const rows: Readonly<Record<keyof PeriodParts, Omit<PeriodPart, "ms" | "isBound">>> = {
    work: { title: `Computing on device ${busiestRank}, the busiest`, text: sumsText(own), reasons: longest(own, busiestRank) },
    pipeline: { title: "Waiting for other stages", text: "Warm-up and flush of the pipeline, and stages that are not equal.", reasons: waits(busiestRank, timeline) },
    messages: { title: "Messages", text: "What links that cost nothing would save.", reasons: longest(onPath(messages, timeline)) },
    synchronisation: { title: "Summing gradients", text: "What gradients that need not be summed would save.", reasons: longest(onPath(round.filter(({ op }) => op === "REDUCE"), timeline)) },
  };
  return (Object.keys(rows) as (keyof PeriodParts)[]).map((part) => ({
    ...rows[part],
    ms: parts[part],
    isBound: part === (boundBy === "stage" ? "work" : boundBy),
    reasons: parts[part] >= worthNaming * periodMs ? rows[part].reasons : [],
  }));
}

/** What runs in the second of the two periods that a prediction shows. */
function operationsOfRound({ operations, periodMs }: Timeline): readonly TimelineOperation[] {
  return operations.filter(({ startMs, endMs }) => isInRound((startMs + endMs) / 2, periodMs));
}

function isInRound(ms: number, periodMs: number): boolean {
  return ms >= periodMs && ms < 2 * periodMs;
}

/** "Backward 60.0 ms, forward 30.0 ms." */
function sumsText(operations: readonly TimelineOperation[]): string {
  const sums = new Map<string, number>();
  for (const { op, startMs, endMs } of operations) sums.set(operationTitle(op), (sums.get(operationTitle(op)) ?? 0) + endMs - startMs);
  return `${[...sums].sort(([, a], [, b]) => b - a).map(([title, ms]) => `${title} ${formatMs(ms)}`).join(", ")}.`;
}

/** Those that decide when an iteration ends, or all where none of them does. */
function onPath(operations: readonly TimelineOperation[], { criticalPath, operations: all }: Timeline): readonly TimelineOperation[] {
  const path = new Set(criticalPath.map((index) => all[index]));
  const found = operations.filter((operation) => path.has(operation));
  return found.length > 0 ? found : operations;
}

function longest(operations: readonly TimelineOperation[], known?: number): readonly Reason[] {
  const ordered = [...operations].sort((a, b) => b.endMs - b.startMs - (a.endMs - a.startMs));
  return ordered.slice(0, named).map((operation) => ({ text: `${nameOf(operation, known)}: ${formatMs(operation.endMs - operation.startMs)}`, operation: operationKey(operation) }));
}

/** The longest gaps in what a device computes, and for each what the next operation waits for. */
function waits(rank: number, timeline: Timeline): readonly Reason[] {
  const { operations, periodMs } = timeline;
  const inOrder = operations.filter(({ device, stream, op }) => device === rank && stream === "compute" && op !== "GRAD_NORM").sort((a, b) => a.startMs - b.startMs);
  const gaps = inOrder.slice(1).map((operation, i) => ({ operation, ms: operation.startMs - inOrder[i].endMs })).filter(({ operation }) => isInRound(operation.startMs, periodMs));
  return gaps.filter(({ ms }) => ms > worthNaming * periodMs).sort((a, b) => b.ms - a.ms).slice(0, named).flatMap(({ operation, ms }) => {
    const cause = causeOf(operation, timeline);
    return [
      { text: `${formatMs(ms)} idle before ${nameOf(operation, operation.device)}`, operation: operationKey(operation) },
      ...(cause ? [{ text: `which waits for ${nameOf(cause)}`, operation: operationKey(cause) }] : []),
    ];
  });
}

/** The computing that an operation had to wait for last, on whichever device, beyond messages and barriers. */
function causeOf(operation: TimelineOperation, { operations }: Timeline): TimelineOperation | undefined {
  let at = operation;
  do {
    const before = at.deps.map((index) => operations[index]);
    if (before.length === 0) return undefined;
    at = before.reduce((last, other) => (other.endMs > last.endMs ? other : last));
  } while (at.stream === "communication" || at.op === "GRAD_NORM");
  return at.device === operation.device ? undefined : at;
}

/** @param known The device that is not named, since the text has it already. */
function nameOf({ op, component, microbatch, stage, device, peer }: TimelineOperation, known?: number): string {
  const parts = [
    component,
    microbatch === undefined ? undefined : `micro-batch ${microbatch}`,
    stage === undefined ? undefined : `stage ${stage}`,
    device === known ? undefined : `device ${device}${peer === undefined ? "" : ` to ${peer}`}`,
  ];
  return [operationTitle(op), ...parts.filter((part) => part !== undefined)].join(", ");
}
