/** A simulation as a timeline document. */
import type { Program } from "../model/program";
import type { Timeline, TimelineOperation } from "../model/timeline";
import { isEstimate } from "../model/costs";
import type { Operation } from "../model/program";
import type { Context } from "./context";
import { criticalPath } from "./criticalPath";
import { simulate, type Simulation, type Times } from "./engine";
import { before, none } from "./graph";
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
  const operations = [
    ...windowOperations(program, context, simulation, simulation.previous, 0, zero),
    ...windowOperations(program, context, simulation, simulation.last, 1, zero),
  ];
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

function windowOperations(program: Program, context: Context, { graph }: Simulation, times: Times, iteration: number, zero: number): TimelineOperation[] {
  const offset = iteration * graph.operations.length;
  const isFirst = iteration === 0;
  return graph.operations.map((op, i) => {
    const deps = new Set<number>();
    const wait = (dep: number, last: number) => {
      if (dep >= 0) deps.add(offset + dep);
      else if (dep === before && !isFirst && last >= 0) deps.add(offset - graph.operations.length + last);
    };
    const rank = graph.rank[i];
    wait(graph.onRank[i], graph.lastOnRank[rank]);
    wait(graph.other[i], graph.other[i] === none ? none : graph.lastSent[rank]);
    if (op.op === "GRAD_NORM" || op.op === "REDUCE") {
      const collective = graph.collectives.find(({ members }) => members.includes(i));
      for (const member of collective?.members ?? []) wait(graph.onRank[member], none);
    }
    const { layers, samples, chain, component, stage, microbatch, channel, direction, bytes, peer } = op;
    return {
      device: rank,
      stream: isSent(op) ? "communication" : "compute",
      op: op.op,
      iteration: iteration + op.iteration,
      ...(chain !== undefined && { chain }),
      ...(component !== undefined && { component }),
      ...(stage !== undefined && { stage }),
      ...(microbatch !== undefined && { microbatch }),
      ...(layers && { layers }),
      ...(samples && { samples }),
      ...(channel && { channel }),
      ...(direction && { direction }),
      startMs: times.start[i] - zero,
      endMs: times.end[i] - zero,
      deps: [...deps].sort((a, b) => a - b),
      ...(bytes !== undefined && { bytes }),
      ...(peer !== undefined && { peer }),
      source: sourceOf(program, context, op),
    };
  });
}

/** "measured" only where every layer was measured at this very range of batch sizes. */
function sourceOf(program: Program, { workload }: Context, op: Operation): "measured" | "estimate" {
  if (!op.layers) return "estimate";
  const [from, to] = op.layers;
  if (op.op === "F" || op.op === "B") {
    const batch = program.batch.global / program.dataParallel / program.batch.microbatches;
    return workload.layers.slice(from, to).some((layer) => isEstimate(layer, batch, op.op === "B")) ? "estimate" : "measured";
  }
  if (op.op !== "FILL" || !op.samples) return "estimate";
  const batch = op.samples[1] - op.samples[0];
  const part = workload.frozen.find((candidate) => candidate.component === op.component);
  return part?.layers.slice(from, to).every((layer) => !isEstimate(layer, batch, false)) ? "measured" : "estimate";
}
