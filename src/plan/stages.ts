/** What each stage of a plan sends and receives. */
import type { Plan } from "../model/plan";
import type { ProgramStage } from "../model/program";
import type { Workload } from "../model/workload";

export function programStages(plan: Plan, workload: Workload): readonly ProgramStage[] {
  const { stages } = plan.chains[0];
  return stages.map((stage, s) => ({
    from: stage.from,
    to: stage.to,
    devices: stage.devices,
    receives: s === 0 ? [] : workload.cuts[stage.from].forward.tensors,
    sends: s === stages.length - 1 ? [] : workload.cuts[stage.to].forward.tensors,
    receivesGrad: s === 0 ? [] : (workload.cuts[stage.from].backward?.tensors ?? []),
  }));
}

/** Samples of the global batch that replica `replica` owns, half-open. */
export function replicaSamples(plan: Pick<Plan, "batch" | "dataParallel">, replica: number): readonly [number, number] {
  const share = plan.batch.global / plan.dataParallel;
  return [replica * share, (replica + 1) * share];
}

/** Samples of one micro-batch of one replica. */
export function microbatchSamples(plan: Pick<Plan, "batch" | "dataParallel">): number {
  return plan.batch.global / plan.dataParallel / plan.batch.microbatches;
}
