/** Frozen work shared out evenly: what runs without filling, and what prepares the first iteration of a filled run. */
import type { Fill, Plan } from "../model/plan";
import type { Workload } from "../model/workload";
import { stageOrders } from "../schedule/generators";
import { replicaSamples } from "./stages";

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

/** All frozen work, data-parallel: each replica's samples over the devices of its stages, whole components one after another. */
export function sharedFrozenWork(plan: Pick<Plan, "batch" | "dataParallel" | "chains">, workload: Workload): readonly FrozenShare[] {
  const { stages } = plan.chains[0];
  return Array.from({ length: plan.dataParallel }, (_, r) => split(replicaSamples(plan, r), stages.length)).flatMap((pieces, r) =>
    pieces.flatMap((samples, s) => (samples ? workload.frozen.map((part) => ({ device: stages[s].devices[r], component: part.component, from: 0, to: part.to, samples })) : [])),
  );
}

/** The fills of a plan without cross-iteration filling: this iteration's frozen work before the first pass. */
export function unfilled(plan: Plan, workload: Workload): readonly Fill[] {
  const { stages } = plan.chains[0];
  const orders = stageOrders(plan.schedule, stages.length, plan.batch.microbatches);
  const stageOf = new Map(stages.flatMap((stage, s) => stage.devices.map((device) => [device, s] as const)));
  return sharedFrozenWork(plan, workload).map((share) => {
    const stage = stageOf.get(share.device) ?? 0;
    return { ...share, before: { ...orders[stage][0], chain: workload.chain.id, stage }, iteration: 0 };
  });
}
