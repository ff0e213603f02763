/** Another plan for the same inputs in place of the document's: its decisions as a whole, all else as it is. Pure. */
import { parseDocument } from "../formats/document";
import { planFormat } from "../formats/plan";
import type { Plan } from "../model/plan";

/** `plan` with all that `other` decides. Pins are of what is no more. @throws UserError where `other`, which a view sent, is no plan. */
export function withDecisionsOf(plan: Plan, other: Plan): Plan {
  const { batch, dataParallel, schedule, chains, fills, runnable, recompute } = parseDocument(planFormat, JSON.stringify(other), "the new plan");
  const { recompute: _, pins: __, ...kept } = plan;
  return { ...kept, batch, dataParallel, schedule, chains, fills, runnable, ...(recompute !== undefined && { recompute }) };
}
