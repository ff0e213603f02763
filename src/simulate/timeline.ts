/** A simulation as a timeline document. */
import type { Program } from "../model/program";
import type { Timeline, TimelineOperation } from "../model/timeline";
import { isEstimate } from "../model/costs";
import type { TimeSource } from "../model/profile";
import type { Operation } from "../model/program";
import type { Context } from "./context";
import { criticalPath } from "./criticalPath";
import { dependencies, withoutRunning } from "./dependencies";
import { isPass, simulate, type Simulation } from "./engine";
import { inputsOf } from "./inputs";
import { memoryUse } from "./memory";
import { wasteOf } from "./waste";

/**
 * Simulates `program` and shows two settled iterations, numbered 0 and 1, from time 0. Frozen work for the next iteration
 * carries the number of the iteration it serves. What the first of the two waited for in the iteration before is not shown.
 * `deps` name what an operation needs and what it had to wait for on its streams and links; all of it had ended when it started.
 * An all-reduce that starts during a backward pass therefore does not name that pass.
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
    waste: wasteOf(context, program.worldSize, program.batch.global, simulation.periodMs),
    throughputPerSecond: simulation.throughputPerSecond,
    criticalPath: criticalPath(operations),
    devices: program.ranks.map(({ rank }) => {
      const { node, kind } = context.devices[rank];
      const { baseBytes, peakBytes, steps } = memory[rank];
      const inWindow = (by: number) => steps.map(([ms, bytes]) => [ms - by - zero, bytes] as const);
      return { name: `${rank}: ${kind.name}${context.devices.at(-1)?.node ? `, node ${node}` : ""}`, peakMemoryBytes: peakBytes, memory: [[0, baseBytes] as const, ...inWindow(shift), ...inWindow(0)] };
    }),
    operations: withoutRunning(operations),
  };
}

function isSent(op: Operation): boolean {
  return op.op === "SEND" || op.op === "RECV" || op.op === "REDISTRIBUTE" || op.op === "REDUCE";
}

/** Both iterations' operations, the earlier ones first. A receive is shown as the moment in which its rank has the data. */
function shownOperations(program: Program, context: Context, simulation: Simulation, zero: number): readonly TimelineOperation[] {
  const { graph, previous, last } = simulation;
  const source = sourcesOf(program, context);
  const count = graph.operations.length;
  const deps = dependencies(simulation, inputsOf(program, context, graph));
  const shown = new Array<TimelineOperation>(2 * count);
  graph.operations.forEach((op, i) => {
    const from = source(op);
    const { receives, rank } = graph;
    shown[i] = shownOperation(op, rank[i], from, 0, (receives[i] ? previous.end : previous.start)[i] - zero, previous.end[i] - zero, deps(i, 0));
    shown[count + i] = shownOperation(op, rank[i], from, 1, (receives[i] ? last.end : last.start)[i] - zero, last.end[i] - zero, deps(i, 1));
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
