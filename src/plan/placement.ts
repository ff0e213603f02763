/** Where a plan puts its stages: which devices hold them, in which order they work, and which samples each computes. */
import type { Plan, Range } from "../model/plan";
import { crossingBytes, stageCrossings, type Cut } from "../model/workload";
import { linkBetween, transferMs } from "../model/cluster";
import { checkPipeline, dependsOnTimes, deviceOf, deviceOrders, oneAfterAnother, replicasPerPipeline } from "../schedule/generators";
import type { DeviceOrders, Pipeline } from "../schedule/generators/order";
import { withSelfConditioning, type PlacedStep } from "../schedule/selfConditioning";
import type { Context } from "../simulate/context";

/** Devices that a plan uses: ranks 0 to this number, exclusive. */
export function worldSizeOf(plan: Pick<Plan, "chains">): number {
  return plan.chains.reduce((most, { stages }) => stages.reduce((high, { devices }) => devices.reduce((top, device) => Math.max(top, device + 1), high), most), 0);
}

export function allReplicas(plan: Pick<Plan, "dataParallel">): readonly number[] {
  return Array.from({ length: plan.dataParallel }, (_, replica) => replica);
}

/** Samples of the global batch that replica `replica` owns, half-open. */
export function replicaSamples(plan: Pick<Plan, "batch" | "dataParallel">, replica: number): Range {
  const share = plan.batch.global / plan.dataParallel;
  return [replica * share, (replica + 1) * share];
}

/** Samples of one micro-batch of one replica. */
export function microbatchSamples(plan: Pick<Plan, "batch" | "dataParallel">): number {
  return plan.batch.global / plan.dataParallel / plan.batch.microbatches;
}

/** How many devices of one replica share each micro-batch of a stage, in equal parts. */
export function widthOf(plan: Pick<Plan, "dataParallel">, stage: { readonly devices: readonly number[] }): number {
  return stage.devices.length / plan.dataParallel;
}

/** The devices of one replica that hold a stage. */
export function stageDevices(plan: Pick<Plan, "dataParallel" | "chains">, chain: number, stage: number, replica: number): readonly number[] {
  const { devices } = plan.chains[chain].stages[stage];
  const width = devices.length / plan.dataParallel;
  return width === 1 ? [devices[replica]] : devices.slice(replica * width, (replica + 1) * width);
}

/** A stage that a rank holds: for which replica, and as which of the `width` devices that share its micro-batches. */
export interface Holding {
  readonly rank: number;
  readonly chain: number;
  readonly stage: number;
  readonly replica: number;
  readonly part: number;
  readonly width: number;
}

/** `[rank]`: what it holds, in the order of chains, stages and replicas. */
export function holdingsOf(plan: Pick<Plan, "dataParallel" | "chains">): readonly (readonly Holding[])[] {
  const held: Holding[][] = Array.from({ length: worldSizeOf(plan) }, () => []);
  plan.chains.forEach(({ stages }, chain) =>
    stages.forEach(({ devices }, stage) => {
      const width = devices.length / plan.dataParallel;
      devices.forEach((rank, d) => held[rank].push({ rank, chain, stage, replica: Math.floor(d / width), part: d % width, width }));
    }),
  );
  return held;
}

/** Samples of the global batch that a holding computes: one range, or one per micro-batch where several devices share them. */
export function heldSamples(plan: Pick<Plan, "batch" | "dataParallel">, { replica, part, width }: Holding): readonly Range[] {
  const [from, to] = replicaSamples(plan, replica);
  if (width === 1) return [[from, to]];
  const microbatch = microbatchSamples(plan);
  const share = microbatch / width;
  return Array.from({ length: plan.batch.microbatches }, (_, m) => {
    const start = from + m * microbatch + part * share;
    return [start, start + share] as const;
  });
}

/** The replicas that share the devices of pipeline `pipeline`. */
export function replicasIn(plan: Pick<Plan, "schedule">, pipeline: number): readonly number[] {
  const each = replicasPerPipeline(plan.schedule.name);
  return Array.from({ length: each }, (_, i) => pipeline * each + i);
}

export function pipelineCount(plan: Pick<Plan, "dataParallel" | "schedule">): number {
  return plan.dataParallel / replicasPerPipeline(plan.schedule.name);
}

export function allPipelines(plan: Pick<Plan, "dataParallel" | "schedule">): readonly number[] {
  return Array.from({ length: pipelineCount(plan) }, (_, pipeline) => pipeline);
}

/** What a schedule's order depends on: its shape, and for some what stages and messages take. */
export function pipelineOf(plan: Plan, context: Context): Pipeline {
  const shape = shapeOf(plan);
  if (!dependsOnTimes(plan.schedule.name)) return shape;
  const samples = microbatchSamples(plan);
  return {
    ...shape,
    ...(plan.optimizer.maxGradNorm !== undefined && { endsTogether: true }),
    chains: plan.chains.map(({ stages }, c) => {
      const crossings = crossingsOf(plan, context, c);
      const bytes = context.costs.bytes(c, plan.optimizer.gradDtype);
      const times = stages.map(({ from, to, devices }, s) => {
        const width = widthOf(plan, stages[s]);
        const sums = context.costs.chain(c, samples / width, context.kinds[devices[0]]);
        const next = stages[s + 1]?.devices[0];
        const link = next === undefined || next === devices[0] ? undefined : linkBetween(context.cluster, context.devices[devices[0]], context.devices[next]);
        const forwardMs = sums.forward[to] - sums.forward[from];
        const { forward, backward } = crossings[s] ?? {};
        return {
          forwardMs,
          // Activations are computed again right before it.
          inputGradMs: sums.inputGrad[to] - sums.inputGrad[from] + (plan.recompute ? forwardMs : 0),
          weightGradMs: sums.weightGrad[to] - sums.weightGrad[from],
          sendMs: link && forward ? transferMs(link, crossingBytes(forward, samples / width)) : 0,
          sendBackMs: link && backward ? transferMs(link, crossingBytes(backward, samples / width)) : 0,
          savedUntilInputGrad: bytes.untilInputGrad[to] - bytes.untilInputGrad[from],
          savedUntilWeightGrad: bytes.untilWeightGrad[to] - bytes.untilWeightGrad[from],
        };
      });
      return { ...shape.chains[c], times };
    }),
  };
}

/** `[s]`: what stage s of chain `chain` sends to the next. */
export function crossingsOf(plan: Pick<Plan, "chains" | "dataParallel">, { workload }: Context, chain: number): readonly Cut[] {
  const { stages } = plan.chains[chain];
  return stageCrossings(workload.chains[chain], stages.map(({ to }) => to), stages.map(({ devices }) => devices[0]));
}

/** Chains whose first stage lies on a later device than their last go up. */
function shapeOf(plan: Pick<Plan, "chains" | "schedule" | "batch" | "dataParallel">): Pipeline {
  const holders = new Set(plan.chains.flatMap(({ stages }) => stages.map(({ devices }) => devices[0])));
  const each = replicasPerPipeline(plan.schedule.name);
  if (each > 1) for (const stage of plan.chains[0].stages) holders.add(stage.devices[widthOf(plan, stage)]);
  const [first] = plan.chains;
  const isUp = (chain: Plan["chains"][number]) => plan.chains.length > 1 && chain.stages[0].devices[0] === first.stages[first.stages.length - 1].devices[0] && chain.stages.length > 1;
  return {
    schedule: plan.schedule,
    devices: holders.size,
    microbatches: plan.batch.microbatches,
    chains: plan.chains.map((chain) => ({ stages: chain.stages.length, direction: isUp(chain) ? "up" : "down" })),
  };
}

/** `[pipeline][place]`: the devices of one place of a pipeline; they all work in one order. */
export function pipelineDevices(plan: Plan, pipeline: number): readonly (readonly number[])[] {
  const shape = shapeOf(plan);
  const places: (readonly number[])[] = Array.from({ length: shape.devices }, () => []);
  for (const [way, replica] of replicasIn(plan, pipeline).entries()) {
    plan.chains.forEach(({ stages }, chain) =>
      stages.forEach((_, stage) => {
        places[deviceOf(shape, chain, stage, way === 0 ? 0 : 1)] = stageDevices(plan, chain, stage, replica);
      }),
    );
  }
  return places;
}

/** The place of a pipeline that a stage belongs to, for the first or the second of the replicas that share the pipeline. */
export function placeOf(plan: Pick<Plan, "chains" | "schedule" | "batch" | "dataParallel">, chain: number, stage: number, way: 0 | 1): number {
  return deviceOf(shapeOf(plan), chain, stage, way);
}

/** @throws UserError where the plan's schedule does not exist for its stages and devices. */
export function checkShape(plan: Plan): void {
  checkPipeline(shapeOf(plan));
}

/** The orders with the self-conditioning passes of chains that may make them, whether or not these iterations do. */
export function placedSteps(plan: Plan, { workload }: Context, orders: DeviceOrders): readonly (readonly PlacedStep[])[] {
  return withSelfConditioning(orders, workload.chains.map(({ chain }, c) => ({ stages: plan.chains[c].stages.length, conditioned: chain.selfConditioning !== undefined })));
}

/** Orders are asked for again with each edit of a plan, few of which change them, and with each trial of its cuts. */
const known = new WeakMap<Context, Map<string, DeviceOrders>>();

/** Steps of all orders that are kept; the oldest go first. */
const mostSteps = 300_000;

/** The order of passes on each place of a pipeline; all pipelines have one. @throws UserError where the schedule does not exist. */
export function ordersOf(plan: Plan, context: Context): DeviceOrders {
  return knownOrders(pipelineOf(plan, context), context);
}

function knownOrders(pipeline: Pipeline, context: Context): DeviceOrders {
  const { schedule, chains, devices, microbatches } = pipeline;
  const key = JSON.stringify(pipeline);
  const kept = known.get(context) ?? new Map<string, DeviceOrders>();
  known.set(context, kept);
  const found = kept.get(key);
  if (found) return found;
  // Where chains run one after another, a cut of one leaves the others' orders as they are.
  const areApart = dependsOnTimes(schedule.name) && schedule.name !== "bidirectional" && chains.length > 1;
  const orders = areApart ? oneAfterAnother(chains.map((chain) => knownOrders({ ...pipeline, chains: [chain] }, context))) : deviceOrders(pipeline);
  const most = Math.max(1, Math.floor(mostSteps / (3 * devices * microbatches * chains.length)));
  for (const oldest of kept.keys()) if (kept.size >= most) kept.delete(oldest);
  kept.set(key, orders);
  return orders;
}
