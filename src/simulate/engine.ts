/**
 * The simulator, the only source of times: a program's iterations one after another until they repeat.
 * An iteration starts on each rank where the rank's list of the iteration before has ended, so iterations overlap unless
 * something in the program (a gradient norm) holds all ranks together.
 */
import type { Program } from "../model/program";
import type { Context } from "./context";
import { complete } from "./collectives";
import { linkState, nobody, walkShared } from "./contention";
import { durations } from "./durations";
import { before, none, structureOf, timed, type Graph, type Times } from "./graph";

export interface Simulation {
  readonly graph: Graph;
  /** The last iteration and the one before it, both settled. */
  readonly last: Times;
  readonly previous: Times;
  /** End to end of consecutive iterations in the steady state. */
  readonly periodMs: number;
  /** From the first operation's start of one iteration to its last one's end. */
  readonly makespanMs: number;
  /** Computing time per rank and iteration. */
  readonly busyMs: readonly number[];
  /** 1 - busy / (devices * period). */
  readonly bubbleRatio: number;
  readonly throughputPerSecond: number;
}

/** Iterations after which a schedule that has not settled is averaged. */
const mostIterations = 16;

export function isComputing({ op }: { readonly op: string }): boolean {
  return isPass(op) || op === "FILL" || op === "OVERLAP_F_B" || op === "OPTIM" || op === "EMA";
}

/** Whether it is a pass of a chain's stage. */
export function isPass(op: string): boolean {
  return op === "F" || op === "B" || op === "I" || op === "W" || op === "R" || op === "SELF_COND";
}

/** @throws UserError when ranks wait for each other. */
export function simulate(program: Program, context: Context): Simulation {
  const cost = durations(program, context);
  const structure = structureOf(program.ranks.map((rank) => rank.operations), context);
  return simulateGraph(timed(structure, cost), program.worldSize, program.batch.global);
}

/**
 * `worldSize` ranks work on `samples` an iteration; ranks that the graph leaves out do the same as those in it. Iterations
 * start from rest: what was prepared before the first of them does not change how they settle.
 */
export function simulateGraph(graph: Graph, worldSize: number, samples: number): Simulation {
  const { last, previous, periodMs } = settle(graph);
  const busyMs = new Array<number>(graph.lastOnRank.length).fill(0);
  let first = Infinity;
  let end = 0;
  for (let i = 0; i < graph.operations.length; i++) {
    if (isComputing(graph.operations[i])) busyMs[graph.rank[i]] += graph.ms[i];
    if (!graph.receives[i]) first = Math.min(first, last.start[i]);
    end = Math.max(end, last.end[i]);
  }
  const present = graph.lastOnRank.reduce((count, op) => count + (op === before ? 0 : 1), 0);
  const busy = present > 0 ? (busyMs.reduce((total, ms) => total + ms, 0) * worldSize) / present : 0;
  return {
    graph,
    last,
    previous,
    periodMs,
    makespanMs: graph.operations.length > 0 ? end - first : 0,
    busyMs,
    bubbleRatio: periodMs > 0 ? 1 - busy / (worldSize * periodMs) : 0,
    throughputPerSecond: periodMs > 0 ? (samples / periodMs) * 1e3 : 0,
  };
}

/**
 * Walks iterations until all streams and links move by one and the same period, or for `mostIterations`: then it is the mean of
 * the later half on the rank that moves most. The others follow it sooner or later.
 */
export function settle(graph: Graph): { readonly last: Times; readonly previous: Times; readonly periodMs: number } {
  const { lastOnRank, lastSent, links, present } = graph;
  const free = new Float64Array(lastOnRank.length);
  const sent = new Float64Array(lastOnRank.length);
  const shared = links && linkState(links);
  const linksBefore = new Float64Array(links?.count ?? 0);
  let previous = timesLike(graph);
  let last = timesLike(graph);
  const halfway = new Float64Array(lastOnRank.length);
  let endBefore = 0;
  let periodMs = 0;
  for (let n = 0; n < mostIterations; n++) {
    [previous, last] = [last, previous];
    if (links && shared) {
      linksBefore.set(shared.free);
      walkShared(graph, links, shared, free, sent, last);
    } else walk(graph, free, sent, last);
    let end = 0;
    for (const rank of present) if (lastOnRank[rank] !== before) end = Math.max(end, last.end[lastOnRank[rank]]);
    if (n > 0) periodMs = end - endBefore;
    endBefore = end;
    const moves = (from: number, to: number) => Math.abs(to - from - periodMs) <= 1e-9 * end;
    let isSettled = n > 1;
    for (const rank of present) {
      if (lastOnRank[rank] === before) continue;
      const next = last.end[lastOnRank[rank]];
      isSettled &&= moves(free[rank], next);
      free[rank] = next;
      if (lastSent[rank] === before) continue;
      isSettled &&= moves(sent[rank], last.end[lastSent[rank]]);
      sent[rank] = last.end[lastSent[rank]];
    }
    for (let link = 0; shared && isSettled && link < linksBefore.length; link++) isSettled = shared.free[link] === 0 || moves(linksBefore[link], shared.free[link]);
    if (isSettled) break;
    const half = (mostIterations - 1) >> 1;
    if (n === half) halfway.set(free);
    if (n === mostIterations - 1) periodMs = free.reduce((most, ms, rank) => Math.max(most, (ms - halfway[rank]) / (n - half)), 0);
  }
  return { last, previous, periodMs };
}

function timesLike(graph: Graph): Times {
  return { start: new Float64Array(graph.ms.length), end: new Float64Array(graph.ms.length), heldUpBy: new Int32Array(graph.ms.length).fill(nobody) };
}

/** One iteration in which no two ranks send over one link; `free` and `sent`: when each rank's compute and communication streams become free. */
function walk(graph: Graph, free: Float64Array, sent: Float64Array, times: Times): void {
  const { onRank, other, ms, rank, receives, order } = graph;
  const { start, end } = times;
  for (let i = 0; i < order.length; i++) {
    const op = order[i];
    if (op < 0) {
      complete(graph, ~op, times, sent);
      continue;
    }
    const reached = onRank[op] === before ? free[rank[op]] : end[onRank[op]];
    const awaited = other[op] === none ? 0 : other[op] === before ? sent[rank[op]] : end[other[op]];
    const begin = awaited > reached ? awaited : reached;
    start[op] = receives[op] ? reached : begin;
    end[op] = receives[op] ? begin : begin + ms[op];
  }
}
