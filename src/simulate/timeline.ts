/** A simulation as a timeline document. */
import type { Program } from "../model/program";
import type { Timeline, TimelineOperation } from "../model/timeline";
import { isEstimate } from "../model/costs";
import type { Range } from "../model/plan";
import type { ProfileLayer, TimeSource } from "../model/profile";
import type { Operation } from "../model/program";
import type { Context } from "./context";
import { criticalPath } from "./criticalPath";
import { dependencies, withoutRunning } from "./dependencies";
import { isPass, simulate, type Simulation } from "./engine";
import type { Times } from "./graph";
import { inputsOf } from "./inputs";
import { memoryUse } from "./memory";
import { wasteOf } from "./waste";

/**
 * Simulates `program` and shows some settled iterations, numbered from 0, from time 0. Frozen work for the next iteration
 * carries the number of the iteration it serves. What the first of them waited for in the iteration before is not shown.
 * `deps` name what an operation needs and what it had to wait for on its streams and links; all of it had ended when it started.
 * An all-reduce that starts during a backward pass therefore does not name that pass.
 * @throws UserError when ranks wait for each other.
 */
export function timelineOf(program: Program, context: Context, iterations: 1 | 2 | 3 = 2): Timeline {
  const simulation = simulate(program, context);
  const zero = earliest(iterations === 1 ? simulation.last.start : simulation.previous.start);
  const memory = memoryUse(program, context, simulation);
  const shiftMs = longestShift(simulation);
  const operations = shownOperations(program, context, simulation, zero, iterations, shiftMs);
  const shift = simulation.last.start.length > 0 ? simulation.last.start[0] - simulation.previous.start[0] : 0;
  const laterBy = iterations === 1 ? [0] : [-shift, 0, shiftMs].slice(0, iterations);
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
      const curve: (readonly [number, number])[] = [[0, baseBytes]];
      for (const later of laterBy) for (const [ms, bytes] of steps) curve.push([ms + later - zero, bytes]);
      return { name: `${rank}: ${kind.name}${context.devices.at(-1)?.node ? `, node ${node}` : ""}`, peakMemoryBytes: peakBytes, memory: curve };
    }),
    operations: simulation.graph.groups.some(({ backward }) => backward) ? withoutRunning(operations) : operations,
  };
}

function earliest(times: Float64Array): number {
  let first = Infinity;
  for (const time of times) if (time < first) first = time;
  return first;
}

/** How far any operation is from itself one iteration later: the period, or a little more where iterations have not settled. */
function longestShift({ previous, last }: Simulation): number {
  let longest = 0;
  for (let i = 0; i < last.end.length; i++) longest = Math.max(longest, last.end[i] - previous.end[i]);
  return longest;
}

function isSent(op: Operation): boolean {
  return op.op === "SEND" || op.op === "RECV" || op.op === "REDISTRIBUTE" || op.op === "REDUCE";
}

/**
 * All iterations' operations, the earlier ones first. A receive is shown as the moment in which its rank has the data.
 * @param shiftMs How much later than the second iteration the third is: far enough that nothing of it starts before what it waits for.
 */
function shownOperations(program: Program, context: Context, simulation: Simulation, zero: number, iterations: 1 | 2 | 3, shiftMs: number): readonly TimelineOperation[] {
  const { graph, previous, last } = simulation;
  const source = sourcesOf(program, context);
  const count = graph.operations.length;
  const deps = dependencies(simulation, inputsOf(program, context, graph));
  const startOf = ({ start, end }: Times, i: number) => (graph.receives[i] ? end[i] : start[i]) - zero;
  const shown = new Array<TimelineOperation>(iterations * count);
  for (let i = 0; i < count; i++) {
    const op = graph.operations[i];
    const from = source(op);
    const [first, second] = deps(i);
    if (iterations === 1) {
      shown[i] = shownOperation(op, graph.rank[i], from, 0, startOf(last, i), last.end[i] - zero, second.flatMap((dep) => (dep < count ? [] : [dep - count])));
      continue;
    }
    shown[i] = shownOperation(op, graph.rank[i], from, 0, startOf(previous, i), previous.end[i] - zero, first);
    shown[count + i] = shownOperation(op, graph.rank[i], from, 1, startOf(last, i), last.end[i] - zero, second);
    if (iterations === 3) shown[2 * count + i] = shownOperation(op, graph.rank[i], from, 2, startOf(last, i) + shiftMs, last.end[i] - zero + shiftMs, second.map((dep) => dep + count));
  }
  return shown;
}

/**
 * The common kinds are written as a whole, each in a place that sees operations of that kind only: that is many times as quick as
 * piece by piece, and a drag waits for thousands of them.
 */
function shownOperation(operation: Operation, device: number, source: TimeSource, shift: 0 | 1 | 2, startMs: number, endMs: number, deps: readonly number[]): TimelineOperation {
  const { op } = operation;
  const iteration = shift + operation.iteration;
  if (isPass(op)) {
    const { chain, stage, microbatch, layers } = operation;
    if (chain !== undefined && stage !== undefined && microbatch !== undefined && layers) {
      return { device, stream: "compute", op, iteration, chain, stage, microbatch, layers, startMs, endMs, deps, source };
    }
  } else if (op === "FILL") {
    const { component, layers, samples } = operation;
    if (component !== undefined && layers && samples) return { device, stream: "compute", op, iteration, component, layers, samples, startMs, endMs, deps, source };
  } else if (op === "SEND" || op === "RECV") {
    const { chain, stage, microbatch, channel, bytes, peer } = operation;
    if (chain !== undefined && stage !== undefined && microbatch !== undefined && channel && bytes !== undefined && peer !== undefined) {
      return { device, stream: "communication", op, iteration, chain, stage, microbatch, channel, bytes, peer, startMs, endMs, deps, source };
    }
  } else if (op === "REDISTRIBUTE") {
    const { component, samples, channel, direction, bytes, peer } = operation;
    if (component !== undefined && samples && channel && direction && bytes !== undefined && peer !== undefined) {
      return { device, stream: "communication", op, iteration, component, samples, channel, direction, bytes, peer, startMs, endMs, deps, source };
    }
  }
  const { chain, stage, microbatch, component, layers, samples, channel, direction, bytes, peer } = operation;
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
  const parts = new Map(workload.frozen.map(({ component, layers }) => [component, layers]));
  const sourceOf = (layers: readonly ProfileLayer[], [from, to]: Range, batch: number, backward: boolean): TimeSource => {
    for (let layer = from; layer < to; layer++) if (isEstimate(layers[layer], batch, backward)) return "estimate";
    return "measured";
  };
  /** `[chain]`: per stage, of its forward and its backward passes. */
  const passes = new Map(
    program.chains.map(({ id, stages }, c) => [id, stages.map(({ from, to, devices }) => [false, true].map((backward) => sourceOf(workload.chains[c].layers, [from, to], (microbatch * program.dataParallel) / devices.length, backward)))]),
  );
  return (operation) => {
    const { op } = operation;
    if (op === "FILL") {
      const { component, layers, samples } = operation;
      return layers && samples ? sourceOf(parts.get(component ?? "") ?? [], layers, samples[1] - samples[0], false) : "estimate";
    }
    if (!isPass(op)) return "estimate";
    const { chain, stage = 0 } = operation;
    return passes.get(chain ?? "")?.[stage][op === "B" || op === "I" || op === "W" ? 1 : 0] ?? "estimate";
  };
}
