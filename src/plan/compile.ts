/** Compiles a plan into the program that the simulator times and the trainer executes. */
import type { FileRef } from "../model/profile";
import type { Plan } from "../model/plan";
import type { Program } from "../model/program";
import type { Workload } from "../model/workload";
import { iterationLists, prologueLists, worldSizeOf } from "./rankLists";
import { programStages } from "./stages";

/**
 * The program of a plan that `validatePlan` accepts.
 * @throws UserError where the schedule or a fill's anchor does not exist.
 */
export function compilePlan(plan: Plan, workload: Workload, planRef?: FileRef): Program {
  const prologues = prologueLists(plan, workload);
  return {
    format: "diffusionpipe.program/1",
    model: plan.model,
    ...(planRef && { plan: planRef }),
    worldSize: worldSizeOf(plan),
    dataParallel: plan.dataParallel,
    batch: plan.batch,
    optimizer: plan.optimizer,
    training: plan.training,
    components: workload.profile.components.map((component) => ({
      name: component.name,
      ...(component.class !== undefined && { class: component.class }),
      role: isTrained(workload, component.name) ? "trained" : "frozen",
      after: component.after,
      layers: component.layers.map((layer) => layer.name),
    })),
    chains: [{ id: workload.chain.id, segments: workload.chain.segments, stages: programStages(plan, workload) }],
    ranks: iterationLists(plan, workload).map((list, rank) => ({ rank, prologue: prologues[rank], operations: list })),
  };
}

function isTrained(workload: Workload, component: string): boolean {
  const layers = workload.profile.components.find((candidate) => candidate.name === component)?.layers ?? [];
  return workload.chain.segments.some((segment) => segment.component === component && layers.slice(segment.from, segment.to).some((layer) => layer.needsWeightGrad));
}
