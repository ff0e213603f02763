/** A simulation as a timeline document. */
import type { Program } from "../model/program";
import type { Timeline, TimelineOperation } from "../model/timeline";
import { isEstimate } from "../model/costs";
import type { TimeSource } from "../model/profile";
import type { Operation } from "../model/program";
import type { Context } from "./context";
import { criticalPath } from "./criticalPath";
import { isPass, simulate, type Simulation } from "./engine";
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

/** Both iterations' operations, the earlier ones first. */
function shownOperations(program: Program, context: Context, simulation: Simulation, zero: number): readonly TimelineOperation[] {
  const { graph, previous, last } = simulation;
  const source = sourcesOf(program, context);
  const groupOf = new Map(graph.groups.flatMap(({ members }) => members.map((member) => [member, members] as const)));
  const count = graph.operations.length;
  const shown = new Array<TimelineOperation>(2 * count);
  graph.operations.forEach((op, i) => {
    const from = source(op);
    const group = groupOf.get(i);
    shown[i] = shownOperation(op, graph.rank[i], from, 0, previous.start[i] - zero, previous.end[i] - zero, depsOf(graph, i, 0, group));
    shown[count + i] = shownOperation(op, graph.rank[i], from, 1, last.start[i] - zero, last.end[i] - zero, depsOf(graph, i, 1, group));
  });
  return shown;
}

/** The common kinds are written as a whole: that is many times as quick as piece by piece, and a drag waits for thousands of them. */
function shownOperation(operation: Operation, device: number, source: TimeSource, shift: 0 | 1, startMs: number, endMs: number, deps: readonly number[]): TimelineOperation {
  const { op, chain, stage, microbatch, component, layers, samples, channel, direction, bytes, peer } = operation;
  const iteration = shift + operation.iteration;
  if (channel === undefined) {
    if (chain !== undefined && stage !== undefined && microbatch !== undefined && layers) {
      return { device, stream: "compute", op, iteration, chain, stage, microbatch, layers, startMs, endMs, deps, source };
    }
    if (component !== undefined && layers && samples) return { device, stream: "compute", op, iteration, component, layers, samples, startMs, endMs, deps, source };
  } else if (bytes !== undefined && peer !== undefined) {
    if (chain !== undefined && stage !== undefined && microbatch !== undefined) {
      return { device, stream: "communication", op, iteration, chain, stage, microbatch, channel, bytes, peer, startMs, endMs, deps, source };
    }
    if (component !== undefined && samples && direction) {
      return { device, stream: "communication", op, iteration, component, samples, channel, direction, bytes, peer, startMs, endMs, deps, source };
    }
  }
  return {
    device,
    stream: isSent(operation) ? "communication" : "compute",
    op,
    iteration,
    ...(chain !== undefined && { chain }),
    ...(component !== undefined && { component }),
    ...(stage !== undefined && { stage }),
    ...(microbatch !== undefined && { microbatch }),
    ...(layers && { layers }),
    ...(samples && { samples }),
    ...(channel && { channel }),
    ...(direction && { direction }),
    ...(bytes !== undefined && { bytes }),
    ...(peer !== undefined && { peer }),
    startMs,
    endMs,
    deps,
    source,
  };
}

/** Indices, ascending, of what operation `i` of the first or second iteration waited for, as far as it is shown. */
function depsOf(graph: Graph, i: number, iteration: 0 | 1, group: readonly number[] | undefined): readonly number[] {
  const { onRank, other, lastOnRank, lastSent, rank } = graph;
  const count = graph.operations.length;
  const shownAs = (dep: number, last: number) => (dep >= 0 ? iteration * count + dep : dep === before && iteration === 1 && last >= 0 ? last : none);
  const own = shownAs(onRank[i], lastOnRank[rank[i]]);
  const awaited = shownAs(other[i], lastSent[rank[i]]);
  if (!group) {
    if (own < 0) return awaited < 0 ? [] : [awaited];
    if (awaited < 0 || awaited === own) return [own];
    return own < awaited ? [own, awaited] : [awaited, own];
  }
  const deps = new Set([own, awaited, ...group.map((member) => shownAs(onRank[member], none))]);
  deps.delete(none);
  return [...deps].sort((a, b) => a - b);
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
