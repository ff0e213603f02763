/** What happens in a range of time: how devices spend it, what runs, and what takes longest. */
import type { OperationName } from "../../model/program";
import { useOf } from "./describe";
import type { Layout } from "./lanes";

/** In ms, clipped to the range. */
export interface RangeUse {
  readonly busy: number;
  readonly frozen: number;
  readonly idle: number;
}

export interface RangeStats {
  readonly devices: readonly (RangeUse & { readonly device: number })[];
  readonly all: RangeUse;
  /** By kind of operation, the one that takes most first; `ms` clipped to the range and summed over devices. */
  readonly kinds: readonly { readonly op: OperationName; readonly count: number; readonly ms: number }[];
  /** Indices of the longest operations that touch the range, by their whole length. */
  readonly longest: readonly number[];
}

/** Of the part of a layout in [fromMs, toMs]. `most` bounds `longest`. */
export function rangeStats({ lanes, timeline }: Layout, fromMs: number, toMs: number, most = 5): RangeStats {
  const inside = (startMs: number, endMs: number) => Math.max(0, Math.min(endMs, toMs) - Math.max(startMs, fromMs));
  const devices = lanes.filter(({ stream }) => stream === "compute").map(({ device, rows }) => {
    const use = { trained: 0, frozen: 0, idle: 0 };
    for (const row of rows) for (const { kind, startMs, endMs } of row) use[useOf[kind]] += inside(startMs, endMs);
    return { device, busy: use.trained, frozen: use.frozen, idle: use.idle };
  });
  const all = devices.reduce((sum, { busy, frozen, idle }) => ({ busy: sum.busy + busy, frozen: sum.frozen + frozen, idle: sum.idle + idle }), { busy: 0, frozen: 0, idle: 0 });
  const kinds = new Map<OperationName, { count: number; ms: number }>();
  const touching: number[] = [];
  for (const [index, { op, startMs, endMs }] of timeline.operations.entries()) {
    if (endMs < fromMs || startMs > toMs || (endMs > startMs && (endMs === fromMs || startMs === toMs))) continue;
    touching.push(index);
    const kind = kinds.get(op) ?? { count: 0, ms: 0 };
    kind.count++;
    kind.ms += inside(startMs, endMs);
    kinds.set(op, kind);
  }
  const length = (index: number) => timeline.operations[index].endMs - timeline.operations[index].startMs;
  return {
    devices,
    all,
    kinds: [...kinds].map(([op, { count, ms }]) => ({ op, count, ms })).sort((a, b) => b.ms - a.ms),
    longest: touching.sort((a, b) => length(b) - length(a)).slice(0, most),
  };
}
