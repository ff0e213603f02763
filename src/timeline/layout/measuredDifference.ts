/** Where a measured run differs from its prediction: by device and kind of work, in figures and in words. */
import type { Timeline } from "../../model/timeline";
import { formatChange, formatMs } from "./format";
import { kindOf, kindStyles, type SliceKind } from "./kinds";
import { iterationCount } from "./lanes";

/** Ms of one iteration. */
export interface KindDifference {
  readonly device: number;
  readonly kind: SliceKind;
  readonly predictedMs: number;
  readonly measuredMs: number;
}

export interface MeasuredDifference {
  /** Of the period, over the whole run. */
  readonly predictedMs: number;
  readonly measuredMs: number;
  /** Each kind of work on each device, the largest difference first; what computes and what is sent may overlap. */
  readonly kinds: readonly KindDifference[];
}

/** Idle time is what is left of the period. @param measured Cut to as many iterations as it is compared over, as `alignMeasured` does. */
export function measuredDifference(predicted: Timeline, measured: Timeline): MeasuredDifference {
  const [theirs, ours] = [sumsOf(predicted), sumsOf(measured)];
  const keys = new Set([...theirs.keys(), ...ours.keys()]);
  const work = [...keys].map((key): KindDifference => {
    const [device, kind] = key.split(" ") as [string, SliceKind];
    return { device: Number(device), kind, predictedMs: theirs.get(key) ?? 0, measuredMs: ours.get(key) ?? 0 };
  });
  const idle = predicted.devices.flatMap((_, device): readonly KindDifference[] => {
    const busy = work.filter((row) => row.device === device && row.kind !== "communication");
    const left = (periodMs: number, field: "predictedMs" | "measuredMs") => Math.max(0, periodMs - busy.reduce((ms, row) => ms + row[field], 0));
    return [{ device, kind: "idle", predictedMs: left(predicted.periodMs, "predictedMs"), measuredMs: left(measured.periodMs, "measuredMs") }];
  });
  return { predictedMs: predicted.periodMs, measuredMs: measured.periodMs, kinds: [...work, ...idle].sort((a, b) => Math.abs(b.measuredMs - b.predictedMs) - Math.abs(a.measuredMs - a.predictedMs)) };
}

/** "device kind" -> ms of an iteration; waiting at a barrier is idle time, and so is not counted here. */
function sumsOf(timeline: Timeline): Map<string, number> {
  const sums = new Map<string, number>();
  const count = iterationCount(timeline);
  for (const { device, op, startMs, endMs } of timeline.operations) {
    const kind = kindOf(op);
    if (kind === "idle") continue;
    const key = `${device} ${kind}`;
    sums.set(key, (sums.get(key) ?? 0) + (endMs - startMs) / count);
  }
  return sums;
}

/** A difference below this share of the period is not worth a sentence. */
const worthMentioning = 0.005;

const mostSentences = 6;

/** The period first, then what differs most. */
export function measuredSentences({ predictedMs, measuredMs, kinds }: MeasuredDifference): readonly string[] {
  const least = worthMentioning * Math.max(predictedMs, measuredMs);
  const lead = Math.abs(measuredMs - predictedMs) < least
    ? `An iteration took as long as predicted: ${formatMs(measuredMs)}.`
    : `An iteration took ${formatMs(Math.abs(measuredMs - predictedMs))} ${measuredMs > predictedMs ? "longer" : "less"} than predicted: ${formatMs(measuredMs)} against ${formatMs(predictedMs)} (${formatChange(measuredMs / predictedMs - 1)}).`;
  const mentioned = kinds.filter((row) => Math.abs(row.measuredMs - row.predictedMs) >= least).slice(0, mostSentences);
  const rest = mentioned.length === 0 ? ["No kind of work on any device differs by as much as 0.5 % of that."] : mentioned.map(sentenceOf);
  return [lead, ...rest];
}

function sentenceOf({ device, kind, predictedMs, measuredMs }: KindDifference): string {
  const { title } = kindStyles[kind];
  const difference = measuredMs - predictedMs;
  const change = predictedMs > 0 ? ` (${formatChange(difference / predictedMs)})` : "";
  return `Device ${device}: ${title.toLowerCase()} takes ${formatMs(Math.abs(difference))} ${difference > 0 ? "more" : "less"}${change}, ${formatMs(measuredMs)} against ${formatMs(predictedMs)}.`;
}
