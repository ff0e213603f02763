/** Another plan for the same inputs in place of the document's: its decisions as a whole, all else as it is. Pure. */
import { formatDocument, parseDocument } from "../formats/document";
import { planFormat } from "../formats/plan";
import type { Plan } from "../model/plan";
import { replacements, spanOf, type Replacement } from "./planText";

const decisions = ["batch", "dataParallel", "schedule", "chains", "fills", "runnable"] as const;

/** `plan` with all that `other` decides. Pins are of what is no more. @throws UserError where `other`, which a view sent, is no plan. */
export function withDecisionsOf(plan: Plan, other: Plan): Plan {
  const { batch, dataParallel, schedule, chains, fills, runnable, recompute } = parseDocument(planFormat, JSON.stringify(other), "the new plan");
  return {
    ...plan,
    batch, dataParallel, schedule, chains, fills, runnable,
    ...((recompute ?? plan.recompute) !== undefined && { recompute: recompute ?? false }),
    ...(plan.pins && { pins: [] }),
  };
}

/** The changes of the text that make it `wanted`: a decision that differs is written as a whole, so that nothing of the former one stays in it. */
export function decisionReplacements(text: string, wanted: Plan): readonly Replacement[] {
  const before = JSON.parse(text) as Partial<Plan>;
  if (wanted.recompute !== undefined && before.recompute === undefined) return [{ offset: 0, length: text.length, text: formatDocument(wanted) }];
  const whole = decisions.flatMap((key): readonly Replacement[] =>
    JSON.stringify(before[key]) === JSON.stringify(wanted[key]) ? [] : [{ ...spanOf(text, key), text: formatDocument(wanted[key]).trimEnd() }],
  );
  const kept = Object.fromEntries(Object.entries(wanted).filter(([key]) => !decisions.some((decision) => decision === key)));
  return [...whole, ...replacements(text, kept)];
}
