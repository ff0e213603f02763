/** What each stage of a plan sends and receives. */
import type { Plan } from "../model/plan";
import type { ProgramStage } from "../model/program";
import type { Context } from "../simulate/context";
import { crossingsOf } from "./placement";

export function programStages(plan: Plan, context: Context, chain: number): readonly ProgramStage[] {
  const crossings = crossingsOf(plan, context, chain);
  const { stages } = plan.chains[chain];
  return stages.map((stage, s) => ({
    from: stage.from,
    to: stage.to,
    devices: stage.devices,
    receives: s === 0 ? [] : crossings[s - 1].forward.tensors,
    sends: s === stages.length - 1 ? [] : crossings[s].forward.tensors,
    receivesGrad: s === 0 ? [] : (crossings[s - 1].backward?.tensors ?? []),
  }));
}
