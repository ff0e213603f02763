/** The plans that a search considers, before any of them is simulated. */
import type { Concatenation, Plan, ScheduleName } from "../../model/plan";
import { linkBetween, transferMs } from "../../model/cluster";
import { crossingBytes, type Workload } from "../../model/workload";
import { hasWeightPasses, isInV, microbatchProblem, mostHeld, replicasPerPipeline } from "../../schedule/generators";
import { runnable } from "../../plan/runnable";
import type { Context } from "../../simulate/context";
import { withCuts } from "../cuts";
import type { FillSettings } from "../fill/greedy";
import { allWidths } from "../partition/widths";
import { boundsWith, type Bounds } from "./bounds";
import { layouts, layoutsOf, placementsOf, type Layout } from "./layout";
import type { PlanKind } from "./span";

/** What every plan of a search has in common. */
export type PlanBase = Pick<Plan, "model" | "profile" | "cluster" | "optimizer" | "training">;

export interface SearchSpace {
  readonly globalBatch: number;
  readonly schedules: readonly ScheduleName[];
  /** Those that are searched first and in full, whatever the effort. By default all. */
  readonly usual?: readonly ScheduleName[];
  /** What may be spent on the others, in operations simulated. By default without limit. */
  readonly effort?: number;
  /** Whether the best plan that the trainer runs is wanted, if there is one, rather than the fastest of all. */
  readonly prefersRunnable?: boolean;
  /** Fixed number of stages or micro-batches; free where undefined. */
  readonly stages?: number;
  readonly microbatches?: number;
  /** Whether the next iteration's frozen work goes into bubbles. */
  readonly fill: boolean;
  /** Where it does not: whether it may be one block after the passes, should that be faster than this iteration's before them. */
  readonly blockAfterPasses?: boolean;
  /** Of filling; what is undefined is found by trying. */
  readonly fillSettings?: Partial<FillSettings>;
}

export interface Candidate {
  readonly schedule: ScheduleName;
  /** Of each chain. */
  readonly stages: number;
  /** Stages of a chain on each device of a pipeline. Default 1. */
  readonly stagesPerDevice?: number;
  /** Of a pipeline, where they are more than the stages: then several devices share the micro-batches of some. */
  readonly devices?: number;
  readonly microbatches: number;
  readonly dataParallel: number;
  /** Which ranks pipelines take. Default: the first of `layouts`. */
  readonly layout?: Layout;
  /** Forward passes ahead, as in the plan's schedule. */
  readonly warmup?: number;
  /** Micro-batches that a device may hold, as in the plan's schedule. */
  readonly held?: number;
  /** Of Chimera's units, as in the plan's schedule. */
  readonly concatenation?: Concatenation;
  /** Weight gradients after all that others wait for, as in the plan's schedule. */
  readonly lateWeightGrads?: boolean;
  /** Activations are computed again for each backward pass. */
  readonly recompute?: boolean;
  /** Ms that no plan of this kind can beat. */
  readonly boundMs: number;
}

/**
 * All combinations that use every device and split the batch evenly, with their quick bounds, in no order.
 * @param bounds By default with gradients of the shortest type. @param recompute Whether activations are computed again.
 */
export function candidatesOf(space: SearchSpace, context: Context, bounds: Bounds = boundsWith(context, "bf16", space.fill), recompute = false): readonly Candidate[] {
  const count = context.devices.length;
  const found: Candidate[] = [];
  const add = (candidate: Omit<Candidate, "boundMs">) => found.push({ ...candidate, boundMs: bounds.quick(candidate.schedule, kindOf(candidate, space)) });
  // Weight gradients and frozen work both could go into the gaps.
  const isContested = space.fill && context.workload.frozen.length > 0;
  for (const schedule of space.schedules) {
    const replicas = replicasPerPipeline(schedule);
    for (const { devices, stages, stagesPerDevice = 1 } of pipelinesOf(schedule, context)) {
      const dataParallel = (count / devices) * replicas;
      const share = space.globalBatch / dataParallel;
      if (!Number.isInteger(count / devices) || !Number.isInteger(share) || (space.stages ?? stages) !== stages) continue;
      const isWide = stages < devices;
      for (let microbatches = 1; microbatches <= share; microbatches++) {
        if (share % microbatches !== 0 || (space.microbatches ?? microbatches) !== microbatches) continue;
        if (microbatchProblem(schedule, devices, stages, microbatches) !== undefined) continue;
        if (isWide && widthsOf(share / microbatches, devices, stages).length === 0) continue;
        for (const layout of layoutsOf(context, devices, dataParallel / replicas)) {
          const kind = { schedule, stages, ...(stagesPerDevice > 1 && { stagesPerDevice }), ...(isWide && { devices }), microbatches, dataParallel, ...(layout !== layouts[0] && { layout }), ...(recompute && { recompute }) };
          add(kind);
          if (schedule === "1f1b" && stages > 2 && hidesMessages(context, stages, share / microbatches)) add({ ...kind, warmup: deepWarmup });
          if (schedule === "zb-h2") for (const held of fewerHeld(stages, microbatches)) add({ ...kind, held });
          if (isContested && hasWeightPasses(schedule)) add({ ...kind, lateWeightGrads: true });
          if (schedule === "chimera" && microbatches > stages / 2) for (const concatenation of ["doubling", "whole"] as const) add({ ...kind, concatenation });
        }
      }
    }
  }
  return found;
}

/** Whether today's trainer runs plans of this kind. */
export function isRunnable({ schedule: name, stages, devices = stages, recompute }: Candidate, { training }: PlanBase, workload: Workload): boolean {
  const whole = workload.chains.map(({ chain, layers }) => ({ id: chain.id, stages: [{ from: 0, to: layers.length, devices: [0] }] }));
  return devices === stages && runnable({ training, schedule: { name }, recompute, chains: whole, dataParallel: 1 }, workload) === true;
}

/** What a candidate's bounds depend on. */
function kindOf({ schedule, stages, stagesPerDevice = 1, devices = stages / stagesPerDevice, microbatches, dataParallel, recompute = false, warmup }: Omit<Candidate, "boundMs">, { globalBatch }: SearchSpace): PlanKind {
  const share = globalBatch / dataParallel;
  const widths = stages < devices ? widthsOf(share / microbatches, devices, stages) : [1];
  return { stages, devices, widths, microbatches, share, replicas: replicasPerPipeline(schedule), dataParallel, recompute, ...(warmup !== undefined && { warmup }) };
}

function scheduleOf({ schedule: name, warmup, held, concatenation, lateWeightGrads }: Candidate): Plan["schedule"] {
  return { name, ...(warmup !== undefined && { warmup }), ...(held !== undefined && { held }), ...(concatenation && { concatenation }), ...(lateWeightGrads && { lateWeightGrads }) };
}

/** The candidate with the best bound that is known for it. @param upToMs Beyond this it need not be tight. */
export function tightened(candidate: Candidate, space: SearchSpace, bounds: Bounds, upToMs: number): Candidate {
  return { ...candidate, boundMs: bounds.whole(scheduleOf(candidate), candidate.layout ?? layouts[0], kindOf(candidate, space), upToMs) };
}

/** More stages on a device shorten warm-up and send more; beyond this many it is messages that decide. */
const mostStagesPerDevice = 4;

/** Stages that several devices share are tried in pipelines of so many devices at most: longer ones can be balanced by cuts. */
const mostWideDevices = 4;

/** Schedules in which several devices may share each micro-batch of a stage. */
const wideSchedules: ReadonlySet<ScheduleName> = new Set<ScheduleName>(["gpipe", "1f1b"]);

/** Devices of a pipeline, and stages of each chain, that a schedule can have. */
function pipelinesOf(schedule: ScheduleName, { devices, workload: { chains } }: Context): readonly { readonly devices: number; readonly stages: number; readonly stagesPerDevice?: number }[] {
  if (schedule === "ddp") return [{ devices: 1, stages: 1 }];
  if (schedule === "bidirectional" && chains.length < 2) return [];
  const layers = Math.min(...chains.map((chain) => chain.layers.length));
  const found: { readonly devices: number; readonly stages: number; readonly stagesPerDevice?: number }[] = [];
  const [least, most] = schedule === "interleaved" ? [2, mostStagesPerDevice] : isInV(schedule) ? [2, 2] : [1, 1];
  for (let of = devices.length > 1 ? 2 : 1; of <= Math.min(devices.length, layers); of++) {
    if (schedule === "chimera" && of % 2 !== 0) continue;
    for (let stagesPerDevice = least; stagesPerDevice <= most && of * stagesPerDevice <= layers; stagesPerDevice++) found.push({ devices: of, stages: of * stagesPerDevice, stagesPerDevice });
  }
  if (!wideSchedules.has(schedule) || chains.length > 1) return found;
  for (let of = 3; of <= Math.min(devices.length, mostWideDevices); of++) for (let stages = 2; stages < Math.min(of, layers + 1); stages++) found.push({ devices: of, stages });
  return found;
}

/** How many devices may share micro-batches of so many samples; none where no such widths, without a common divisor, make up the pipeline. */
export function widthsOf(samples: number, devices: number, stages: number): readonly number[] {
  const widths = Array.from({ length: devices - stages + 1 }, (_, w) => w + 1).filter((width) => samples % width === 0);
  return allWidths(widths, devices, stages).length > 0 ? widths : [];
}

/** What ZB-H2 may hold where memory is short: half, and a quarter, of what it holds beyond ZB-H1. */
function fewerHeld(stages: number, microbatches: number): readonly number[] {
  const more = Math.min(mostHeld(stages), microbatches) - stages;
  return [...new Set([more >> 1, more >> 2])].filter((part) => part > 0).map((part) => stages + part);
}

/** A warm-up twice as deep hides what messages take, and holds more activations for it. */
const deepWarmup = 2;

/** Messages that take less than this share of a stage's passes are not worth a deeper warm-up. */
const leastMessages = 0.02;

/** Whether the shortest message between two stages could hold up a pipeline: no device computes while it waits. */
function hidesMessages({ workload, costs, cluster, devices }: Context, stages: number, samples: number): boolean {
  const [{ cuts, layers }] = workload.chains;
  const sums = costs.chain(0, samples, 0);
  const stageMs = (sums.forward[layers.length] + sums.backward[layers.length]) / stages;
  const link = linkBetween(cluster, devices[0], devices[1]);
  const least = cuts.slice(1).reduce((ms, { forward }) => Math.min(ms, transferMs(link, crossingBytes(forward, samples))), Infinity);
  return least >= leastMessages * stageMs;
}

/**
 * The plan of a candidate with given cuts (as `withCuts` takes them), nothing filled and nothing predicted yet.
 * @param widths `[stage]`: devices of each replica. Default: one each.
 */
export function planOf(base: PlanBase, candidate: Candidate, globalBatch: number, cuts: readonly number[], workload: Workload, widths?: readonly number[]): Plan {
  const placements = placementsOf(candidate, workload, widths);
  const plan: Plan = {
    format: "diffusionpipe.plan/1",
    model: base.model,
    profile: base.profile,
    cluster: base.cluster,
    batch: { global: globalBatch, microbatches: candidate.microbatches },
    dataParallel: candidate.dataParallel,
    schedule: scheduleOf(candidate),
    ...(candidate.recompute && { recompute: true }),
    chains: workload.chains.map(({ chain: { id } }, c) => ({ id, stages: placements[c].map((devices) => ({ from: 0, to: 0, devices })) })),
    optimizer: base.optimizer,
    fills: [],
    training: base.training,
    runnable: { reason: "not examined yet" },
    predicted: { periodMs: 0, makespanMs: 0, bubbleRatio: 0, throughputPerSecond: 0, peakMemoryBytes: [] },
  };
  return withCuts(plan, cuts);
}
