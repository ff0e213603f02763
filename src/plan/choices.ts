/** Values that a decision about a plan can have, as far as divisibility tells; the planner knows the rest. */
import { scheduleNames, type Plan, type ScheduleName } from "../model/plan";
import { isInV, microbatchProblem, replicasPerPipeline } from "../schedule/generators";
import type { Context } from "../simulate/context";
import { microbatchSamples, pipelineCount, widthOf, worldSizeOf } from "./placement";

export interface PlanChoices {
  readonly schedules: readonly ScheduleName[];
  /** Of each chain, with all devices of the cluster in use. */
  readonly stages: readonly number[];
  readonly replicas: readonly number[];
  readonly microbatches: readonly number[];
  /** Of "1f1b" alone. */
  readonly warmups: readonly number[];
}

/** Deeper ones hold more activations and hide no more. */
const deepestWarmup = 3;

export function choicesOf(plan: Plan, { devices, workload }: Context): PlanChoices {
  const { name } = plan.schedule;
  const layers = Math.min(...workload.chains.map((chain) => chain.layers.length));
  const now = { stages: plan.chains[0].stages.length, replicas: plan.dataParallel };
  const each = replicasPerPipeline(name);
  const perDevice = Math.max(1, Math.round((now.stages * pipelineCount(plan)) / worldSizeOf(plan)));
  const shapes = numbersTo(devices.length)
    .filter((pipeline) => devices.length % pipeline === 0 && plan.batch.global % ((devices.length / pipeline) * each) === 0)
    .map((pipeline) => ({ stages: pipeline * perDevice, replicas: (devices.length / pipeline) * each }))
    .filter(({ stages }) => stages <= layers && (name === "ddp" ? stages === 1 : stages > perDevice) && (name !== "chimera" || stages % 2 === 0));
  const widths = plan.chains.flatMap(({ stages }) => stages).map((stage) => widthOf(plan, stage));
  const places = worldSizeOf(plan) / pipelineCount(plan);
  const share = plan.batch.global / plan.dataParallel;
  return {
    schedules: scheduleNames.filter((other) => other === name || isPossible(other, devices.length, layers, workload.chains.length)),
    stages: withOwn(shapes.map(({ stages }) => stages), now.stages),
    replicas: withOwn(shapes.map(({ replicas }) => replicas), now.replicas),
    microbatches: withOwn(numbersTo(share).filter((count) => share % count === 0 && widths.every((width) => (share / count) % width === 0) && microbatchProblem(name, places, now.stages, count) === undefined), plan.batch.microbatches),
    warmups: name === "1f1b" ? withOwn(numbersTo(deepestWarmup), plan.schedule.warmup ?? 1) : [],
  };
}

function isPossible(name: ScheduleName, devices: number, layers: number, chains: number): boolean {
  if (name === "ddp") return true;
  if (name === "bidirectional") return chains > 1 && devices > 1;
  if (name === "interleaved" || isInV(name)) return devices > 1 && layers >= 4;
  return devices > 1 && layers >= 2;
}

function numbersTo(most: number): readonly number[] {
  return Array.from({ length: Math.floor(most) }, (_, i) => i + 1);
}

/** Ascending, each once, with the one that the plan has. */
function withOwn(values: readonly number[], own: number): readonly number[] {
  return [...new Set([...values, own])].sort((a, b) => a - b);
}

/** Samples of a micro-batch, for people: "4 of 2 samples". */
export function microbatchesText(plan: Plan, count: number): string {
  const samples = (microbatchSamples(plan) * plan.batch.microbatches) / count;
  return `${count} of ${samples} ${samples === 1 ? "sample" : "samples"}`;
}
