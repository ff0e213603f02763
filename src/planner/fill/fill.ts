/**
 * Fills for a plan, in two ways, judged by simulation and never worse than not filling:
 * - shared: each bubble's work is split over all devices that idle in it, layer by layer. Batches are large, but activations
 *   move between devices;
 * - apart: each device takes its own samples through all frozen layers in its own bubbles. Nothing moves but the encodings.
 */
import type { Fill, Plan } from "../../model/plan";
import { compilePlan } from "../../plan/compile";
import { unfilled } from "../../plan/frozenWork";
import { replicaSamples } from "../../plan/stages";
import type { Context } from "../../simulate/context";
import { simulate, type Simulation } from "../../simulate/engine";
import { refine, simulationBudget } from "../partition/refine";
import { bubblesOf, type Bubble } from "./bubbles";
import { greedyFills, type FillSettings } from "./greedy";

export interface Filled {
  readonly plan: Plan;
  readonly simulation: Simulation;
}

/** Tight margins pack more; wide ones leave room for the messages between fills. */
const margins = [0.02, 0.1, 0.25];

/** Shorter bubbles than this share of the period stay empty, unless settings say otherwise. */
const smallestShare = 1 / 500;

/** This iteration's frozen work before its first pass: the plan that every filling has to beat. */
export function withoutFilling(plan: Plan, context: Context): Filled {
  return withFills(plan, unfilled(plan, context.workload), context);
}

/**
 * The best of several fillings of `plan`, and of not filling. `thorough` also searches for each device's share of the samples.
 */
export function fillPlan(plan: Plan, context: Context, thorough: boolean, settings?: FillSettings): Filled {
  const baseline = withoutFilling(plan, context);
  if (context.workload.frozen.length === 0) return baseline;
  const replica = firstReplica(plan, withFills(plan, [], context).simulation, settings);
  const tries = settings ? [settings.margin] : margins;
  let best = baseline;
  const consider = (fills: readonly Fill[]): number => {
    const candidate = withFills(plan, forAllReplicas(plan, fills), context);
    if (candidate.simulation.periodMs < best.simulation.periodMs) best = candidate;
    return candidate.simulation.periodMs;
  };
  for (const margin of tries) {
    const marked = { margin, smallestMs: replica.smallestMs };
    consider(greedyFills(context, replica.shared, replica.ranks, [0, replica.samples], marked));
    const apart = (cuts: readonly number[]) => consider(replica.ranks.flatMap((rank, s) => (cuts[s] < cuts[s + 1] ? greedyFills(context, replica.own[s], [rank], [cuts[s], cuts[s + 1]], marked) : [])));
    const cuts = sampleCuts(context, replica, margin);
    if (thorough && replica.ranks.length > 1) refine(cuts, apart, Math.ceil(simulationBudget({ stages: replica.ranks.length, microbatches: plan.batch.microbatches, dataParallel: plan.dataParallel }) / (2 * tries.length)));
    else apart(cuts);
  }
  return best;
}

function withFills(plan: Plan, fills: readonly Fill[], context: Context): Filled {
  const filled = { ...plan, fills };
  return { plan: filled, simulation: simulate(compilePlan(filled, context.workload), context) };
}

interface Replica {
  readonly ranks: readonly number[];
  readonly samples: number;
  readonly smallestMs: number;
  readonly shared: readonly Bubble[];
  /** Bubbles of each device alone. */
  readonly own: readonly (readonly Bubble[])[];
}

function firstReplica(plan: Plan, simulation: Simulation, settings: FillSettings | undefined): Replica {
  const ranks = plan.chains[0].stages.map((stage) => stage.devices[0]);
  const smallestMs = settings?.smallestMs ?? simulation.periodMs * smallestShare;
  return {
    ranks,
    samples: replicaSamples(plan, 0)[1],
    smallestMs,
    shared: bubblesOf(simulation, ranks, smallestMs),
    own: ranks.map((rank) => bubblesOf(simulation, [rank], smallestMs)),
  };
}

/** The fills of replica 0, repeated for the others with their own samples and devices: all replicas work alike. */
function forAllReplicas(plan: Plan, fills: readonly Fill[]): readonly Fill[] {
  const { stages } = plan.chains[0];
  const stageOf = new Map(stages.map((stage, s) => [stage.devices[0], s]));
  return Array.from({ length: plan.dataParallel }, (_, replica) => replica).flatMap((replica) => {
    const [from] = replicaSamples(plan, replica);
    return fills.map((fill) => ({ ...fill, samples: [fill.samples[0] + from, fill.samples[1] + from] as const, device: stages[stageOf.get(fill.device) ?? 0].devices[replica] }));
  });
}

/**
 * How many samples each device takes when they work apart, as cuts of [0, samples): so many that what is left over after its
 * bubbles is the same on all devices.
 */
function sampleCuts(context: Context, { own, samples }: Replica, margin: number): readonly number[] {
  const room = own.map((bubbles) => bubbles.reduce((ms, bubble) => ms + (bubble.to - bubble.from) * (1 - margin), 0));
  const each = Math.ceil(samples / own.length);
  const perSample = context.workload.frozen.reduce((ms, part, p) => ms + context.costs.frozen(p, each)[part.to], 0) / each;
  // The level of leftover work at which all shares together are the batch; devices with more room than that take none of it.
  let low = -Math.max(...room);
  let high = perSample * samples;
  for (let i = 0; i < 60; i++) {
    const level = (low + high) / 2;
    const taken = room.reduce((sum, ms) => sum + Math.max(0, ms + level) / perSample, 0);
    if (taken < samples) low = level;
    else high = level;
  }
  const cuts = [0];
  let sum = 0;
  for (const ms of room) cuts.push(Math.min(samples, Math.round((sum += Math.max(0, ms + high) / perSample))));
  cuts[cuts.length - 1] = samples;
  return cuts;
}
