/** One decision of a plan changed, and what depends on it planned again: cuts where the shape is another one, and the fills. */
import { UserError } from "../../model/errors";
import type { Fill, Plan } from "../../model/plan";
import { isPinned } from "../../plan/pins";
import { onlyChanges, type PlanChange } from "../../plan/planChange";
import { predictedFigures } from "../../plan/predict";
import { checkShape, holdingsOf, microbatchSamples, widthOf } from "../../plan/placement";
import { runnable } from "../../plan/runnable";
import { replicasPerPipeline } from "../../schedule/generators";
import type { Context } from "../../simulate/context";
import { balancedPlan } from "../search/balanced";
import { candidatesOf, type Candidate } from "../search/candidates";
import { withCuts } from "../cuts";
import { withoutFilling } from "../fill/fill";
import { fillAround } from "./around";

/**
 * The plan with the change made. Stages keep their layers and devices where the shape stays; pinned fills stay; a plan without
 * cross-iteration filling stays one.
 * @throws UserError where the change cannot be made, or not with what is pinned.
 */
export function changedPlan(plan: Plan, change: PlanChange, context: Context): Plan {
  const changes = onlyChanges(plan, change);
  if (Object.keys(changes).length === 0) throw new UserError("The plan is so already.");
  return refilled(plan, keepsShape(plan, changes) ? inPlace(plan, changes) : reshaped(plan, changes, context), context);
}

/** The valid plan that is most like one which is not: the same schedule, other cuts, and no fills kept. @throws UserError where there is none. */
export function repairedPlan(plan: Plan, context: Context): Plan {
  const loose = { ...plan, fills: plan.fills.map(({ pinned: _, ...fill }) => fill) };
  return refilled(loose, reshaped(loose, {}, context), context);
}

/** `shape` with fills as in `plan`: none across iterations where it has none, and its pinned ones. @throws UserError as `fillAround`. */
export function refilled(plan: Plan, shape: Plan, context: Context): Plan {
  const pinned = plan.fills.filter((fill) => fill.pinned);
  const lost = pinned.find((fill) => !hasPlaceFor(shape, fill));
  if (lost) {
    const { op, stage, microbatch } = lost.before;
    throw new UserError(`A fill of "${lost.component}" is pinned on device ${lost.device}${op === "OPTIM" ? "" : ` before ${op}${microbatch} of stage ${stage}`}, which the plan would not have.`, { field: `fills[${plan.fills.indexOf(lost)}]`, hint: "Unpin it first." });
  }
  const isFilled = plan.fills.some(({ iteration = 1 }) => iteration === 1);
  const filled = isFilled || context.workload.frozen.length === 0 ? fillAround({ ...shape, fills: [] }, pinned, context) : withoutFilling(shape, context);
  return { ...filled.plan, runnable: runnable(filled.plan, context.workload), predicted: predictedFigures(filled.plan, context, filled) };
}

function hasPlaceFor(plan: Plan, { device, before, samples, iteration = 1 }: Fill): boolean {
  const held = holdingsOf(plan)[device];
  if (!held || samples[1] > plan.batch.global || iteration === 0) return false;
  if (before.op === "OPTIM") return true;
  return before.microbatch! < plan.batch.microbatches && held.some(({ chain, stage }) => plan.chains[chain].id === before.chain && stage === before.stage);
}

/** Schedules that put one stage of each chain on each device of a pipeline, in order. */
const straight = new Set<string>(["gpipe", "1f1b", "zb-h1", "zb-h2"]);

function keepsShape(plan: Plan, { stages, dataParallel, schedule }: PlanChange): boolean {
  return stages === undefined && dataParallel === undefined && (schedule === undefined || (straight.has(schedule) && straight.has(plan.schedule.name)));
}

/** @throws UserError naming the field that does not go with the rest. */
function inPlace(plan: Plan, { batch, microbatches, schedule, warmup, recompute = plan.recompute }: PlanChange): Plan {
  const { recompute: _, ...rest } = plan;
  const now = schedule === undefined ? plan.schedule : { name: schedule };
  const changed: Plan = {
    ...rest,
    batch: { global: batch ?? plan.batch.global, microbatches: microbatches ?? plan.batch.microbatches },
    schedule: warmup === undefined ? now : warmupOf(now, warmup),
    ...(recompute && { recompute }),
    fills: [],
  };
  const { global, microbatches: count } = changed.batch;
  if (global % (plan.dataParallel * count) !== 0) throw new UserError(`${global} samples cannot be split evenly over ${plan.dataParallel} replicas of ${count} micro-batches.`, { field: "batch" });
  const shared = changed.chains.flatMap(({ stages }) => stages).map((stage) => widthOf(changed, stage)).find((width) => microbatchSamples(changed) % width !== 0);
  if (shared !== undefined) throw new UserError(`${shared} devices cannot share micro-batches of ${microbatchSamples(changed)} samples in equal parts.`, { field: "batch.microbatches" });
  checkShape(changed);
  return changed;
}

function warmupOf(schedule: Plan["schedule"], warmup: number): Plan["schedule"] {
  if (schedule.name !== "1f1b") throw new UserError(`A warm-up can be chosen for 1f1b, not for ${schedule.name}.`, { field: "schedule.warmup" });
  const { warmup: _, ...rest } = schedule;
  return warmup === 1 ? rest : { ...rest, warmup };
}

/** Another number of stages or replicas, or another way to place them: of those that use all devices the one most like the plan, cut anew. */
function reshaped(plan: Plan, changes: PlanChange, context: Context): Plan {
  const asked: PlanChange = { ...changes, schedule: changes.schedule ?? plan.schedule.name };
  const batch = asked.batch ?? plan.batch.global;
  const fixedStages = asked.stages ?? (isPinned(plan, "stages") && asked.dataParallel === undefined ? plan.chains[0].stages.length : undefined);
  const fixedMicrobatches = asked.microbatches ?? (isPinned(plan, "microbatches") ? plan.batch.microbatches : undefined);
  const schedule = asked.schedule!;
  const space = { globalBatch: batch, schedules: [schedule], fill: true };
  const recompute = asked.recompute ?? plan.recompute ?? false;
  const all = candidatesOf(space, context, undefined, recompute);
  const fitting = all.filter(
    (candidate) =>
      (fixedStages === undefined || candidate.stages === fixedStages) &&
      (fixedMicrobatches === undefined || candidate.microbatches === fixedMicrobatches) &&
      (asked.dataParallel === undefined || candidate.dataParallel === asked.dataParallel) &&
      (asked.warmup === undefined || (candidate.warmup ?? 1) === asked.warmup),
  );
  const [nearest] = [...fitting].sort((a, b) => distance(plan, a) - distance(plan, b));
  if (!nearest) throw new UserError(`There is no such plan by ${schedule}. ${possible(all, schedule, batch, context)}`, { field: asked.stages !== undefined ? "chains" : asked.dataParallel !== undefined ? "dataParallel" : "schedule" });
  const found = balancedPlan(plan, batch, nearest, context, Infinity, true);
  if ("missingBytes" in found) throw new UserError(`It would not fit: one device misses ${Math.ceil(found.missingBytes / 1e6)} MB.`, { field: "chains", hint: "More stages, smaller micro-batches or recomputing activations need less." });
  const { recompute: _, ...rest } = plan;
  return { ...rest, ...withCuts(found.start, found.balanced.cuts) };
}

/** How much of the plan a candidate would change: its shape first, then micro-batches by how many times more or fewer they are. */
function distance(plan: Plan, { stages, devices = stages, dataParallel, microbatches, warmup = 1, layout, concatenation, lateWeightGrads = false, held }: Candidate): number {
  const ratio = (a: number, b: number) => Math.abs(Math.log2(a / b));
  return (
    64 * ratio(stages, plan.chains[0].stages.length) + 64 * ratio(dataParallel, plan.dataParallel) + (devices === stages ? 0 : 32) + 8 * ratio(microbatches, plan.batch.microbatches) +
    (warmup === (plan.schedule.warmup ?? 1) ? 0 : 2) + (layout ? 1 : 0) + (concatenation === plan.schedule.concatenation ? 0 : 1) + (lateWeightGrads === (plan.schedule.lateWeightGrads ?? false) ? 0 : 1) + (held === plan.schedule.held ? 0 : 1)
  );
}

/** What there is instead, for people. */
function possible(candidates: readonly Candidate[], schedule: string, batch: number, { devices }: Context): string {
  if (candidates.length === 0) return `It has no plan for ${devices.length} devices and a batch of ${batch}.`;
  const shapes = [...new Map(candidates.map(({ stages, dataParallel }) => [`${stages} ${dataParallel}`, `${stages} x ${dataParallel / replicasPerPipeline(schedule as Candidate["schedule"])}`])).values()];
  return `Stages x pipelines on ${devices.length} devices: ${shapes.join(", ")}; micro-batches: ${[...new Set(candidates.map(({ microbatches }) => microbatches))].sort((a, b) => a - b).join(", ")}.`;
}
