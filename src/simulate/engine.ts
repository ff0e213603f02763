/**
 * The simulator, the only source of times: a program's iterations one after another until they repeat.
 * An iteration starts on each rank where the rank's list of the iteration before has ended, so iterations overlap unless
 * something in the program (a gradient norm) holds all ranks together.
 */
import type { Program } from "../model/program";
import type { Context } from "./context";
import { durations } from "./durations";
import { before, graphOf, none, type Graph } from "./graph";

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

/** @throws UserError when ranks wait for each other. */
export function simulate(program: Program, context: Context): Simulation {
  const cost = durations(program, context);
  const prologue = graphOf(program.ranks.map((rank) => rank.prologue), cost, context.overlaps);
  const graph = graphOf(program.ranks.map((rank) => rank.operations), cost, context.overlaps);
  let state: State = { free: new Float64Array(program.worldSize), sent: new Float64Array(program.worldSize) };
  state = after(prologue, timesOf(prologue, state), state);
  let previous = timesOf(graph, state);
  state = after(graph, previous, state);
  let last = previous;
  const ends = [latest(state.free)];
  let period = 0;
  for (let n = 1; n < mostIterations; n++) {
    previous = last;
    last = timesOf(graph, state);
    const next = after(graph, last, state);
    ends.push(latest(next.free));
    period = ends[n] - ends[n - 1];
    const isSettled = n > 1 && next.free.every((free, rank) => Math.abs(free - state.free[rank] - period) <= 1e-9 * ends[n]);
    state = next;
    if (isSettled) break;
    if (n === mostIterations - 1) period = (ends[n] - ends[n >> 1]) / (n - (n >> 1));
  }
  const busyMs = new Array<number>(program.worldSize).fill(0);
  let first = Infinity;
  graph.operations.forEach((op, i) => {
    if (isComputing(op)) busyMs[graph.rank[i]] += graph.ms[i];
    if (op.op !== "RECV" && op.direction !== "receive") first = Math.min(first, last.start[i]);
  });
  const busy = busyMs.reduce((total, ms) => total + ms, 0);
  return {
    graph,
    last,
    previous,
    periodMs: period,
    makespanMs: graph.operations.length > 0 ? latest(last.end) - first : 0,
    busyMs,
    bubbleRatio: period > 0 ? 1 - busy / (program.worldSize * period) : 0,
    throughputPerSecond: period > 0 ? (program.batch.global / period) * 1e3 : 0,
  };
}

/** When each rank's compute and communication streams become free. */
interface State {
  readonly free: Float64Array;
  readonly sent: Float64Array;
}

function latest(times: Float64Array): number {
  return times.reduce((a, b) => Math.max(a, b), 0);
}

function after(graph: Graph, times: Times, state: State): State {
  const endOf = (op: number, otherwise: number) => (op === before ? otherwise : times.end[op]);
  return { free: state.free.map((free, rank) => endOf(graph.lastOnRank[rank], free)), sent: state.sent.map((sent, rank) => endOf(graph.lastSent[rank], sent)) };
}

function timesOf(graph: Graph, state: State): Times {
  const { onRank, other, ms, rank, operations } = graph;
  const start = new Float64Array(operations.length);
  const end = new Float64Array(operations.length);
  for (const op of graph.order) {
    if (op < 0) {
      complete(graph, ~op, start, end);
      continue;
    }
    const reached = onRank[op] === before ? state.free[rank[op]] : end[onRank[op]];
    const awaited = other[op] === none ? 0 : other[op] === before ? state.sent[rank[op]] : end[other[op]];
    const isReceive = operations[op].op === "RECV" || operations[op].direction === "receive";
    start[op] = isReceive ? reached : Math.max(reached, awaited);
    end[op] = isReceive ? Math.max(reached, awaited) : start[op] + ms[op];
  }
  return { start, end };
}

/** Ends a collective for all members. An overlapped all-reduce sends each bucket as soon as all members have made it. */
function complete(graph: Graph, index: number, start: Float64Array, end: Float64Array): void {
  const { members, ms, overlapped } = graph.collectives[index];
  if (!overlapped) {
    const finish = members.reduce((time, member) => Math.max(time, start[member]), 0) + ms;
    for (const member of members) end[member] = finish;
    return;
  }
  const { backward, buckets } = overlapped;
  let time = members.reduce((free, member) => (graph.other[member] >= 0 ? Math.max(free, end[graph.other[member]]) : free), 0);
  let first: number | undefined;
  for (const bucket of buckets) {
    const ready = backward.reduce((latestReady, op) => Math.max(latestReady, start[op] + bucket.progress * (end[op] - start[op])), 0);
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
