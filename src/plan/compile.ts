/** Compiles a plan into the program that the simulator times and the trainer executes. */
import type { FileRef } from "../model/profile";
import type { Plan } from "../model/plan";
import { UserError } from "../model/errors";
import type { Operation, Program } from "../model/program";
import type { Workload } from "../model/workload";
import type { Context } from "../simulate/context";
import { fillBeforeItsInput, fillOf } from "./fillOrder";
import { worldSizeOf } from "./placement";
import { iterationLists, prologueLists } from "./rankLists";
import { programStages } from "./stages";

/**
 * The program of a plan that `validatePlan` accepts.
 * @throws UserError where the schedule or a fill's anchor does not exist, or a fill stands before what it needs.
 */
export function compilePlan(plan: Plan, context: Context, planRef?: FileRef): Program {
  const { workload } = context;
  const prologues = prologueLists(plan, context);
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
    chains: workload.chains.map(({ chain }, c) => ({ id: chain.id, segments: chain.segments, stages: programStages(plan, context, c) })),
    ranks: iterationLists(plan, context).map((list, rank) => {
      checkFillOrder(plan, rank, list, workload);
      return { rank, prologue: prologues[rank], operations: list };
    }),
  };
}

/** @throws UserError naming the fill that would run before what it needs. */
function checkFillOrder(plan: Plan, rank: number, operations: readonly Operation[], workload: Workload): void {
  const early = fillBeforeItsInput(operations, workload);
  if (!early) return;
  throw new UserError(`Layers ${early.layers?.join("-")} of "${early.component}" stand before frozen work of device ${rank} that they need.`, { field: `fills[${fillOf(plan.fills, rank, early)}].before`, hint: "Move the fill behind what makes its input, or plan again." });
}

function isTrained({ profile, chains }: Workload, component: string): boolean {
  const layers = profile.components.find((candidate) => candidate.name === component)?.layers ?? [];
  return chains.some(({ chain }) => chain.segments.some((segment) => segment.component === component && layers.slice(segment.from, segment.to).some((layer) => layer.needsWeightGrad)));
}
