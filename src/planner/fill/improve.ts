/** Local search: what one device has too much of goes into the gaps that are left on others, whole or in part. */
import type { Fill, FillAnchor } from "../../model/plan";
import { UserError } from "../../model/errors";
import type { Workload } from "../../model/workload";
import { fillBeforeItsInput, fillOf } from "../../plan/fillOrder";
import { isComputing, isPass, type Simulation } from "../../simulate/engine";
import { before } from "../../simulate/graph";
import { fillMs, type BatchCosts } from "./batches";

/** A gap that is left, and where in the fills something stands that is to come before `at`; after all others where undefined. */
interface Room {
  readonly rank: number;
  readonly ms: number;
  readonly anchor: FillAnchor;
  readonly at: number | undefined;
}

/** Gaps and fills that are tried for each other, the largest gaps and the last fills of the busiest devices first. */
const mostGaps = 6;
const mostSources = 4;
const mostJoins = 6;

/**
 * Fills moved as long as `score` (of fills and their period) falls and simulations are left. No filling is taken in which a fill
 * stands before its own input, or that does not fit.
 */
export function improved(
  workload: Workload,
  batches: BatchCosts,
  ranks: readonly number[],
  start: readonly Fill[],
  simulate: (fills: readonly Fill[]) => Simulation,
  score: (fills: readonly Fill[], periodMs: number) => number,
  fits: (simulation: Simulation) => boolean,
  { simulations, smallestMs }: { readonly simulations: number; readonly smallestMs: number },
): { readonly fills: readonly Fill[]; readonly periodMs: number } {
  let fills = start;
  let now = simulate(start);
  let left = simulations;
  for (let moved = true; moved && left > 0; ) {
    moved = false;
    for (const candidate of movesOf(workload, batches, ranks, fills, now, smallestMs)) {
      if (left-- <= 0) break;
      const simulation = tried(candidate, simulate, workload, ranks);
      if (!simulation || score(candidate, simulation.periodMs) >= score(fills, now.periodMs) || !fits(simulation)) continue;
      [fills, now, moved] = [candidate, simulation, true];
      break;
    }
  }
  return { fills, periodMs: now.periodMs };
}

/** Undefined where fills would wait for each other. */
function tried(fills: readonly Fill[], simulate: (fills: readonly Fill[]) => Simulation, workload: Workload, ranks: readonly number[]): Simulation | undefined {
  try {
    const simulation = simulate(fills);
    const { operations, firstOnRank } = simulation.graph;
    const isSound = ranks.every((rank) => !fillBeforeItsInput(operations.slice(firstOnRank[rank], firstOnRank[rank + 1]), workload));
    return isSound ? simulation : undefined;
  } catch (error) {
    if (error instanceof UserError) return undefined;
    throw error;
  }
}

function* movesOf(workload: Workload, batches: BatchCosts, ranks: readonly number[], fills: readonly Fill[], now: Simulation, smallestMs: number): Generator<readonly Fill[]> {
  yield* joins(workload, batches, fills);
  const rooms = ranks.flatMap((rank) => roomsOn(now, rank, fills)).filter(({ ms }) => ms >= smallestMs).sort((a, b) => b.ms - a.ms);
  const byLoad = [...ranks].sort((a, b) => now.busyMs[b] - now.busyMs[a]);
  for (const room of rooms.slice(0, mostGaps)) {
    if (room.anchor.op === "OPTIM") continue;
    const givers = byLoad.filter((rank) => rank === room.rank || now.busyMs[rank] > now.busyMs[room.rank]);
    const sources = givers.flatMap((rank) => fills.flatMap((fill, f) => (fill.device === rank && (rank !== room.rank || fill.before.op === "OPTIM") ? [f] : [])).reverse());
    for (const source of sources.slice(0, mostSources)) {
      const rest = cut(workload, batches, fills[source], room.ms);
      if (rest) yield placed(fills, source, rest, room);
    }
  }
}

/** Neighbouring samples of the same layers as one call, where that takes less: at the place of either, those that save most first. */
function joins(workload: Workload, batches: BatchCosts, fills: readonly Fill[]): readonly (readonly Fill[])[] {
  const msOf = (fill: Fill, samples: number) => fillMs(workload, batches, fill, samples);
  const found: { readonly saved: number; readonly one: number; readonly other: number }[] = [];
  fills.forEach((fill, one) =>
    fills.forEach((next, other) => {
      if (next.component !== fill.component || next.from !== fill.from || next.to !== fill.to || next.samples[0] !== fill.samples[1]) return;
      const counts = [fill, next].map(({ samples: [from, to] }) => to - from);
      const saved = msOf(fill, counts[0]) + msOf(next, counts[1]) - msOf(fill, counts[0] + counts[1]);
      if (saved > 0) found.push({ saved, one, other });
    }),
  );
  return found
    .sort((a, b) => b.saved - a.saved)
    .slice(0, mostJoins)
    .flatMap(({ one, other }) => [[one, other], [other, one]].map(([kept, gone]) => fills.flatMap((fill, f) => (f === gone ? [] : f === kept ? [{ ...fill, samples: [fills[one].samples[0], fills[other].samples[1]] as const }] : [fill]))));
}

/** What of a fill stays, and what of it takes `ms` at most: all of it, or some of its samples. */
function cut(workload: Workload, batches: BatchCosts, fill: Fill, ms: number): { readonly stays?: Fill; readonly goes: Fill } | undefined {
  const [from, to] = fill.samples;
  let samples = to - from;
  while (samples > 0 && fillMs(workload, batches, fill, samples) > ms) samples--;
  if (samples === 0) return undefined;
  if (samples === to - from) return { goes: fill };
  return { stays: { ...fill, samples: [from, to - samples] }, goes: { ...fill, samples: [to - samples, to] } };
}

function placed(fills: readonly Fill[], source: number, { stays, goes }: { readonly stays?: Fill; readonly goes: Fill }, { rank, anchor, at }: Room): readonly Fill[] {
  const moved: Fill = { ...goes, device: rank, before: anchor };
  const end = at ?? fills.length;
  return fills.flatMap((fill, f) => [...(f === end ? [moved] : []), ...(f !== source ? [fill] : stays ? [stays] : [])]).concat(end === fills.length ? [moved] : []);
}

/** Idle time of a rank between the operations that it computes, fills among them. */
function roomsOn({ graph, last, previous }: Simulation, rank: number, fills: readonly Fill[]): readonly Room[] {
  const { operations, firstOnRank, lastOnRank } = graph;
  const rooms: Room[] = [];
  let free = lastOnRank[rank] === before ? Infinity : previous.end[lastOnRank[rank]];
  for (let i = firstOnRank[rank]; i < firstOnRank[rank + 1]; i++) {
    if (!isComputing(operations[i])) continue;
    const ms = last.start[i] - free;
    free = Math.max(free, last.end[i]);
    if (ms <= 0) continue;
    const at = operations[i].op === "FILL" ? fillOf(fills, rank, operations[i]) : undefined;
    let next = i;
    while (next < firstOnRank[rank + 1] && operations[next].op !== "OPTIM" && (!isPass(operations[next].op) || operations[next].op === "R")) next++;
    const { op: anchor, chain, stage, microbatch } = operations[next] ?? {};
    if (at === -1) continue;
    if (anchor === "F" || anchor === "B" || anchor === "I" || anchor === "W" || anchor === "SELF_COND") rooms.push({ rank, ms, anchor: { op: anchor, chain, stage, microbatch }, at });
    else rooms.push({ rank, ms, anchor: { op: "OPTIM" }, at });
  }
  return rooms;
}
