/**
 * Fills for a plan, in two ways, judged by simulation and never worse than not filling:
 * - shared: each bubble's work is split over all devices that idle in it, layer by layer. Batches are large, but activations
 *   move between devices;
 * - apart: each device takes its own samples through all frozen layers in its own bubbles. Nothing moves but the encodings.
 */
import type { Fill, Plan } from "../../model/plan";
import type { Program } from "../../model/program";
import { compilePlan } from "../../plan/compile";
import { pipelineSamples, split, unfilled } from "../../plan/frozenWork";
import { allPipelines, pipelineDevices } from "../../plan/placement";
import type { Context } from "../../simulate/context";
import { simulate, type Simulation } from "../../simulate/engine";
import { memoryUse } from "../../simulate/memory";
import { refine } from "../partition/refine";
import { cutsOf } from "../cuts";
import { forPipelines, trialsOf, type Trials } from "../trials";
import { batchCosts } from "./batches";
import { fillBound } from "./bound";
import { balanced } from "./balance";
import { improved } from "./improve";
import { bubblesOf, gapsOf, type Bubble } from "./bubbles";
import { sharesOf } from "./shares";
import { greedyFills, type FillSettings, type RoomAt } from "./greedy";
import { fitsIn, mostFillBytes, roomsOf } from "./room";

export interface Filled {
  readonly plan: Plan;
  readonly program: Program;
  readonly simulation: Simulation;
}

/** Tight margins pack more; wide ones leave room for the messages between fills. */
const margins = [0, 0.05, 0.15, 0.3];

/** The one that is tried where there is no time for several. */
const quickMargin = 0.1;

/** Shorter bubbles than this share of the period stay empty, unless settings say otherwise. */
const smallestShare = 1 / 800;

/** A fill more has to shorten the period by this share of it: a plan is also there to be read. */
const gainPerFill = 3e-5;

/** Who comes this near to the bound need not look on. */
const nearBound = 1e-4;

/** Shares of the samples that are tried where devices work apart. */
const shareTries = 16;

/** Simulations of fills moved one at a time, at last. */
const improvements = 40;

/** This iteration's frozen work before its first pass, at its best batch size: the plan that every filling has to beat. */
export function withoutFilling(plan: Plan, context: Context): Filled {
  return simulated({ ...plan, fills: unfilledFills(plan, context) }, context);
}

function unfilledFills(plan: Plan, context: Context): readonly Fill[] {
  const batches = batchCosts(context);
  return unfilled(plan, context).flatMap((fill) => {
    const part = context.workload.frozen.findIndex(({ component }) => component === fill.component);
    return split(fill.samples, batches.calls(part, fill.samples[1] - fill.samples[0])).flatMap((samples) => (samples ? { ...fill, samples } : []));
  });
}

/**
 * The next iteration's frozen work as one block of each device after its last backward pass, beside the all-reduces and the flush:
 * nothing goes into the bubbles between passes, but other than with `withoutFilling` iterations overlap.
 */
export function afterPasses(plan: Plan, context: Context): Filled {
  return simulated({ ...plan, fills: blocksAfter(plan, context) }, context);
}

function blocksAfter(plan: Plan, context: Context): readonly Fill[] {
  return unfilledFills(plan, context).map((fill) => ({ ...fill, before: { op: "OPTIM" }, iteration: 1 }));
}

/**
 * The best of several fillings of `plan`, whose own fills don't count, and of not filling, among those that fit; of all where none
 * does. `thorough` also searches for each device's share of the samples.
 * @param trials Of the plan, where some have been made already. @param toBeatMs A filling that does not come near to it need not be the best.
 */
export function fillPlan(plan: Plan, context: Context, thorough: boolean, settings?: Partial<FillSettings>, trials = trialsOf({ ...plan, fills: [] }, context), toBeatMs = Infinity): Filled {
  if (context.workload.frozen.length === 0) return withoutFilling(plan, context);
  const best = bestFills({ ...plan, fills: [] }, context, trials, thorough, settings, toBeatMs);
  const unfilledMs = quicklyUnfilledMs(plan, context, trials);
  const isAmple = hasAmpleRoom(plan, context, trials);
  const fits = ({ program, simulation }: Filled) => isAmple || fitsIn(context, memoryUse(program, context, simulation));
  const filled = () => simulated({ ...plan, fills: forPipelines(plan, best.fills, allPipelines(plan)) }, context);
  const quicker = best.periodMs < unfilledMs ? filled() : undefined;
  // Where pipelines meet on links both take longer than alone: then not filling has to be simulated as a whole too.
  if (quicker && quicker.simulation.periodMs <= unfilledMs && fits(quicker)) return quicker;
  const baseline = withoutFilling(plan, context);
  if (!quicker && fits(baseline)) return baseline;
  const made = [baseline, ...(best.periodMs < Infinity ? [quicker ?? filled()] : []), afterPasses(plan, context)].sort((a, b) => a.simulation.periodMs - b.simulation.periodMs);
  return made.find(fits) ?? made[0];
}

/** The period of `withoutFilling` with one pipeline of each kind, as if they never met on links. */
export function quicklyUnfilledMs(plan: Plan, context: Context, trials: Trials): number {
  return trials.filledMs(cutsOf(plan), ofFirst(plan, unfilledFills(plan, context)));
}

/** Those of the first pipeline. */
function ofFirst(plan: Plan, fills: readonly Fill[]): readonly Fill[] {
  const own = new Set(firstRanks(plan));
  return fills.filter(({ device }) => own.has(device));
}

function firstRanks(plan: Plan): readonly number[] {
  return pipelineDevices(plan, 0).flat();
}

function simulated(plan: Plan, context: Context): Filled {
  const program = compilePlan(plan, context);
  return { plan, program, simulation: simulate(program, context) };
}

/** A thorough search goes on only as long as its best is no more than so many times as slow as what it has to beat: before shares of the samples are varied, and before fills are moved one at a time. */
const hopeful = { shares: 1.03, moves: 1.01 };

/** Fills of the first pipeline, and the period with them; Infinity where nothing fits. */
interface FirstFills {
  readonly fills: readonly Fill[];
  readonly periodMs: number;
}

/**
 * The best fills found for the first pipeline (the others fill alike). Where they don't fit the memory that passes leave, another
 * search takes only what does.
 */
export function bestFills(plan: Plan, context: Context, trials: Trials, thorough: boolean, settings?: Partial<FillSettings>, toBeatMs = Infinity): FirstFills {
  const cuts = cutsOf(plan);
  const pipeline = firstPipeline(plan, trials.passes(cuts), settings);
  const { passes, samples } = pipeline;
  const fits = (simulation: Simulation) => fitsIn(context, trials.memory(cuts, simulation));
  const free = fillsOf(plan, context, trials, pipeline, thorough, settings, toBeatMs);
  if (hasAmpleRoom(plan, context, trials) || fits(trials.filled(cuts, free.fills))) return free;
  const quick = thorough ? bestFills(plan, context, trials, false, settings, toBeatMs) : undefined;
  const start = quick && quick.periodMs < Infinity ? quick.fills : undefined;
  return fillsOf(plan, context, trials, pipeline, thorough, settings, toBeatMs, { rooms: roomsOf(plan, context, trials.memory(cuts, passes), samples), fits, start });
}

/** Whether any filling fits, which is quickly seen. */
function hasAmpleRoom(plan: Plan, { workload }: Context, trials: Trials): boolean {
  const [from, to] = pipelineSamples(plan, 0);
  return trials.excessBytes(cutsOf(plan)) + mostFillBytes(workload, to - from) <= 0;
}

/** What devices may hold. */
interface Limits {
  /** Of each rank of the first pipeline. */
  readonly rooms: readonly RoomAt[];
  readonly fits: (simulation: Simulation) => boolean;
  /** Fills that others have to beat. */
  readonly start?: readonly Fill[];
}

/** The best fills found of those that fit `limits`. */
function fillsOf(plan: Plan, context: Context, trials: Trials, pipeline: FirstPipeline, thorough: boolean, settings: Partial<FillSettings> | undefined, toBeatMs: number, limits?: Limits): FirstFills {
  const { workload } = context;
  const cuts = cutsOf(plan);
  const batches = batchCosts(context);
  const { ranks } = pipeline;
  const scoreOf = (fills: readonly Fill[], periodMs: number) => periodMs * (1 + gainPerFill * fills.length);
  const simulate = (fills: readonly Fill[]) => trials.filled(cuts, fills);
  let best: FirstFills & { readonly score: number } = { fills: [], periodMs: Infinity, score: Infinity };
  const consider = (fills: readonly Fill[]): number => {
    const periodMs = trials.filledMs(cuts, fills);
    const score = scoreOf(fills, periodMs);
    if (score >= best.score) return score;
    if (limits && !limits.fits(simulate(fills))) return Infinity;
    best = { fills, periodMs, score };
    return score;
  };
  const tryBubbles = ({ shared, own }: Bubbles, tries: number): void => {
    const ways = (settings?.margin !== undefined ? [settings.margin] : thorough ? margins : [quickMargin]).map((margin) => {
      const marked = { margin, smallestMs: pipeline.smallestMs, partialBatches: settings?.partialBatches };
      consider(greedyFills(workload, batches, shared, ranks, [0, pipeline.samples], marked, limits && inAll(limits.rooms)));
      const fillsOn = (s: number, from: number, to: number) => (from < to ? greedyFills(workload, batches, own[s], [ranks[s]], [from, to], marked, limits?.rooms[s]) : []);
      const apart = (shares: readonly number[]) => consider(ranks.flatMap((_, s) => fillsOn(s, shares[s], shares[s + 1])));
      const shares = sharesOf(context, batches, own.map((bubbles) => bubbles.reduce((ms, bubble) => ms + (bubble.to - bubble.from) * (1 - margin), 0)), pipeline.samples, limits && fillsOn);
      return { shares, apart, score: apart(shares) };
    });
    if (tries < 2 || best.periodMs > toBeatMs * hopeful.shares) return;
    // Margins differ by less than shares do: those of the best one are varied.
    const { shares, apart } = ways.reduce((least, way) => (way.score < least.score ? way : least));
    refine(shares, apart, tries);
  };
  if (limits?.start) consider(limits.start);
  if (!thorough) {
    tryBubbles(pipeline.bubbles(true), 1);
    if (limits) consider(ofFirst(plan, blocksAfter(plan, context)));
    return best;
  }
  tryBubbles(pipeline.bubbles(false), 1);
  consider(ofFirst(plan, blocksAfter(plan, context)));
  const boundMs = fillBound(context, pipeline.passes, ranks, pipeline.samples);
  if (best.periodMs <= boundMs * (1 + nearBound)) return best;
  tryBubbles(pipeline.bubbles(true), shareTries);
  if (best.periodMs === Infinity || best.periodMs > toBeatMs * hopeful.moves) return best;
  const fits = limits?.fits ?? (() => true);
  const even = balanced(workload, batches, ranks, best.fills, simulate, scoreOf, fits);
  // What somebody wants left free is not filled by moves that look at what is free.
  if (even.periodMs <= boundMs * (1 + nearBound) || settings?.margin !== undefined || settings?.smallestMs !== undefined) return even;
  return improved(workload, batches, ranks, even.fills, simulate, scoreOf, fits, { simulations: improvements, smallestMs: pipeline.smallestMs });
}

/** What each of several devices has room for. */
function inAll(rooms: readonly RoomAt[]): RoomAt {
  return (ms) => {
    const all = rooms.map((roomAt) => roomAt(ms));
    return all[0].map((_, part) => ({ samples: Math.min(...all.map((own) => own[part].samples)), allows: (from, to, count) => all.every((own) => own[part].allows(from, to, count)) }));
  };
}

interface Bubbles {
  readonly shared: readonly Bubble[];
  /** Bubbles of each device alone. */
  readonly own: readonly (readonly Bubble[])[];
}

interface FirstPipeline {
  readonly ranks: readonly number[];
  readonly samples: number;
  readonly smallestMs: number;
  readonly passes: Simulation;
  /** `parted`: see `gapsOf`. */
  bubbles(parted: boolean): Bubbles;
}

function firstPipeline(plan: Plan, passes: Simulation, settings: Partial<FillSettings> | undefined): FirstPipeline {
  const ranks = firstRanks(plan);
  const smallestMs = settings?.smallestMs ?? passes.periodMs * smallestShare;
  const bubbles = (parted: boolean): Bubbles => {
    const gaps = gapsOf(passes, ranks, parted);
    return { shared: bubblesOf(gaps, smallestMs), own: ranks.map((rank) => bubblesOf(gaps.filter((gap) => gap.rank === rank), smallestMs)) };
  };
  return { ranks, samples: pipelineSamples(plan, 0)[1], smallestMs, passes, bubbles };
}
