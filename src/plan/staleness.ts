/** Whether the files that a plan was made from are still what they were. */
import type { Plan } from "../model/plan";

export type Input = "model" | "profile" | "cluster";

/** The inputs whose fingerprint differs from the plan's; those whose fingerprint is unknown on either side are not judged. */
export function staleInputs(plan: Plan, found: Readonly<Partial<Record<Input, string>>>): readonly Input[] {
  return (["model", "profile", "cluster"] as const).filter((input) => found[input] && plan[input].sha256 && found[input] !== plan[input].sha256);
}
