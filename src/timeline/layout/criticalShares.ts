/** What the critical path of a timeline consists of, as shares of a period. */
import type { Timeline } from "../../model/timeline";
import { kindOf } from "./kinds";

export interface CriticalShares {
  readonly operations: number;
  /** The stretch of time that is looked at: the path's last period, or all of a shorter path. */
  readonly fromMs: number;
  readonly toMs: number;
  /** Shares of that stretch; together 1. Idle is what passes on the path between two operations, or in waiting for a barrier. */
  readonly compute: number;
  readonly communication: number;
  readonly idle: number;
}

/** Undefined where a timeline has no critical path. */
export function criticalShares({ criticalPath, operations, periodMs }: Timeline): CriticalShares | undefined {
  const path = criticalPath.flatMap((index) => operations[index] ?? []);
  if (path.length === 0) return undefined;
  const toMs = path.reduce((most, { endMs }) => Math.max(most, endMs), -Infinity);
  const fromMs = Math.max(toMs - periodMs, path.reduce((least, { startMs }) => Math.min(least, startMs), Infinity));
  if (!(toMs > fromMs)) return undefined;
  const spent = { compute: 0, communication: 0, idle: 0 };
  // Each moment counts once: where two overlap, for the earlier one.
  let done = fromMs;
  for (const { op, stream, startMs, endMs } of path) {
    const from = Math.max(done, startMs);
    if (endMs <= from) continue;
    spent[kindOf(op) === "idle" ? "idle" : stream === "communication" || kindOf(op) === "communication" ? "communication" : "compute"] += endMs - from;
    done = endMs;
  }
  const length = toMs - fromMs;
  const compute = spent.compute / length;
  const communication = spent.communication / length;
  return { operations: path.length, fromMs, toMs, compute, communication, idle: Math.max(0, 1 - compute - communication) };
}
