/**
 * Quick looks at plans of one shape, by the one simulator: lists without a document, timed again where only cuts change, and
 * for one replica of each kind, since replicas on alike devices and links do the same things at the same times. Where chains
 * condition on themselves in some iterations, periods are means over all, and simulations are those of iterations that do.
 */
import { linkBetween } from "../model/cluster";
import type { Fill, Plan } from "../model/plan";
import { pipelineSamples } from "../plan/frozenWork";
import { allPipelines, ordersOf, pipelineDevices, replicasIn, worldSizeOf } from "../plan/placement";
import { firstFrozenWork, iterationLists, type Lists } from "../plan/rankLists";
import { dependsOnTimes } from "../schedule/generators";
import type { DeviceOrders } from "../schedule/generators/order";
import type { Context } from "../simulate/context";
import { durations } from "../simulate/durations";
import { settle, simulateGraph, type Simulation } from "../simulate/engine";
import { memoryUse, type MemoryUse } from "../simulate/memory";
import { outcomesOf } from "../simulate/selfConditioning";
import { structureOf, timed, type Graph, type Structure } from "../simulate/graph";
import { withCuts } from "./cuts";
import { excessOf, shapesOf } from "./partition/shapes";

export interface Trials {
  /** Period of the plan's passes at these cuts, with no frozen work. */
  passesMs(cuts: readonly number[]): number;
  /** The same as a simulation. */
  passes(cuts: readonly number[]): Simulation;
  /** Period of the plan at these cuts with `fills`, which are those of replica 0. */
  filledMs(cuts: readonly number[], fills: readonly Fill[]): number;
  /** The same as a simulation. */
  filled(cuts: readonly number[], fills: readonly Fill[]): Simulation;
  /** Bytes by which the fullest device misses its memory at these cuts at most, without frozen work but its weights and encodings; below 0 for room. */
  excessBytes(cuts: readonly number[]): number;
  /** What ranks hold in one of these simulations, which is at these cuts; with all frozen weights, since each prepares its first iteration. */
  memory(cuts: readonly number[], simulation: Simulation): readonly MemoryUse[];
  /** Operations that have been simulated so far; those of lists that are made for one trial count as many times as they take as long. */
  operations(): number;
}

/** Lists with fills are made, and the fills found, for each trial. */
const filledCost = 6;

/** `plan`: its cuts and its fills do not matter, those of each trial do. */
export function trialsOf(plan: Plan, context: Context): Trials {
  const { workload } = context;
  const pipelines = kindsOfPipelines(plan, context);
  const replicas = pipelines.flatMap((pipeline) => replicasIn(plan, pipeline));
  const structures = new Map<string, { readonly orders: DeviceOrders; readonly structure: Structure }>();
  const passes = new Map<string, number>();
  let operations = 0;
  const graphOf = (at: Plan, structure: Structure, cost = 1): Graph => {
    operations += structure.operations.length * cost;
    return timed(structure, durations({ ...at, worldSize: worldSizeOf(at) }, context));
  };
  const outcomes = outcomesOf(context);
  const structureAt = (at: Plan, outcome: number, orders: DeviceOrders) => structureOf(iterationLists(at, outcomes[outcome].context, replicas, orders), context);
  const fixedOrders = dependsOnTimes(plan.schedule.name) ? undefined : ordersOf(plan, context);
  const ordersAt = (at: Plan) => fixedOrders ?? ordersOf(at, context);
  const meanMs = (graphAt: (outcome: number) => Graph) => outcomes.reduce((ms, { share }, outcome) => ms + share * settle(graphAt(outcome)).periodMs, 0);
  const passGraph = (cuts: readonly number[], outcome: number): Graph => {
    const at = { ...withCuts(plan, cuts), fills: [] };
    // Where nothing before a cut learns, no gradient is sent: another structure.
    const key = [outcome, ...at.chains.map(({ stages }, c) => stages.slice(1).map(({ from }) => (workload.chains[c].cuts[from].backward ? 1 : 0)).join(""))].join();
    const orders = ordersAt(at);
    let known = structures.get(key);
    if (known?.orders !== orders) structures.set(key, (known = { orders, structure: structureAt(at, outcome, orders) }));
    return graphOf(at, known.structure);
  };
  const filledGraph = (cuts: readonly number[], fills: readonly Fill[], outcome: number): Graph => {
    const at = { ...withCuts(plan, cuts), fills: forPipelines(plan, fills, pipelines) };
    return graphOf(at, structureAt(at, outcome, ordersAt(at)), filledCost);
  };
  let prologues: Lists | undefined;
  const workspaceBytes = workload.chains.reduce((most, { layers }) => layers.reduce((bytes, layer) => Math.max(bytes, layer.workspaceBytes ?? 0), most), 0);
  let excess: ((cuts: readonly number[]) => number) | undefined;
  return {
    excessBytes: (cuts) => workspaceBytes + (excess ??= excessOf(plan, shapesOf(plan, context), context))(cuts),
    memory(cuts, simulation) {
      const { operations, firstOnRank } = simulation.graph;
      prologues ??= firstFrozenWork(plan, context);
      const ranks = prologues.map((prologue, rank) => ({ rank, prologue, operations: operations.slice(firstOnRank[rank], firstOnRank[rank + 1]) }));
      return memoryUse({ ...withCuts(plan, cuts), ranks }, outcomes[0].context, simulation);
    },
    passesMs(cuts) {
      const key = cuts.join();
      const periodMs = passes.get(key) ?? meanMs((outcome) => passGraph(cuts, outcome));
      passes.set(key, periodMs);
      return periodMs;
    },
    passes: (cuts) => simulateGraph(passGraph(cuts, 0), worldSizeOf(plan), plan.batch.global),
    filledMs: (cuts, fills) => meanMs((outcome) => filledGraph(cuts, fills, outcome)),
    filled: (cuts, fills) => simulateGraph(filledGraph(cuts, fills, 0), worldSizeOf(plan), plan.batch.global),
    operations: () => operations,
  };
}

/** The fills of the first pipeline repeated for `pipelines`, with their samples and devices. */
export function forPipelines(plan: Plan, fills: readonly Fill[], pipelines: readonly number[]): readonly Fill[] {
  const at = new Map(pipelineDevices(plan, 0).flat().map((device, d) => [device, d]));
  return pipelines.flatMap((pipeline) => {
    const devices = pipelineDevices(plan, pipeline).flat();
    const [from] = pipelineSamples(plan, pipeline);
    return fills.map((fill) => ({ ...fill, samples: [fill.samples[0] + from, fill.samples[1] + from] as const, device: devices[at.get(fill.device) ?? 0] }));
  });
}

/** The first pipeline of each kind: same devices, and same links between its places. */
function kindsOfPipelines(plan: Plan, { devices, cluster }: Context): readonly number[] {
  const kinds = new Map<string, number>();
  for (const pipeline of allPipelines(plan)) {
    const ranks = pipelineDevices(plan, pipeline).flat().map((rank) => devices[rank]);
    const links = ranks.flatMap((a, i) => ranks.slice(i + 1).map((b) => linkBetween(cluster, a, b)));
    const key = [...ranks.map(({ kind }) => kind.name), ...links.flatMap((link) => [link.latencyUs, link.bandwidthGBps])].join();
    if (!kinds.has(key)) kinds.set(key, pipeline);
  }
  return [...kinds.values()];
}
