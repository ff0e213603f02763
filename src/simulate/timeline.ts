/** A simulation as a timeline document. */
import type { Program } from "../model/program";
import type { Timeline, TimelineOperation } from "../model/timeline";
import { isEstimate } from "../model/costs";
import type { TimeSource } from "../model/profile";
import type { Operation } from "../model/program";
import type { Context } from "./context";
import { criticalPath } from "./criticalPath";
import { isPass, simulate, type Simulation, type Times } from "./engine";
import { before, none, type Graph } from "./graph";
import { memoryUse } from "./memory";

/**
 * Simulates `program` and shows two settled iterations, numbered 0 and 1, from time 0. Frozen work for the next iteration
 * carries the number of the iteration it serves. What the first of the two waited for in the iteration before is not shown.
 * A receive lasts from when its rank gets to it until the data is there.
 * @throws UserError when ranks wait for each other.
 */
export function timelineOf(program: Program, context: Context): Timeline {
  const simulation = simulate(program, context);
  const zero = simulation.previous.start.reduce((a, b) => Math.min(a, b), Infinity);
  const memory = memoryUse(program, context, simulation);
  const operations = shownOperations(program, context, simulation, zero);
  const shift = simulation.last.start.length > 0 ? simulation.last.start[0] - simulation.previous.start[0] : 0;
  return {
    format: "diffusionpipe.timeline/1",
    source: "predicted",
    periodMs: simulation.periodMs,
    makespanMs: simulation.makespanMs,
    bubbleRatio: simulation.bubbleRatio,
    throughputPerSecond: simulation.throughputPerSecond,
    criticalPath: criticalPath(operations),
    devices: program.ranks.map(({ rank }) => {
      const { node, kind } = context.devices[rank];
      const { baseBytes, peakBytes, steps } = memory[rank];
      const inWindow = (by: number) => steps.map(([ms, bytes]) => [ms - by - zero, bytes] as const);
      return { name: `${rank}: ${kind.name}${context.devices.at(-1)?.node ? `, node ${node}` : ""}`, peakMemoryBytes: peakBytes, memory: [[0, baseBytes] as const, ...inWindow(shift), ...inWindow(0)] };
    }),
    operations,
  };
}

function isSent(op: Operation): boolean {
  return op.op === "SEND" || op.op === "RECV" || op.op === "REDISTRIBUTE" || op.op === "REDUCE";
}

type Written = { -readonly [K in keyof TimelineOperation]: TimelineOperation[K] };

/** Both iterations' operations, the earlier ones first. */
function shownOperations(program: Program, context: Context, simulation: Simulation, zero: number): readonly TimelineOperation[] {
  const { graph, previous, last } = simulation;
  const source = sourcesOf(program, context);
  const groupOf = new Map(graph.groups.flatMap(({ members }) => members.map((member) => [member, members] as const)));
  const shown = (op: Operation, i: number, iteration: 0 | 1, times: Times): TimelineOperation => {
    const made: Written = {
      device: graph.rank[i],
      stream: isSent(op) ? "communication" : "compute",
      op: op.op,
      iteration: iteration + op.iteration,
      startMs: times.start[i] - zero,
      endMs: times.end[i] - zero,
      deps: depsOf(graph, i, iteration, groupOf.get(i)),
      source: source(op),
    };
    if (op.chain !== undefined) made.chain = op.chain;
    if (op.component !== undefined) made.component = op.component;
    if (op.stage !== undefined) made.stage = op.stage;
    if (op.microbatch !== undefined) made.microbatch = op.microbatch;
    if (op.layers) made.layers = op.layers;
    if (op.samples) made.samples = op.samples;
    if (op.channel) made.channel = op.channel;
    if (op.direction) made.direction = op.direction;
    if (op.bytes !== undefined) made.bytes = op.bytes;
    if (op.peer !== undefined) made.peer = op.peer;
    return made;
  };
  return [...graph.operations.map((op, i) => shown(op, i, 0, previous)), ...graph.operations.map((op, i) => shown(op, i, 1, last))];
}

/** Indices, ascending, of what operation `i` of the first or second iteration waited for, as far as it is shown. */
function depsOf(graph: Graph, i: number, iteration: 0 | 1, group: readonly number[] | undefined): readonly number[] {
  const count = graph.operations.length;
  const deps: number[] = [];
  const wait = (dep: number, last: number) => {
    const at = dep >= 0 ? iteration * count + dep : dep === before && iteration === 1 && last >= 0 ? last : none;
    if (at >= 0 && !deps.includes(at)) deps.push(at);
  };
  const rank = graph.rank[i];
  wait(graph.onRank[i], graph.lastOnRank[rank]);
  wait(graph.other[i], graph.lastSent[rank]);
  for (const member of group ?? []) wait(graph.onRank[member], none);
  return deps.sort((a, b) => a - b);
}

/** "measured" only where every layer was measured at this very range of batch sizes. */
function sourcesOf(program: Program, { workload }: Context): (op: Operation) => TimeSource {
  const microbatch = program.batch.global / program.dataParallel / program.batch.microbatches;
  const known = new Map<string, TimeSource>();
  return (op) => {
    if (!op.layers || (!isPass(op.op) && op.op !== "FILL")) return "estimate";
    const batch = op.samples ? op.samples[1] - op.samples[0] : microbatch;
    const [from, to] = op.layers;
    const key = `${op.op} ${op.component ?? ""} ${op.chain ?? ""} ${from} ${to} ${batch}`;
    let source = known.get(key);
    if (source === undefined) {
      const layers = op.op === "FILL" ? workload.frozen.find((part) => part.component === op.component)?.layers : workload.chains.find(({ chain }) => chain.id === op.chain)?.layers;
      source = layers?.slice(from, to).every((layer) => !isEstimate(layer, batch, op.op === "B" || op.op === "I" || op.op === "W")) ? "measured" : "estimate";
      known.set(key, source);
    }
    return source;
  };
}
