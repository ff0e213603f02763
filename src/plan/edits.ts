/** Edits of a plan as a person makes them: pure, small, and leaving alone what they don't touch. */
import { UserError } from "../model/errors";
import type { FillAnchor, FrozenPrecision, Plan } from "../model/plan";
import type { Workload } from "../model/workload";
import { evictFill, mergeFill, moveFill, pinFill, splitFill } from "./fillEdits";
import { withPin } from "./pins";

/** An edit that needs no planner, so that a view can try it out by itself. Fills go by their index in the plan. */
export type PlanEdit =
  | { readonly kind: "moveBoundary"; readonly chain: string; /** Between this stage and the next. */ readonly stage: number; /** First layer of the next stage. */ readonly layer: number }
  | { readonly kind: "moveFill"; readonly fill: number; readonly device: number; readonly before: FillAnchor }
  | { readonly kind: "evictFill"; readonly fill: number }
  | { readonly kind: "splitFill"; readonly fill: number; /** First sample of the second part. */ readonly at: number }
  | { readonly kind: "mergeFill"; readonly fill: number; readonly other: number }
  | { readonly kind: "pinFill"; readonly fill: number; readonly pinned: boolean }
  | { readonly kind: "selfConditioning"; readonly chain: string; /** Share of iterations; 0 for none. */ readonly probability: number }
  | { readonly kind: "frozenPrecision"; readonly component: string; readonly precision: FrozenPrecision }
  | { readonly kind: "pin"; /** As `src/plan/pins.ts` names decisions. */ readonly pin: string; readonly pinned: boolean };

/** @returns another plan; whether it can be simulated is for `predictPlan` to say. @throws UserError where the edit cannot be made. */
export function editedPlan(plan: Plan, edit: PlanEdit, workload: Workload): Plan {
  switch (edit.kind) {
    case "moveBoundary": return moveBoundary(plan, edit.chain, edit.stage, edit.layer);
    case "moveFill": return moveFill(plan, edit.fill, edit.device, edit.before, workload);
    case "evictFill": return evictFill(plan, edit.fill, workload);
    case "splitFill": return splitFill(plan, edit.fill, edit.at);
    case "mergeFill": return mergeFill(plan, edit.fill, edit.other);
    case "pinFill": return pinFill(plan, edit.fill, edit.pinned);
    case "selfConditioning": return { ...plan, selfConditioning: { ...plan.selfConditioning, [edit.chain]: edit.probability } };
    case "frozenPrecision": return { ...plan, frozenPrecision: { ...plan.frozenPrecision, [edit.component]: edit.precision } };
    case "pin": return withPin(plan, edit.pin, edit.pinned);
  }
}

/**
 * Moves the boundary between stages `index` and `index + 1` to before chain layer `layer`. Fills stay: they stand before
 * operations, and each stage keeps its own.
 * @throws UserError where there is no such boundary, or a stage would lose its last layer.
 */
export function moveBoundary(plan: Plan, chainId: string, index: number, layer: number): Plan {
  const chain = plan.chains.find((candidate) => candidate.id === chainId);
  const above = chain?.stages[index];
  const below = chain?.stages[index + 1];
  if (!chain || !above || !below) throw new UserError(`Chain "${chainId}" has no boundary after stage ${index}.`, { field: "chains" });
  if (!Number.isInteger(layer) || layer <= above.from || layer >= below.to) {
    throw new UserError(`The boundary can lie at layers ${above.from + 1} to ${below.to - 1}, not at ${layer}.`, { field: `chains[${plan.chains.indexOf(chain)}].stages[${index}].to` });
  }
  const stages = chain.stages.map((stage, s) => (s === index ? { ...stage, to: layer } : s === index + 1 ? { ...stage, from: layer } : stage));
  return { ...plan, chains: plan.chains.map((candidate) => (candidate === chain ? { ...chain, stages } : candidate)) };
}
