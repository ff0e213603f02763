/**
 * The simulator, the only source of times: a program's iterations one after another until they repeat.
 * An iteration starts on each rank where the rank's list of the iteration before has ended, so iterations overlap unless
 * something in the program (a gradient norm) holds all ranks together.
 */
import type { Program } from "../model/program";
import type { Context } from "./context";
import { durations } from "./durations";
import { before, none, structureOf, timed, type Graph } from "./graph";

/** Start and end in ms of each operation of a graph. A receive lasts from when its rank gets to it until the data is there. */
export interface Times {
  readonly start: Float64Array;
  readonly end: Float64Array;
}

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

const computing = new Set(["F", "I", "W", "B", "R", "FILL", "SELF_COND", "OVERLAP_F_B", "OPTIM", "EMA"]);

export function isComputing(op: { readonly op: string }): boolean {
  return computing.has(op.op);
}

const passes = new Set(["F", "I", "W", "B", "R", "SELF_COND"]);

/** Whether it is a pass of a chain's stage. */
export function isPass(op: string): boolean {
  return passes.has(op);
}

/** @throws UserError when ranks wait for each other. */
export function simulate(program: Program, context: Context): Simulation {
  const cost = durations(program, context);
  const structure = structureOf(program.ranks.map((rank) => rank.operations), context.overlaps);
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
  graph.operations.forEach((op, i) => {
    if (isComputing(op)) busyMs[graph.rank[i]] += graph.ms[i];
    if (!graph.receives[i]) first = Math.min(first, last.start[i]);
    end = Math.max(end, last.end[i]);
  });
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

/** Walks iterations until each rank's end moves by one and the same period, or for `mostIterations`, which are averaged. */
export function settle(graph: Graph): { readonly last: Times; readonly previous: Times; readonly periodMs: number } {
  const { lastOnRank, lastSent } = graph;
  const free = new Float64Array(lastOnRank.length);
  const sent = new Float64Array(lastOnRank.length);
  let previous = timesLike(graph);
  let last = timesLike(graph);
  const ends: number[] = [];
  let periodMs = 0;
  for (let n = 0; n < mostIterations; n++) {
    [previous, last] = [last, previous];
    walk(graph, free, sent, last);
    let end = 0;
    for (const op of lastOnRank) if (op !== before) end = Math.max(end, last.end[op]);
    ends.push(end);
    if (n > 0) periodMs = end - ends[n - 1];
    let isSettled = n > 1;
    for (let rank = 0; rank < free.length; rank++) {
      if (lastOnRank[rank] === before) continue;
      const next = last.end[lastOnRank[rank]];
      isSettled &&= Math.abs(next - free[rank] - periodMs) <= 1e-9 * end;
      free[rank] = next;
      if (lastSent[rank] !== before) sent[rank] = last.end[lastSent[rank]];
    }
    if (isSettled) break;
    if (n === mostIterations - 1) periodMs = (end - ends[n >> 1]) / (n - (n >> 1));
  }
  return { last, previous, periodMs };
}

function timesLike(graph: Graph): Times {
  return { start: new Float64Array(graph.ms.length), end: new Float64Array(graph.ms.length) };
}

/** One iteration; `free` and `sent`: when each rank's compute and communication streams become free. */
function walk(graph: Graph, free: Float64Array, sent: Float64Array, { start, end }: Times): void {
  const { onRank, other, ms, rank, receives, order } = graph;
  for (let i = 0; i < order.length; i++) {
    const op = order[i];
    if (op < 0) {
      complete(graph, ~op, start, end);
      continue;
    }
    const reached = onRank[op] === before ? free[rank[op]] : end[onRank[op]];
    const awaited = other[op] === none ? 0 : other[op] === before ? sent[rank[op]] : end[other[op]];
    const begin = awaited > reached ? awaited : reached;
    start[op] = receives[op] ? reached : begin;
    end[op] = receives[op] ? begin : begin + ms[op];
  }
}

/** Ends a collective for all members. An overlapped all-reduce sends each bucket as soon as all members have made it. */
function complete(graph: Graph, index: number, start: Float64Array, end: Float64Array): void {
  const { members, ms, backward, buckets } = graph.collectives[index];
  const { operations } = graph;
  if (!backward) {
    const finish = members.reduce((time, member) => Math.max(time, start[member]), 0) + ms;
    for (const member of members) end[member] = finish;
    return;
  }
  let time = members.reduce((free, member) => (graph.other[member] >= 0 ? Math.max(free, end[graph.other[member]]) : free), 0);
  let first: number | undefined;
  for (const bucket of buckets) {
    const ready = backward.reduce((latestReady, op) => Math.max(latestReady, start[op] + bucket.progress[operations[op].op === "W" ? "W" : "B"] * (end[op] - start[op])), 0);
    time = Math.max(time, ready);
    first ??= time;
    time += bucket.ms;
  }
  for (const member of members) {
    const own = start[member];
    start[member] = first ?? own;
    end[member] = buckets.length > 0 ? time : own;
  }
}
