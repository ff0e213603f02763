/** Use-case: the best plan for a profile, a cluster and a batch. */
import { clusterFormat } from "../formats/cluster";
import { profileFormat } from "../formats/profile";
import { Cancelled, UserError } from "../model/errors";
import { scheduleNames, type Optimizer, type Plan, type ScheduleName, type Training } from "../model/plan";
import type { Profile } from "../model/profile";
import { fillReport, type FillReport } from "../plan/fillReport";
import type { Files } from "../platform/files";
import { planBound } from "../planner/fill/bound";
import type { SearchSpace } from "../planner/search/candidates";
import { searchPlan, type Row, type SearchHooks, type SearchPlan } from "../planner/search/search";
import { contextOf, type Context } from "../simulate/context";
import { predictionTypeOf, readFingerprinted, refFrom, resolveRef } from "./planFiles";

export interface PlanInputs {
  readonly profile: string;
  readonly cluster: string;
  /** Where the plan will be written; its references are relative to it. */
  readonly plan: string;
}

export interface PlanOptions {
  readonly batch: number;
  /** By default as `usualSearch` says. */
  readonly schedule?: ScheduleName | "all";
  readonly stages?: number;
  readonly microbatches?: number;
  /** False: the frozen work of an iteration runs before its first pass. */
  readonly fill?: boolean;
  /** Share of each bubble that is left free, below 1. By default several are tried. */
  readonly fillMargin?: number;
  /** Shorter bubbles stay empty, and no layer is begun for less of its batch than takes so long. By default a share of the period. */
  readonly smallestBubbleMs?: number;
  /** Image folder. */
  readonly data?: string;
  readonly steps?: number;
  readonly learningRate?: number;
  readonly seed?: number;
  readonly maxGradNorm?: number;
  readonly checkpointEvery?: number;
}

export interface Planned {
  readonly plan: Plan;
  /** That a plan which today's trainer does not run would be faster, and by how much; undefined where none was found. */
  readonly faster?: string;
  readonly rows: readonly Row[];
  /** Simulates the plan once more, for those who show it. */
  report(): PlanReport;
}

export interface PlanReport {
  readonly fills: FillReport;
  /** Ms that no filling of the plan's passes beats, frozen work at its best batch size. */
  readonly boundMs: number;
}

/** A search was called off when it had found a plan already. */
export class StoppedEarly extends Cancelled {
  constructor(readonly best: Plan) {
    super("Planning was stopped.");
  }
}

/**
 * Reads profile and cluster and searches, with `search` where that is not to be done right here; writes nothing.
 * @throws UserError, Cancelled; StoppedEarly where there is a plan by then.
 */
export async function makePlan(files: Files, inputs: PlanInputs, options: PlanOptions, hooks: SearchHooks = {}, search: SearchPlan = searchPlan): Promise<Planned> {
  const profile = await readFingerprinted(profileFormat, files, inputs.profile);
  const cluster = await readFingerprinted(clusterFormat, files, inputs.cluster);
  const context = contextOf(profile.document, cluster.document);
  const modelFolder = resolveRef(inputs.profile, profile.document.model);
  const training = trainingOf(profile.document, inputs.plan, options, await predictionTypeOf(files, modelFolder));
  let best: Plan | undefined;
  const onBest = (plan: Plan) => {
    best = plan;
    hooks.onBest?.(plan);
  };
  const { plan, faster, rows } = await search(
    {
      model: refFrom(inputs.plan, modelFolder, profile.document.model.sha256),
      profile: refFrom(inputs.plan, inputs.profile, profile.sha256),
      cluster: refFrom(inputs.plan, inputs.cluster, cluster.sha256),
      optimizer: optimizerOf(training.precision, options.maxGradNorm),
      training,
    },
    {
      globalBatch: options.batch,
      ...(options.schedule === undefined ? usualSearch(context) : { schedules: options.schedule === "all" ? scheduleNames : [options.schedule] }),
      stages: options.stages,
      microbatches: options.microbatches,
      fill: options.fill ?? true,
      fillSettings: { margin: options.fillMargin, smallestMs: options.smallestBubbleMs },
    },
    context,
    { ...hooks, onBest },
  ).catch((error: unknown): never => {
    throw error instanceof Cancelled && best ? new StoppedEarly(best) : error;
  });
  return { plan, ...(faster && { faster: fasterText(faster, plan) }), rows, report: () => ({ fills: fillReport(plan, context), boundMs: planBound(plan, context) }) };
}

/** Operations that a search may simulate of schedules that are not among the usual ones, on one device; on more of them, 8 times as many devices get 5 times as much. */
const effortOfOne = 120_000;
const effortExponent = 0.75;

/**
 * All schedules: data parallelism, 1F1B, GPipe and, of several chains, two directions in full, since they are quickly searched and
 * the trainer runs most of them; the others as far as an effort goes. Where the trainer runs the model, the plan is one that it runs.
 * On one device data parallelism alone, which then means plain training.
 */
export function usualSearch({ devices, workload }: Context): Pick<SearchSpace, "schedules" | "usual" | "effort" | "prefersRunnable"> {
  if (devices.length === 1) return { schedules: ["ddp"] };
  const several = workload.chains.length > 1;
  return {
    schedules: scheduleNames.filter((name) => several || name !== "bidirectional"),
    usual: [...(several ? ["bidirectional" as const] : []), "ddp", "1f1b", "gpipe"],
    effort: effortOfOne * devices.length ** effortExponent,
    prefersRunnable: true,
  };
}

function fasterText({ schedule, chains, batch, dataParallel, predicted: { periodMs } }: Plan, plan: Plan): string {
  const times = (plan.predicted.periodMs / periodMs).toFixed(3);
  return `A plan by ${schedule.name} (${chains[0].stages.length} stages x ${dataParallel}, micro-batches: ${batch.microbatches}) would be ${times} times as fast, ${periodMs.toFixed(1)} ms, but today's trainer does not run it.`;
}

/** @throws UserError for a name that is no schedule. */
export function scheduleNamed(name: string | undefined): ScheduleName | "all" | undefined {
  const found = [...scheduleNames, "all" as const].find((known) => known === name);
  if (name !== undefined && !found) throw new UserError(`There is no schedule "${name}". Schedules: ${scheduleNames.join(", ")}, or all of them: all.`);
  return found;
}

/** A margin or a length as someone gave it; undefined where nobody did. @throws UserError that calls it `name`, unless it is at least 0 and below `limit`. */
export function amountNamed(given: unknown, name: string, limit = Infinity): number | undefined {
  if (given === undefined || given === null) return undefined;
  const value = typeof given === "number" || (typeof given === "string" && given.trim() !== "") ? Number(given) : NaN;
  if (!(value >= 0 && value < limit)) throw new UserError(`${name} takes a number of at least 0${limit < Infinity ? ` and below ${limit}` : ""}, found ${JSON.stringify(given)}.`);
  return value;
}

function precisionOf(profile: Profile): Training["precision"] {
  const name = profile.device.precision.toLowerCase();
  return /bf/.test(name) ? "bf16" : /16/.test(name) ? "fp16" : "fp32";
}

/** AdamW keeps two float32 states per parameter; gradients have the type of the weights. */
function optimizerOf(precision: Training["precision"], maxGradNorm: number | undefined): Optimizer {
  return { name: "adamw", stateBytesPerParam: 8, gradDtype: precision, ema: false, ...(maxGradNorm !== undefined && { maxGradNorm }) };
}

function trainingOf(profile: Profile, planFile: string, options: PlanOptions, predictionType: Training["predictionType"]): Training {
  return {
    ...(options.data !== undefined && { data: refFrom(planFile, options.data, "").path }),
    steps: options.steps ?? 100,
    learningRate: options.learningRate ?? 1e-4,
    seed: options.seed ?? 0,
    resolution: Math.max(profile.bindings.height, profile.bindings.width),
    precision: precisionOf(profile),
    predictionType,
    checkpointEvery: options.checkpointEvery ?? 0,
  };
}
