/** Frozen work shared out evenly: what runs without filling, and what prepares the first iteration of a filled run. */
import type { Fill, FillAnchor, Plan } from "../model/plan";
import type { Workload } from "../model/workload";
import type { Context } from "../simulate/context";
import { allPipelines, ordersOf, pipelineDevices, placedSteps, replicaSamples, replicasIn } from "./placement";

export interface FrozenShare {
  readonly device: number;
  readonly component: string;
  readonly from: number;
  readonly to: number;
  readonly samples: readonly [number, number];
}

/** `[a, b)` in `parts` contiguous pieces of nearly one size; none for a part that gets nothing. */
export function split([from, to]: readonly [number, number], parts: number): readonly (readonly [number, number] | undefined)[] {
  const count = to - from;
  return Array.from({ length: parts }, (_, i) => {
    const a = from + Math.floor((count * i) / parts);
    const b = from + Math.floor((count * (i + 1)) / parts);
    return a < b ? [a, b] : undefined;
  });
}

/** Samples of the global batch that a pipeline's replicas own: one range, since they follow each other. */
export function pipelineSamples(plan: Pick<Plan, "batch" | "dataParallel" | "schedule">, pipeline: number): readonly [number, number] {
  const replicas = replicasIn(plan, pipeline);
  return [replicaSamples(plan, replicas[0])[0], replicaSamples(plan, replicas[replicas.length - 1])[1]];
}

/** All frozen work, data-parallel: each pipeline's samples over its devices, whole components one after another. */
export function sharedFrozenWork(plan: Plan, workload: Workload): readonly FrozenShare[] {
  return allPipelines(plan).flatMap((pipeline) => {
    const devices = pipelineDevices(plan, pipeline).flat();
    return split(pipelineSamples(plan, pipeline), devices.length).flatMap((samples, d) =>
      samples ? workload.frozen.map((part) => ({ device: devices[d], component: part.component, from: 0, to: part.to, samples })) : [],
    );
  });
}

/** The fills of a plan without cross-iteration filling: this iteration's frozen work before the first pass. */
export function unfilled(plan: Plan, context: Context): readonly Fill[] {
  const steps = placedSteps(plan, context, ordersOf(plan, context));
  const first = new Map<number, FillAnchor>();
  for (const pipeline of allPipelines(plan)) {
    pipelineDevices(plan, pipeline).forEach((devices, place) => {
      const [pass] = steps[place];
      for (const device of devices) first.set(device, { op: pass.op, chain: plan.chains[pass.chain].id, stage: pass.stage, microbatch: pass.microbatch });
    });
  }
  return sharedFrozenWork(plan, context.workload).map((share) => ({ ...share, before: first.get(share.device) ?? { op: "OPTIM" }, iteration: 0 }));
}
